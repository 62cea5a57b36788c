#include "geo/tile_projection.hpp"

#include <algorithm>
#include <numbers>

namespace gridlight::geo {
namespace {

constexpr double radians = std::numbers::pi / 180;
constexpr double earth_radius = 6'378'137;  // metres, WGS 84's semi-major axis
constexpr double tolerance = 1e-6;          // units

}  // namespace

tile_projection::tile_projection(const tile& t, int extent) noexcept {
  const double world = std::ldexp(extent, t.z);
  per_degree_ = world / 360;
  per_radian_ = world / (2 * std::numbers::pi);
  left_ = world / 2 - static_cast<double>(t.x) * extent;
  middle_ = world / 2 - static_cast<double>(t.y) * extent;
  metre_ = earth_radius / per_radian_;
  // The first term left out is (d / cos(lat0))^7 / 7, and those behind it are smaller.
  relative_reach_ = std::pow(7 * tolerance / per_radian_, 1.0 / 7);
}

double tile_projection::recentre(double lat) noexcept {
  lat = std::clamp(lat, -90.0, 90.0);
  centre_ = lat;
  const double phi = lat * radians;
  const double cosine = std::cos(phi), tangent = std::tan(phi);
  const double s = 1 / cosine, s2 = s * s, s4 = s2 * s2;
  at_centre_ = middle_ - per_radian_ * std::asinh(tangent);
  // The derivatives of the secant, which is the first one of asinh(tan phi).
  const double terms[6] = {s,
                           s * tangent / 2,
                           s * (2 * s2 - 1) / 6,
                           s * tangent * (6 * s2 - 1) / 24,
                           s * (24 * s4 - 20 * s2 + 1) / 120,
                           s * tangent * (120 * s4 - 60 * s2 + 1) / 720};
  double scale = per_radian_;
  for (int i = 0; i < 6; ++i) {
    scale *= radians;
    c_[i] = terms[i] * scale;
  }
  reach_ = relative_reach_ * cosine / radians;
  return 0;
}

}  // namespace gridlight::geo
