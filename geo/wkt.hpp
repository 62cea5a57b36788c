#pragma once

#include <string_view>

#include "geo/geojson.hpp"

namespace gridlight::geo {

/// Reads WKT or EWKT ("SRID=4326;POINT(1 2)") with GEOS: EWKB that passes inspect_wkb, little endian, 2-D (Z
/// and M dropped), with SRID 4326 when the text names none. Whether its coordinates are in range is the
/// caller's matter. `error` says why the text is no geometry, mostly in GEOS's words.
parsed_geometry geometry_from_wkt(std::string_view wkt);

}  // namespace gridlight::geo
