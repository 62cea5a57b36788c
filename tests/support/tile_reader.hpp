#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "geo/tile_grid.hpp"

namespace gridlight::test {

using tag_value = std::variant<std::string, double, std::int64_t, bool>;

struct tile_feature {
  std::uint64_t id = 0;
  geo::shape_kind kind = geo::shape_kind::none;
  /// Points: one part with all of them. Rings: without the first point again at the end.
  std::vector<std::vector<geo::grid_point>> parts;
  std::vector<std::pair<std::string, tag_value>> tags;
};

struct tile_layer {
  std::string name;
  std::uint32_t version = 1, extent = 4096;
  std::vector<std::string> keys;
  std::vector<tag_value> values;
  std::vector<tile_feature> features;
};

/// Reads a Mapbox vector tile by the letter of the specification 2.1; what offends it throws
/// std::runtime_error: unknown commands, parts too short, tags that name nothing, a key twice.
/// \param lenient  repeated positions are dropped instead: ST_AsMVT writes some
std::vector<tile_layer> read_tile(std::string_view bytes, bool lenient = false);

/// Twice the area by the surveyor's formula.
std::int64_t doubled_area(const std::vector<geo::grid_point>& ring);

/// Of a feature of polygons: EWKB of a MultiPolygon in tile units, holes told from exteriors by the sign of
/// their area alone. Throws when the first ring is a hole or one has no area.
std::vector<std::byte> polygons_of(const tile_feature& f);

}  // namespace gridlight::test
