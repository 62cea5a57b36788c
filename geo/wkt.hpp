#pragma once

#include <string_view>

#include "geo/geojson.hpp"

namespace gridlight::geo {

/// Reads WKT or EWKT ("SRID=4326;POINT(1 2)") with GEOS: EWKB, little endian, 2-D (Z dropped), with SRID 4326
/// when the text names none. Whether its coordinates are in range is inspect_wkb's and the caller's matter.
/// `error` is GEOS's sentence when the text is no geometry.
parsed_geometry geometry_from_wkt(std::string_view wkt);

}  // namespace gridlight::geo
