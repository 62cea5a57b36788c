#include "geo/bbox.hpp"

namespace gridlight::geo {

bbox_parts split(const bbox& b) noexcept {
  if (!b.crosses_antimeridian()) return {{b, {}}, 1};
  return {{bbox{b.min_lon, b.min_lat, 180, b.max_lat}, bbox{-180, b.min_lat, b.max_lon, b.max_lat}}, 2};
}

}  // namespace gridlight::geo
