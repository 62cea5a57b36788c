#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/feature_writer.hpp"

namespace gridlight::api {

/// Writes rows of one layer's lookups column by column: the same values as feature_writer, in an array a
/// property. Made once a layer and used for many answers.
class column_writer {
 public:
  /// \param features  of the same layer; must outlive this
  column_writer(const layer& l, const feature_writer& features);

  /// Appends the members ids, columns (with distance_m, when there is a `distance_column`) and those of
  /// geo::geometry_columns for the first `count` rows. \pre features.fits(rows)
  void append(geo::text_sink& out, const postgres::result_set& rows, std::int64_t count,
              const property_selection& selection, std::optional<int> distance_column = std::nullopt) const;

 private:
  struct column {
    Oid type;
    value_form form;
    std::string name;  ///< `"name":[`
  };
  void append_property(geo::text_sink& out, const postgres::result_set& rows, int count, std::size_t i) const;

  const feature_writer& features_;
  row_layout layout_;
  std::vector<column> properties_;
};

}  // namespace gridlight::api
