#include "geo/tile.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gridlight::geo {
namespace {

constexpr double radians = std::numbers::pi / 180;

// Web mercator's y of a latitude, 0 at the north edge, 1 at the south edge.
double row_share(double lat) noexcept {
  const double sine = std::sin(std::clamp(lat, -max_tile_lat, max_tile_lat) * radians);
  return 0.5 - std::atanh(sine) / (2 * std::numbers::pi);
}

double latitude(double row_share) noexcept {
  return std::atan(std::sinh(std::numbers::pi * (1 - 2 * row_share))) / radians;
}

}  // namespace

tile tile_at(const lonlat& place, int z) noexcept {
  const std::int64_t n = std::int64_t{1} << z;
  const auto cell = [n](double share) {
    const double at = std::floor(share * static_cast<double>(n));
    return static_cast<std::int64_t>(std::clamp(at, 0.0, static_cast<double>(n - 1)));
  };
  return {z, cell((place.lon + 180) / 360), cell(row_share(place.lat))};
}

bbox envelope(const tile& t) noexcept {
  return envelope(t, 0);
}

bbox envelope(const tile& t, double margin) noexcept {
  const auto n = static_cast<double>(std::int64_t{1} << t.z);
  const auto x = static_cast<double>(t.x), y = static_cast<double>(t.y);
  return {(x - margin) / n * 360 - 180, latitude((y + 1 + margin) / n), (x + 1 + margin) / n * 360 - 180,
          latitude((y - margin) / n)};
}

}  // namespace gridlight::geo
