#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::geo {

struct geojson_limits {
  std::size_t max_vertices = 10'000;
  int max_depth = 8;  ///< of nested GeometryCollections; at most 32, as for WKB
};

/// A GeoJSON geometry as EWKB (little endian, SRID 4326, 2-D), or what is wrong with it and where.
struct parsed_geometry {
  std::vector<std::byte> ewkb;
  std::size_t vertices = 0;
  std::string
      error;  ///< empty when all is well; such as "coordinates[0][3]: longitude 200 is outside -180…180"
  bool too_large = false;  ///< the error is the vertex cap
};

/// Reads a GeoJSON geometry object (RFC 7946): all seven types, null and unknown types refused, third and
/// further ordinates dropped, longitudes and latitudes in range, lines of two positions at least, rings
/// closed. Empty are allowed: MultiPoint, MultiLineString, MultiPolygon, GeometryCollection, Polygon and a
/// Polygon in a MultiPolygon. A `crs` member must name WGS 84; other foreign members are ignored. Validity in
/// GEOS's sense is geometry.hpp's matter.
parsed_geometry geometry_from_geojson(simdjson::dom::element object, const geojson_limits& limits);

/// Whether a `crs` member of the GeoJSON of 2008 (RFC 7946 has none) names WGS 84 in degrees: CRS84 or
/// EPSG:4326.
bool is_wgs84(simdjson::dom::element crs) noexcept;

}  // namespace gridlight::geo
