#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sync/generalize/source_sql.hpp"

namespace gridlight::sync::generalize {

/// Names of the generalised table, quoted and with their schema.
struct table_names {
  explicit table_names(const std::string& layer);
  std::string live, fresh;                   ///< fresh: being built
  std::string by_tile, by_cell;              ///< its indexes, without schema
  std::string fresh_by_tile, fresh_by_cell;  ///< those of the fresh one
};

/// The empty table.
std::string create_sql(const layer& l, const std::string& table);

/// The columns of the table that are inserted, in order.
std::string inserted_columns(const layer& l);

/// Inserts the rows of `zoom`, made of the features that the query `from` gives.
std::string level_sql(const layer& l, const std::string& table, int zoom, const std::string& from);

/// The features of `zoom` as the level above sees them; those of the children of cells of `zoom` - 1 when
/// some are given.
std::string features_of_level(const layer& l, const std::string& table, int zoom,
                              const std::vector<cells>* parents = nullptr);

/// Deletes the rows of `zoom` whose home is in the cells.
std::string clear_cells_sql(const std::string& table, int zoom, const std::vector<cells>& areas);

/// By zoom, from min_zoom to `grid`: the most features in one tile, counted by their centre, and how many
/// tiles the boxes of features that fill more than some hundred have together.
std::string crowding_sql(const layer& l, int grid);

/// The most features in one of these tiles of zoom `detail`, by the table's finest level. Merged lines tell
/// only those of its own tiles, which are of zoom `detail` - 1.
std::string most_in_tiles_sql(const layer& l, const std::string& table, int detail,
                              const std::vector<cells>& tiles);

}  // namespace gridlight::sync::generalize
