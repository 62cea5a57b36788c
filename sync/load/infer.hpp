#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "geo/wkb.hpp"
#include "server/catalog.hpp"
#include "sync/load/rows.hpp"
#include "sync/load/target.hpp"

namespace gridlight::sync {

/// A name as columns and layers have it: lower case, words joined by '_', at most 60 characters, never empty.
std::string snake_case(std::string_view name);

/// What all values of one source column have in common.
class column_evidence {
 public:
  void see(const cell& value, bool zone_known);
  column_kind kind() const;
  bool always_present(std::uint64_t rows) const noexcept { return present_ == rows; }
  bool within(double limit) const noexcept {
    return largest_ <= limit;
  }  ///< every number is at most that far from 0

 private:
  void see_text(std::string_view text, bool zone_known);
  std::uint64_t present_ = 0;
  double largest_ = 0;
  bool boolean_ = true, integer_ = true, number_ = true, date_ = true, time_ = true, json_ = true;
};

/// The table that a new layer's files ask for.
struct inferred_table {
  std::vector<target_column> columns;
  std::vector<std::pair<std::string, std::string>>
      renames;                              ///< target, source: how the files' columns are mapped
  std::vector<std::string> key_candidates;  ///< named id or *_id, never null; id first, then in order
  std::vector<std::string> hidden;          ///< columns that are not served as properties: the coordinates
  std::string geometry;                     ///< the geometry column; empty: none
  geometry_kind shape = geometry_kind::none;
  std::uint64_t rows = 0;
};

/// Looks at every row of a layer's files before its table is made.
class inference {
 public:
  /// \param zone_known  times without a zone count as times
  /// \param renames  target, source: names to give instead of those that the columns' own would become
  inference(bool zone_known, std::vector<std::pair<std::string, std::string>> renames)
      : zone_known_(zone_known), renames_(std::move(renames)) {}
  void see(const source_row& row, const std::vector<std::string>& columns, bool features);
  inferred_table result() const;

 private:
  void see_geometry(std::span<const std::byte> ewkb);
  bool is_coordinate(std::optional<std::size_t> at, double limit) const;
  void add_geometry(inferred_table& out, std::set<std::string>& taken) const;

  std::string name_of(const std::string& source) const;

  bool zone_known_;
  std::vector<std::pair<std::string, std::string>> renames_;
  bool features_ = false;
  std::uint64_t rows_ = 0;
  std::vector<std::string> names_;
  std::vector<column_evidence> evidence_;
  std::optional<std::size_t> geometry_at_;
  std::set<geo::geometry_type> shapes_;
};

/// CREATE TABLE … of inferred columns, with a generated key column `key` when it is not one of them.
std::string create_table_sql(const std::string& qualified_name, const inferred_table& table,
                             const std::string& key, bool generated_key);

/// The catalog's entry for the layer, indented by two spaces, to stand below `layers:`.
std::string layer_yaml(const std::string& layer, const inferred_table& table, const std::string& key);

}  // namespace gridlight::sync
