#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gridlight::geo {

enum class geometry_type : std::uint8_t {
  point = 1, line_string, polygon, multi_point, multi_line_string, multi_polygon, geometry_collection
};

/// What a walk over WKB or EWKB found. `error` is a constant sentence, empty when all is well.
struct wkb_summary {
  geometry_type type{};
  std::uint32_t srid = 0;         ///< 0 when the bytes name none
  std::size_t vertices = 0;
  bool empty = true;
  double min_x = 0, min_y = 0, max_x = 0, max_y = 0;   ///< meaningless when empty
  std::string_view error;
};

/// Walks untrusted WKB/EWKB of either byte order (ISO and EWKB Z/M accepted, Z and M skipped): structure, depth
/// (32 at most), counts against the bytes there, finite coordinates, closed rings of at least 4 positions, no
/// trailing bytes. Never throws, never reads outside.
wkb_summary inspect_wkb(std::span<const std::byte> wkb) noexcept;

/// Appends the GeoJSON geometry object of (E)WKB to `out`: coordinates with at most `decimals` (7) digits, trailing
/// zeros trimmed; no negative zero. False, with `out` as it was, when the bytes are no such geometry.
bool append_geojson(std::string& out, std::span<const std::byte> wkb, int decimals = 7);

/// Upper- or lower-case hex to bytes; empty when odd or not hex.
std::vector<std::byte> from_hex(std::string_view hex);

/// A coordinate or measure in decimal, rounded half away from zero, shortest for its digits ("-95.37", "0", "12").
/// \pre value is finite
void append_decimal(std::string& out, double value, int decimals);

}  // namespace gridlight::geo
