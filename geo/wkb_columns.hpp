#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "geo/text_sink.hpp"

namespace gridlight::geo {

/// Writes the geometries of many features as flat JSON arrays, members of an object that is open:
///   positions     longitude, latitude, longitude, … of all features
///   geometryType  the type that all have, "Mixed", or null when no feature has a geometry
///   types         the type of each, null where there is no geometry; left out when geometryType says it all
///   offsets       the first position of each feature, and the end; left out when each is one Point
///   parts, partStarts   the first part of each feature, the first position of each part; left out when each
///                       feature is one part, that is without MultiLineString and MultiPolygon
///   rings, ringStarts   the first ring of each part, the first position of each ring; only with polygons,
///                       other parts then count as one ring each
///   collections   [{"index":…,"geometry":…}]: GeometryCollections, which are trees, as GeoJSON
/// Offsets have one entry more than what they are of. Numbers and the direction of rings are
/// append_geojson's; a MultiPoint is one part. What has no geometry, or one that is EMPTY, has no positions.
class geometry_columns {
 public:
  /// Begins `positions`. Until finish() nobody else may append to `out`.
  geometry_columns(text_sink& out, std::size_t features, int decimals = 7);

  /// Adds a feature with this (E)WKB; false, with a null added, when append_geojson would not take it.
  bool append(std::span<const std::byte> wkb);
  void append_null();
  /// Ends `positions` and writes the other members.
  void finish();

 private:
  class visitor;
  using offsets = std::vector<std::uint32_t>;
  void begin_part();
  void begin_run();
  void end_feature(std::uint8_t type);
  void append_types();
  void append_offsets(std::string_view name, const offsets& starts, std::size_t end);

  text_sink& out_;
  int decimals_;
  std::uint32_t vertices_ = 0;
  std::vector<std::uint8_t> types_;  ///< geometry_type, 0 without one
  offsets starts_, parts_, part_starts_, rings_, ring_starts_;
  std::string collections_;
  bool only_points_ = true, has_multi_ = false, has_rings_ = false;
};

}  // namespace gridlight::geo
