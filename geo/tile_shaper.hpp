#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "geo/tile.hpp"
#include "geo/tile_grid.hpp"
#include "geo/tile_projection.hpp"
#include "geo/wkb.hpp"

namespace gridlight::geo {

/// Makes of a geometry in degrees what a tile shows of it, in whole units of the tile, by the rules of
/// PostGIS's ST_AsMVTGeom(ST_Transform(geometry, 3857), ST_TileEnvelope(tile), extent, buffer):
/// - Of a collection only the members of the highest dimension are taken.
/// - Lines and polygons smaller than half a unit are nothing.
/// - Positions go to the nearest unit; repeated ones and those on the straight between their neighbours go.
/// - What lies beyond extent + buffer is cut off. Points on that edge stay; lines that run along it do not,
///   unless all of the geometry lies within.
/// - Polygons come out valid (OGC), and exteriors wound as the specification of vector tiles says.
/// Beyond 85.0511° nothing is drawn, in the buffer neither. Room is kept from one geometry to the next.
class tile_shaper {
 public:
  tile_shaper(const tile& t, int extent, int buffer) noexcept;
  void restart(const tile& t) noexcept;  ///< for another tile

  /// False: nothing is left of it, or the bytes are no geometry.
  bool shape(std::span<const std::byte> ewkb);
  /// The same of lines that are on the tile's own lattice (see lattice_lines); each goes through the middle
  /// of its cells.
  bool shape_lattice(std::span<const std::byte> bytes);

  const grid_shape& result() const noexcept { return shape_; }  ///< of the last shape() that was true

 private:
  friend struct run_taker;
  struct run {
    std::uint32_t end;  ///< in positions_
    bool exterior;
  };

  void clear() noexcept;
  void take(const tile_position& p);
  bool walk(std::span<const std::byte> ewkb, shape_kind kind);
  bool walk_lattice(std::span<const std::byte> bytes);
  bool draw();
  bool too_small() const noexcept;
  bool shape_points();
  bool shape_lines();
  bool shape_polygons();
  static std::size_t straighten(std::span<tile_position> line) noexcept;
  void add_line(std::span<const tile_position> line);
  bool add_ring(std::span<const tile_position> ring, bool exterior);

  int extent_, buffer_;
  grid_box box_;
  tile_projection project_;
  geometry_type type_{};
  grid_shape shape_;
  std::vector<tile_position> positions_;  ///< snapped to the grid
  std::vector<run> runs_;
  std::vector<tile_position> cut_, spare_;
  grid_checker checker_;
  double min_x_ = 0, min_y_ = 0, max_x_ = 0, max_y_ = 0;  ///< before snapping
  bool in_world_ = false, within_ = false, exterior_lost_ = false;
};

}  // namespace gridlight::geo
