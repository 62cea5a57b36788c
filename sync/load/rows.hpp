#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "sync/load/byte_source.hpp"

namespace gridlight::sync {

/// The longest record or feature that is read; a longer one ends the file with an error.
inline constexpr std::size_t max_record_bytes = 64 * 1024 * 1024;

/// One value of a source row. A CSV has only null and text; JSON says more.
struct cell {
  enum class kind : std::uint8_t { null, text, integer, number, boolean, json };
  kind is = kind::null;
  std::string_view text = {};  ///< of text and json
  std::int64_t integer = 0;    ///< of integer; of boolean 0 or 1
  double number = 0;
};

/// One row as the file has it. Views and spans live until the next row is read.
struct source_row {
  std::uint64_t line = 0;           ///< where it starts, from 1
  std::vector<cell> cells;          ///< by source column; columns beyond its end are null
  std::vector<std::byte> geometry;  ///< EWKB of a feature's geometry; empty: none
  std::string_view raw;             ///< the row's text, for reports
  std::string error;                ///< why this row cannot be read; empty when it can
};

/// Rows of one file, one after the other.
class row_source {
 public:
  virtual ~row_source() = default;
  /// False at the end. A row that is wrong in itself comes with `error` set; a failure ends the file.
  virtual result<bool> next(source_row& row) = 0;
  /// Names of the columns known so far: of a CSV all of them, of GeoJSON they grow with the features.
  virtual const std::vector<std::string>& columns() const noexcept = 0;
  virtual bool has_features() const noexcept = 0;  ///< rows carry a geometry besides their columns
  virtual std::uint64_t consumed() const noexcept = 0;
};

enum class file_kind { csv, geojson, geojson_lines };

/// By the name's ending, without `.gz`: .csv, .geojson and .json, .geojsonl, .ndjson and .geojson.seq.
std::optional<file_kind> kind_of_name(std::string_view file_name);
/// By the first bytes (unpacked).
file_kind kind_of_content(std::string_view start);
/// The file's name without folder and known endings; what names a layer's table.
std::string base_name(std::string_view path);

/// Opens rows; without a kind, the first bytes tell it. Fails with errc::input (no header, damaged gzip).
result<std::unique_ptr<row_source>> open_rows(byte_source bytes, std::optional<file_kind> kind);

}  // namespace gridlight::sync
