#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.hpp"
#include "sync/generalize/areas.hpp"

namespace gridlight::sync::generalize {

/// Cells a tile's side has, as a power of two; and by how much of a tile rows reach into their neighbours.
inline constexpr int cell_order = 5;
/// Cells a tile's side has in the lattice of merged lines, as a power of two: 16/4096 of a tile, or 32/4096
/// where a tile shows a region, whose lines are many and short.
constexpr int lattice_order(int zoom) noexcept {
  return zoom <= 10 ? 7 : 8;
}
inline constexpr double buffer = 1.0 / 64;
/// More features than this in one tile are too many to show them all.
inline constexpr int most_in_tile = 2000;
/// So many that the zoom from which all are shown is chosen anew.
inline constexpr int grown_in_tile = 3000;
/// Features that fill hundreds of tiles may have so many rows in one zoom together. Where they would have
/// more, as one that is as large as the world has, all are shown from that zoom on, be they too many.
inline constexpr int most_large_rows = 250'000;

/// 2^n as an SQL number.
std::string two_to(int n);
/// SQL of a longitude or latitude at the fraction `at` (SQL) of the world from its west or north edge.
std::string longitude_at(std::string_view at);
std::string latitude_at(std::string_view at);
/// SQL of such a fraction, of a latitude within the pyramid.
std::string fraction_of_latitude(std::string_view latitude);

/// Which features of a layer a query is about; all texts are SQL, and may be empty.
struct chosen {
  std::string from;   ///< a FROM item beside the layer's
  std::string where;  ///< on the layer's own columns and `from`
  std::string carry;  ///< columns of `from` that `exact` needs: ", x0, x1"
  std::string exact;  ///< on the result
};

/// A query of the layer's features as they go into the first level: ident, key, geom, mx, my, size, rank, n,
/// p0…; and `merge` when the layer's lines are merged. Those outside the pyramid, or without a place, are not
/// among them.
std::string features_sql(const layer& l, const chosen& which = {});

/// Features whose centre lies in the cells of a grid of 2^order a side.
chosen centred_in(const layer& l, const std::vector<cells>& areas, int order);
/// Features whose box touches one of these, some of them more than once.
chosen touching(const layer& l, const std::vector<box>& boxes);
/// Features with these merge values, which are texts; `none`: also those without one.
chosen merged_by(const layer& l, const std::vector<std::string>& values, bool none);

/// A FROM item with the columns west, south, east, north.
std::string values_sql(const std::vector<box>& boxes);

/// ", p0, p1" with what stands before each name.
std::string property_list(const layer& l, std::string_view before = {});

}  // namespace gridlight::sync::generalize
