#pragma once

#include <cstdint>

#include "geo/bbox.hpp"
#include "geo/lonlat.hpp"

namespace gridlight::geo {

/// The latitude at which web mercator's square ends, atan(sinh(pi)), degrees.
inline constexpr double max_tile_lat = 85.05112877980659;

/// A tile of the XYZ scheme: at zoom z there are 2^z in each direction, x from 180° W eastward, y from
/// max_tile_lat southward.
struct tile {
  int z = 0;
  std::int64_t x = 0, y = 0;
  friend bool operator==(const tile&, const tile&) = default;
};

/// The tile a place lies in; a place beyond max_tile_lat lies in the outermost row, 180° in the last column.
/// \param z  0…30
tile tile_at(const lonlat& place, int z) noexcept;
/// West, south, east and north edge, degrees.
bbox envelope(const tile& t) noexcept;
/// The same with a margin on each side, in sides of the tile; it may reach beyond 180° and max_tile_lat.
bbox envelope(const tile& t, double margin) noexcept;

}  // namespace gridlight::geo
