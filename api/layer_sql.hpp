#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/layer_columns.hpp"

namespace gridlight::api {

/// Where the columns of every lookup's answer stand: version (of a snapped layer also its stand-in's), key
/// columns, geometry, properties, then what the lookup adds. An empty answer is one row with a null key, so
/// that it still carries the version.
struct row_layout {
  int key = 1;  ///< first key column; version is column 0, a stand-in's column 1
  int geometry = 0;
  int properties = 0;  ///< first of served_properties, in their order
  int extra = 0;       ///< distance_m, or whatever the statement adds
};
row_layout layout_of(const layer& l) noexcept;

/// What a region lookup asks for: everything, one box, the two of a box over the antimeridian, or a geometry.
enum class region : std::uint8_t { everything, box, two_boxes, geometry };

/// How a region's rows are found. `by_space`: through the spatial index, then sorted by key; right for few
/// hits. `by_key`: walking the key's index until the page is full. `walk_first`: walks a bounded way along
/// the key's index; only when that does not fill the page, by space. Right when many rows hit, and not too
/// wrong when they do not after all.
enum class access_path : std::uint8_t { by_space, by_key, walk_first };

struct region_query {
  region where = region::everything;
  access_path path = access_path::by_space;
  bool after_key = false;   ///< key columns of the last row seen follow the region's parameters
  bool count = false;       ///< adds the number of all matching rows
  std::int64_t rows = 128;  ///< literal bound for the planner, at least the bound limit
  std::int64_t walk = 0;    ///< for `walk_first`: how many rows
};

/// The SQL of one layer's lookups. Identifiers come from the catalog and are quoted; values are parameters.
/// Bounds that decide a plan (LIMIT inside a subquery) are literals, because a generic plan takes an unknown
/// LIMIT for a tenth of the table and scans it all.
class layer_sql {
 public:
  explicit layer_sql(const layer& l);

  /// $1 lon, $2 lat, $3 metres, $4 rows: every row within, sorted. Extra: distance.
  std::string within() const;
  /// $1 lon, $2 lat, [$3 metres,] then rows: of the `candidates` rows that are next by the index (on the
  /// sphere), the nearest on the ellipsoid. Extra: distance, its like on the sphere, that of the last
  /// candidate, number of candidates.
  std::string nearest(std::int64_t candidates, bool bounded) const;
  /// $1 lon, $2 lat, $3 rows: the same answer from all rows, without index. Extra: distance.
  std::string nearest_of_all() const;
  /// $1 lon, $2 lat, $3 horizon, $4…$6 arrays of lon, lat and reach in metres: of each patch, in order, the
  /// version (two with a stand-in), the distance to its centre, and how many rows may touch it, at most
  /// `most`; -1 beyond the horizon.
  std::string patches(std::int64_t most) const;
  /// How Postgres would look into a patch: by an index or not.
  std::string explain_patch() const;
  /// $1 lon, $2 lat, $3…$5 patches, $6 WKT[] of what must touch no row, [$7 metres,] then rows: the nearest
  /// rows that touch the patches. Extra: distance, how many of $6 were touched.
  std::string nearest_in_patches(bool bounded) const;
  /// Region parameters ($1…$4 min_lon, min_lat, max_lon, max_lat; eight for two boxes; or $1 EWKB), key
  /// texts, rows.
  std::string in_region(const region_query& q) const;
  /// Rows of which a condition on t holds, which is a constant; no parameters.
  std::string where(std::string_view condition, std::int64_t rows) const;
  /// $1… key texts.
  std::string by_key() const;

 private:
  std::string with_version(std::string_view lookup, std::string_view order,
                           std::string_view count = {}) const;
  std::string region_condition(region where, bool indexed) const;
  std::string region_rows(const region_query& q, access_path path) const;

  std::string base_, table_, key_list_, columns_, column_names_, geometry_, geography_, versions_, outer_,
      join_;
  std::vector<std::string> keys_, key_types_;
};

}  // namespace gridlight::api
