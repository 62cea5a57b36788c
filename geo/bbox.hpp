#pragma once

#include <array>
#include <cstddef>

namespace gridlight::geo {

/// Degrees, EPSG:4326. min_lon > max_lon means that it crosses the antimeridian (RFC 7946, 5.2).
struct bbox {
  double min_lon = 0, min_lat = 0, max_lon = 0, max_lat = 0;

  bool crosses_antimeridian() const noexcept { return min_lon > max_lon; }
  friend bool operator==(const bbox&, const bbox&) = default;
};

/// One box, or the two on either side of the antimeridian.
struct bbox_parts {
  std::array<bbox, 2> boxes;
  std::size_t count;
};
bbox_parts split(const bbox& b) noexcept;

}  // namespace gridlight::geo
