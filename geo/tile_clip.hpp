#pragma once

#include <span>
#include <vector>

#include "geo/tile_grid.hpp"
#include "geo/tile_projection.hpp"

namespace gridlight::geo {

/// Cuts the segment a-b to the box. False: nothing of it lies strictly within.
bool clip_segment(tile_position& a, tile_position& b, const grid_box& box) noexcept;

/// Sutherland and Hodgman's cut of a ring (its first position not repeated) by the box's four sides. What
/// comes out covers the right area, but may run to and fro along the box's edge. `out` and `spare` must not
/// be what `ring` views.
void clip_ring(std::span<const tile_position> ring, const grid_box& box, std::vector<tile_position>& out,
               std::vector<tile_position>& spare);

}  // namespace gridlight::geo
