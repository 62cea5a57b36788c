#pragma once

#include <string>
#include <vector>

#include "sync/generalize/source_sql.hpp"

namespace gridlight::sync::generalize {

/// Lines that agree in their merge value are one feature of each tile: all their segments that reach into it,
/// snapped to a lattice (see lattice_order). The lattices nest, as cells do, so that it makes no difference
/// whether a segment is snapped at once or zoom by zoom.
///
/// Statements that make the temporary tables `feature` and `segment` for the level `zoom`.
std::string make_segments_sql(const layer& l, int zoom);
/// Statements that bring them from the level below to the level `zoom`.
std::string coarsen_segments_sql(int zoom);
/// Some features alone: "WITH feature AS …, segment AS …".
std::string some_segments(const layer& l, int zoom, const chosen& which);

/// Inserts the rows of `zoom`, all or those of some tiles. \param with  of some_segments, or empty: the
/// temporary tables of that level
std::string merged_level_sql(const layer& l, const std::string& table, int zoom, const std::string& with,
                             const std::vector<cells>* tiles = nullptr);

/// The merge values (NULL: none) that features in the boxes have or had when the table was made.
std::string merge_values_sql(const layer& l, const std::string& table, int finest,
                             const std::vector<box>& boxes);

/// Deletes the rows of `zoom` in some tiles that have one of these merge values.
std::string clear_tiles_sql(const std::string& table, int zoom, const std::vector<cells>& tiles,
                            const std::vector<std::string>& values, bool none);

}  // namespace gridlight::sync::generalize
