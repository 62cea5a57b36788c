#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "geo/decimal.hpp"
#include "geo/text_sink.hpp"

namespace gridlight::geo {

enum class geometry_type : std::uint8_t {
  point = 1,
  line_string,
  polygon,
  multi_point,
  multi_line_string,
  multi_polygon,
  geometry_collection
};

/// GeoJSON's and OGC's name of a type: "Point", "LineString", …
std::string_view name_of(geometry_type type) noexcept;

/// What a walk over WKB or EWKB found. `error` is a constant sentence, empty when all is well.
struct wkb_summary {
  geometry_type type{};
  std::uint32_t srid = 0;  ///< 0 when the bytes name none
  std::size_t vertices = 0;
  bool empty = true;
  double min_x = 0, min_y = 0, max_x = 0, max_y = 0;  ///< meaningless when empty
  std::string_view error;
};

/// Walks untrusted WKB/EWKB of either byte order (ISO and EWKB Z/M accepted, Z and M skipped): structure,
/// depth (32 at most), counts against the bytes there, finite coordinates (NaN NaN is the empty point), lines
/// of at least 2 positions, closed rings of at least 4, no trailing bytes. Never throws, never reads outside.
/// What passes is taken by PostGIS's geometry input too, so a COPY of checked rows cannot fail on a geometry.
wkb_summary inspect_wkb(std::span<const std::byte> wkb) noexcept;

/// Appends the GeoJSON geometry object of (E)WKB to `out`: coordinates with at most `decimals` (7) digits,
/// trailing zeros trimmed; no negative zero. Rings follow RFC 7946's right-hand rule (outer counterclockwise,
/// holes clockwise), whatever way round they are stored. Empty geometries have empty arrays; empty points
/// inside a MultiPoint are left out. False, with `out` as it was, when the bytes are no such geometry; lines
/// and rings too short or not closed are written as they are.
bool append_geojson(text_sink& out, std::span<const std::byte> wkb, int decimals = 7);
/// The same for what nearly all is: EWKB of a point without Z and M in little-endian order. Returns the end,
/// or null, with nothing written, when it is something else. \pre `at` has point_room
char* write_point(char* at, std::span<const std::byte> wkb, int decimals = 7) noexcept;
inline constexpr std::size_t point_room = 36 + 2 * max_decimal_chars;
bool append_geojson(std::string& out, std::span<const std::byte> wkb, int decimals = 7);

/// Upper- or lower-case hex to bytes; empty when odd or not hex.
std::vector<std::byte> from_hex(std::string_view hex);

/// The same geometry as EWKB that names `srid` at its outermost level, in its own byte order; an SRID that
/// stands there is replaced, coordinates are not transformed. Fewer than 5 bytes are returned as they are.
/// \pre the bytes passed inspect_wkb
std::vector<std::byte> ewkb_with_srid(std::span<const std::byte> wkb, std::uint32_t srid);

}  // namespace gridlight::geo
