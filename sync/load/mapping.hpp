#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/error.hpp"
#include "sync/load/target.hpp"

namespace gridlight::sync {

/// Where one target column's values come from. At most one of source, shape and ordinate's place is used: a
/// null or missing source falls back to the feature's position.
struct binding {
  std::size_t target = 0;             ///< index into the table's columns
  std::optional<std::size_t> source;  ///< index into the file's columns
  bool from_feature = false;          ///< the geometry that a GeoJSON feature carries
  std::optional<std::pair<std::size_t, std::size_t>> from_lonlat;  ///< a point of two source columns
  /// Of a column that a generated geometry is made of: which ordinate (0 longitude, 1 latitude) of its n-th
  /// position.
  std::optional<std::pair<std::size_t, int>> position;
};

/// A file's columns on a table's.
struct column_mapping {
  std::vector<binding> bindings;                  ///< columns that are written, in the table's order
  std::optional<std::size_t> compared;            ///< source column with a geometry that the table generates
  std::optional<std::size_t> generated_geometry;  ///< the target column it is compared with
};

struct mapping_options {
  std::vector<std::pair<std::string, std::string>> renames;  ///< target, source
  bool ignore_extra = false;  ///< leave out columns that the table does not have
};

/// Matches by name, in either case; `lon`, `lng`, `x` and `lat`, `y` also match longitude and latitude, and a
/// column `wkt` or `wkb` the geometry. Fails with errc::input, naming every column that the table does not
/// have, a required or key column that the file does not have, or a rename that fits neither. \param features
/// rows carry a geometry of their own
result<column_mapping> map_columns(const std::vector<target_column>& table,
                                   const std::vector<std::string>& source,
                                   const std::vector<std::string>& key, bool features,
                                   const mapping_options& options);

/// Names of a column that holds a longitude, a latitude or a geometry, in the order of preference.
std::optional<std::size_t> find_longitude(const std::vector<std::string>& names);
std::optional<std::size_t> find_latitude(const std::vector<std::string>& names);
std::optional<std::size_t> find_geometry(const std::vector<std::string>& names);

}  // namespace gridlight::sync
