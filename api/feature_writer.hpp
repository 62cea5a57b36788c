#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/layer_sql.hpp"
#include "api/value_writer.hpp"
#include "geo/text_sink.hpp"
#include "server/catalog.hpp"
#include "server/postgres/result.hpp"

namespace gridlight::api {

/// The properties that a question asks for, as positions in served_properties; nothing: all.
using property_selection = std::optional<std::vector<std::size_t>>;

/// Appends one value of a row as JSON. \param form  form_of(type)
void append_cell(geo::text_sink& out, const postgres::result_set& rows, int row, int column, Oid type,
                 const value_form& form);

/// Writes rows of one layer's lookups (row_layout) as GeoJSON features. Made once a layer and used for many
/// answers: member names are rendered beforehand and columns are read by position.
class feature_writer {
 public:
  explicit feature_writer(const layer& l);

  /// The result's columns have the types that the catalog named; false after a table was changed under us.
  bool fits(const postgres::result_set& rows) const noexcept;

  /// Appends the feature of a row; `distance_column` adds `distance_m` (metres, 3 decimals) as the last
  /// property. \pre fits(rows)
  void append(geo::text_sink& out, const postgres::result_set& rows, int row,
              const property_selection& selection, std::optional<int> distance_column = std::nullopt) const;

  /// Appends the id as JSON: a number when the key is one integer, else a string.
  void append_id(geo::text_sink& out, const postgres::result_set& rows, int row) const;
  /// The id as text: the key's texts joined by ':', with '\' before ':' and '\' when the key is composite.
  std::string key_text(const postgres::result_set& rows, int row) const;
  /// The key's texts one by one, as cursors hold them.
  std::vector<std::string> key_parts(const postgres::result_set& rows, int row) const;

 private:
  struct column {
    Oid type;
    value_form form;
    std::string prefix;  ///< `,"name":`
  };

  char* write_geometry(geo::text_sink& out, char* at, const postgres::result_set& rows, int row) const;
  char* write_property(geo::text_sink& out, char* at, const postgres::result_set& rows, int row,
                       std::size_t i, bool first) const;

  row_layout layout_;
  std::vector<Oid> key_;
  std::vector<column> properties_;
  std::size_t room_;  ///< enough for all of a feature but its texts and a geometry that is no point
};

/// The texts of a feature id, undoing key_text; nothing when it has not `parts` of them.
std::optional<std::vector<std::string>> split_key(std::string_view id, std::size_t parts);

}  // namespace gridlight::api
