#include <cmath>
#include <cstring>

#include "geo/geojson.hpp"
#include "geo/wkb.hpp"
#include "geo/wkt.hpp"
#include "sync/load/row_encoder.hpp"
#include "sync/load/values.hpp"

namespace gridlight::sync {
namespace {

template <class T>
T read(const std::byte* from, bool little) {
  T value;
  if (little) {
    std::memcpy(&value, from, sizeof value);
    return value;
  }
  std::byte turned[sizeof(T)];
  for (std::size_t i = 0; i < sizeof(T); ++i)
    turned[i] = from[sizeof(T) - 1 - i];
  std::memcpy(&value, turned, sizeof value);
  return value;
}

struct wkb_head {
  bool little = true, has_z = false, has_m = false;
  std::uint32_t type = 0;
  std::size_t length = 5;
};

// Of bytes that inspect_wkb found sound.
wkb_head head_of(std::span<const std::byte> wkb) {
  wkb_head h;
  h.little = wkb[0] == std::byte{1};
  const auto word = read<std::uint32_t>(wkb.data() + 1, h.little);
  const std::uint32_t iso = (word & 0xffff) / 1000;
  h.has_z = (word & 0x80000000) != 0 || iso == 1 || iso == 3;
  h.has_m = (word & 0x40000000) != 0 || iso == 2 || iso == 3;
  h.type = (word & 0xffff) % 1000;
  if ((word & 0x20000000) != 0) h.length += 4;
  return h;
}

}  // namespace

read_geometry geometry_from_text(std::string_view text) {
  text = trim(text);
  if (text.empty()) return {{}, "an empty text is no geometry"};
  if (text[0] == '0') {
    read_geometry out{geo::from_hex(text), {}};
    if (out.ewkb.empty()) out.error = "not a hex EWKB geometry (odd or not hex)";
    return out;
  }
  geo::parsed_geometry parsed;
  if (text[0] == '{') {
    simdjson::dom::parser parser;
    simdjson::dom::element object;
    if (parser.parse(text.data(), text.size()).get(object) != simdjson::SUCCESS) return {{}, "not JSON"};
    parsed = geo::geometry_from_geojson(object, {.max_vertices = 4'000'000, .max_depth = 8});
  } else {
    parsed = geo::geometry_from_wkt(text);
  }
  return {std::move(parsed.ewkb), std::move(parsed.error)};
}

std::string check_geometry(const target_column& column, std::span<const std::byte> ewkb) {
  const geo::wkb_summary found = geo::inspect_wkb(ewkb);
  if (!found.error.empty()) return "not a geometry: " + std::string{found.error};
  if (const wkb_head head = head_of(ewkb); head.has_z || head.has_m)
    return "a geometry with Z or M; the column is two-dimensional";
  if (column.shape && found.type != *column.shape)
    return "a " + std::string{geo::name_of(found.type)} + "; the column is " + column.type;
  if (column.srid != 0 && found.srid != 0 && found.srid != column.srid)
    return "a geometry with SRID " + std::to_string(found.srid) + "; the column is " + column.type;
  const bool degrees = column.srid == 4326 || (column.srid == 0 && found.srid == 4326);
  if (degrees && !found.empty &&
      (found.min_x < -180 || found.max_x > 180 || found.min_y < -90 || found.max_y > 90))
    return "a geometry outside longitude -180...180, latitude -90...90";
  return {};
}

std::optional<geo::lonlat> position_at(std::span<const std::byte> ewkb, std::size_t n) {
  const geo::wkb_summary found = geo::inspect_wkb(ewkb);
  if (!found.error.empty() || found.empty) return std::nullopt;
  const wkb_head head = head_of(ewkb);
  const std::byte* at = ewkb.data() + head.length;
  if (found.type == geo::geometry_type::line_string) {
    if (n >= read<std::uint32_t>(at, head.little)) return std::nullopt;
    at += 4;
  } else if (found.type != geo::geometry_type::point || n > 0) {
    return std::nullopt;
  }
  at += n * sizeof(double) * (2u + head.has_z + head.has_m);
  return geo::lonlat{read<double>(at, head.little), read<double>(at + sizeof(double), head.little)};
}

}  // namespace gridlight::sync
