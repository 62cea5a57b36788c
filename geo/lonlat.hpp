#pragma once

namespace gridlight::geo {

/// A position in degrees, EPSG:4326: lon -180…180, lat -90…90.
struct lonlat {
  double lon = 0, lat = 0;
  friend bool operator==(const lonlat&, const lonlat&) = default;
};

}  // namespace gridlight::geo
