#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "geo/lonlat.hpp"
#include "sync/load/mapping.hpp"
#include "sync/load/rows.hpp"
#include "sync/load/target.hpp"

namespace gridlight::sync {

/// A geometry in a text: hex (E)WKB, (E)WKT or a GeoJSON geometry. Either EWKB or why not.
struct read_geometry {
  std::vector<std::byte> ewkb;
  std::string error;
};
read_geometry geometry_from_text(std::string_view text);

/// Why the column cannot hold the geometry; empty when it can.
std::string check_geometry(const target_column& column, std::span<const std::byte> ewkb);

/// The n-th position of a checked point or line string; nothing for other types or beyond the end.
std::optional<geo::lonlat> position_at(std::span<const std::byte> ewkb, std::size_t n);

/// Source rows to rows of COPY's binary format, each value checked first so that no row can make COPY fail.
class row_encoder {
 public:
  /// \param zone  offset in seconds for times without a zone; nothing: such times are refused
  row_encoder(const std::vector<target_column>& table, std::optional<std::int64_t> zone);

  void bind(column_mapping mapping);
  const column_mapping& mapping() const noexcept { return mapping_; }

  /// Appends the row to `out`. On a bad value returns the reason, with `out` as it was.
  std::string encode(const source_row& row, std::string& out);

  /// Of the row encoded last: the file's geometry is elsewhere than its coordinates; empty when it is not, or
  /// not known.
  const std::string& difference() const noexcept { return difference_; }

  static std::string header();   ///< what begins a COPY
  static std::string trailer();  ///< what ends it

 private:
  std::string write_value(const binding& b, const source_row& row, std::string& out);
  std::string write_cell(const target_column& column, const cell& value, std::string& out);
  std::string write_text(const target_column& column, const cell& value, std::string& out);
  std::string write_time(const target_column& column, const cell& value, std::string& out);
  std::string write_json(const target_column& column, const cell& value, std::string& out);
  std::string write_geometry(const target_column& column, std::span<const std::byte> ewkb, std::string& out);
  std::string write_point(const binding& b, const source_row& row, std::string& out);
  void compare_geometry(const source_row& row);

  const std::vector<target_column>& table_;
  std::optional<std::int64_t> zone_;
  column_mapping mapping_;
  std::string difference_;
  std::vector<geo::lonlat> given_;  // positions of a generated geometry, by the columns
  std::vector<std::uint8_t> given_mask_;
  simdjson::dom::parser json_;
};

}  // namespace gridlight::sync
