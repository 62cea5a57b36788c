#pragma once

#include <cmath>

#include "geo/lonlat.hpp"
#include "geo/tile.hpp"

namespace gridlight::geo {

/// A place in a tile's own units: (0, 0) is its north-west corner, (extent, extent) its south-east one.
struct tile_position {
  double x = 0, y = 0;
};

/// Degrees to a tile's units by web mercator (EPSG:3857, "Popular Visualisation Pseudo Mercator", method 1024
/// of the EPSG guidance note 7-2: x = R lambda, y = R ln tan(pi/4 + phi/2) = R asinh(tan phi)).
/// The logarithm is taken once for a neighbourhood: about a latitude lat0 y is its Taylor series of six
/// terms, used where what it leaves out is below a millionth of a unit, and laid anew about a place beyond
/// that.
class tile_projection {
 public:
  /// \param extent  units a tile's side has
  tile_projection(const tile& t, int extent) noexcept;

  /// Latitudes beyond the poles are taken for the poles, which are far outside but not infinitely far.
  tile_position operator()(const lonlat& place) noexcept {
    double d = place.lat - centre_;
    if (!(std::abs(d) <= reach_)) [[unlikely]]
      d = recentre(place.lat);
    const double north = d * (c_[0] + d * (c_[1] + d * (c_[2] + d * (c_[3] + d * (c_[4] + d * c_[5])))));
    return {clamped(place.lon) * per_degree_ + left_, at_centre_ - north};
  }

  /// A length in units as metres of EPSG:3857, and a position's metres.
  double metres_x(double x) const noexcept { return (x - left_) * metre_; }
  double metres_y(double y) const noexcept { return (middle_ - y) * metre_; }

 private:
  // A hundred times round the world: what lies farther out is no nearer to any tile.
  static double clamped(double lon) noexcept {
    return lon < -36'000.0 ? -36'000.0 : lon > 36'000.0 ? 36'000.0 : lon;
  }
  double recentre(double lat) noexcept;  ///< returns lat - centre_

  double per_degree_, per_radian_;  ///< units
  double left_, middle_;            ///< x of the meridian of Greenwich, y of the equator
  double metre_;                    ///< metres of a unit
  double relative_reach_;           ///< of the series, in radians at the equator
  double centre_ = 0, reach_ = -1;  ///< degrees
  double at_centre_ = 0, c_[6] = {};
};

}  // namespace gridlight::geo
