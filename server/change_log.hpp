#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "geo/bbox.hpp"

namespace gridlight {

/// What one raise of a layer's version touched.
struct layer_change {
  std::int64_t version = 0;
  bool everything = false;           ///< or, when not:
  std::vector<geo::bbox> envelopes;  ///< the old and the new places; none crosses the antimeridian
};

/// Changes of a layer, oldest first. Their boxes lie side by side: whoever judges a tile walks over them.
class change_log {
 public:
  struct entry {
    std::int64_t version = 0;
    std::size_t first = 0, count = 0;  ///< its boxes
    bool everything = false;
  };

  change_log() = default;
  change_log(std::initializer_list<layer_change> all) {
    for (const layer_change& c : all)
      append(c.version, c.everything, c.envelopes);
  }

  void append(std::int64_t version, bool everything, std::span<const geo::bbox> boxes) {
    entries_.push_back({version, boxes_.size(), boxes.size(), everything});
    boxes_.insert(boxes_.end(), boxes.begin(), boxes.end());
  }
  void reserve(std::size_t entries, std::size_t boxes) {
    entries_.reserve(entries);
    boxes_.reserve(boxes);
  }
  void clear() noexcept {
    entries_.clear();
    boxes_.clear();
  }

  std::span<const entry> entries() const noexcept { return entries_; }
  std::span<const geo::bbox> envelopes(const entry& e) const noexcept {
    return std::span{boxes_}.subspan(e.first, e.count);
  }
  std::size_t boxes() const noexcept { return boxes_.size(); }

  bool touches(const entry& e, const geo::bbox& box) const noexcept {
    const auto all = envelopes(e);
    return e.everything || std::any_of(all.begin(), all.end(), [&](const geo::bbox& b) {
             return b.min_lon <= box.max_lon && box.min_lon <= b.max_lon && b.min_lat <= box.max_lat &&
                    box.min_lat <= b.max_lat;
           });
  }

 private:
  std::vector<entry> entries_;
  std::vector<geo::bbox> boxes_;
};

}  // namespace gridlight
