#include "sync/demo/plane.hpp"

#include <cmath>

namespace gridlight::sync::demo {
namespace {

constexpr double core_lon = -95.3698, core_lat = 29.7604;

// Metres in a degree at a latitude near the core: Taylor's series of the ellipsoid's formulas, so that no
// library function whose last bit may differ is called.
double metres_per_lat(double lat) noexcept {
  return 110848.4 + 16.84 * (lat - core_lat);
}
double metres_per_lon(double lat) noexcept {
  const double d = lat - core_lat;
  return 96717.0 - 960.33 * d - 14.73 * d * d;
}

// A wave of period 1 and height 1, made of parabolas.
double wave(double t) noexcept {
  t -= std::floor(t);
  return t < 0.5 ? 16 * t * (0.5 - t) : -16 * (t - 0.5) * (1 - t);
}

position rounded(double lon, double lat) noexcept {
  return {static_cast<std::int32_t>(std::floor(lon * 1e7 + 0.5)),
          static_cast<std::int32_t>(std::floor(lat * 1e7 + 0.5))};
}

}  // namespace

double length(vec v) noexcept {
  return std::sqrt(v.x * v.x + v.y * v.y);
}
vec unit(vec v) noexcept {
  return v * (1 / length(v));
}

position to_ground(vec plan) noexcept {
  const double x = plan.x + 130 * wave(plan.y / 17000) + 22 * wave(plan.y / 4300 + 0.3);
  const double y = plan.y + 110 * wave(plan.x / 14600 + 0.6) + 20 * wave(plan.x / 3900);
  const double lat = core_lat + y / metres_per_lat(core_lat + y / 110848.4 / 2);
  return rounded(core_lon + x / metres_per_lon(lat), lat);
}

position moved(position from, vec metres) noexcept {
  const double lat = from.latitude();
  return rounded(from.longitude() + metres.x / metres_per_lon(lat), lat + metres.y / metres_per_lat(lat));
}

vec offset(position from, position to) noexcept {
  const double lat = (from.latitude() + to.latitude()) / 2;
  return {(to.longitude() - from.longitude()) * metres_per_lon(lat),
          (to.latitude() - from.latitude()) * metres_per_lat(lat)};
}

position between(position a, position b, double t) noexcept {
  return rounded(a.longitude() + (b.longitude() - a.longitude()) * t,
                 a.latitude() + (b.latitude() - a.latitude()) * t);
}

double path_length(const std::vector<position>& path) noexcept {
  double sum = 0;
  for (std::size_t i = 1; i < path.size(); ++i)
    sum += distance(path[i - 1], path[i]);
  return sum;
}

double area_m2(const std::vector<position>& ring) noexcept {
  double twice = 0;
  for (std::size_t i = 2; i < ring.size(); ++i) {
    const vec a = offset(ring[0], ring[i - 1]), b = offset(ring[0], ring[i]);
    twice += a.x * b.y - a.y * b.x;
  }
  return std::abs(twice) / 2;
}

std::vector<vec> subdivided(const std::vector<vec>& points, double step) {
  std::vector<vec> out{points.front()};
  for (std::size_t i = 1; i < points.size(); ++i) {
    const vec from = points[i - 1], way = points[i] - from;
    const int pieces = std::max(1, static_cast<int>(std::ceil(length(way) / step)));
    for (int k = 1; k <= pieces; ++k)
      out.push_back(from + way * (static_cast<double>(k) / pieces));
  }
  return out;
}

}  // namespace gridlight::sync::demo
