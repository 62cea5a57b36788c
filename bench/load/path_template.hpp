#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/places.hpp"
#include "geo/tile.hpp"

namespace gridlight::bench {

/// A path with places for random values: {lon} and {lat} of a point, {bbox:W} a box W degrees wide and high
/// round that point, {tile:Z} or {tile:Z-Y} the z/x/y of the tile at zoom Z (to Y) that the point lies in,
/// {one:A|B|C} one of these texts, {z}, {x}, {y} those of a tile that is given.
class path_template {
 public:
  /// \throws usage_error naming a place that is none of these
  explicit path_template(std::string_view text);

  /// Appends the path for a point drawn from `from`.
  void append(std::string& out, const places& from, std::mt19937_64& random) const;
  /// Appends the path for a tile.
  void append(std::string& out, const geo::tile& t) const;
  bool wants_point() const noexcept { return wants_point_; }
  bool wants_tile() const noexcept { return wants_tile_; }

 private:
  enum class kind { literal, lon, lat, bbox, some_tile, one, z, x, y };
  struct part {
    kind what;
    std::string text = {};
    double width = 0;
    int min_zoom = 0, max_zoom = 0;
    std::vector<std::string> choices = {};
  };
  static part parse_place(std::string_view name);

  std::vector<part> parts_;
  bool wants_point_ = false, wants_tile_ = false;
};

}  // namespace gridlight::bench
