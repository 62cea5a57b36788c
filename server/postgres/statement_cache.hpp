#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

namespace gridlight::postgres {

/// Which statements one session has prepared, the least recently used last.
class statement_cache {
 public:
  explicit statement_cache(std::size_t capacity = 512) : capacity_(capacity) {}

  /// True when `id` is prepared; it is then the most recently used.
  bool touch(std::uint64_t id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return false;
    if (found->second != order_.begin()) order_.splice(order_.begin(), order_, found->second);
    return true;
  }
  bool full() const noexcept { return places_.size() >= capacity_; }
  std::uint64_t oldest() const { return order_.back(); }
  void insert(std::uint64_t id) {
    order_.push_front(id);
    places_[id] = order_.begin();
  }
  void erase(std::uint64_t id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return;
    order_.erase(found->second);
    places_.erase(found);
  }

 private:
  std::size_t capacity_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

}  // namespace gridlight::postgres
