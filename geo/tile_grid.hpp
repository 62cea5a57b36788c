#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace gridlight::geo {

/// A place in a tile, in whole units, y down.
struct grid_point {
  std::int32_t x = 0, y = 0;
  friend bool operator==(const grid_point&, const grid_point&) = default;
};

/// Named and numbered as the specification of vector tiles does.
enum class shape_kind : std::uint8_t { none, point, line_string, polygon };

/// Points, lines or rings, one after another. A ring's first point is not repeated at its end; an exterior is
/// followed by its holes.
struct grid_shape {
  struct part {
    std::uint32_t end = 0;  ///< in `points`
    bool exterior = false;  ///< of rings
  };
  shape_kind kind = shape_kind::none;
  std::vector<grid_point> points;
  std::vector<part> parts;

  void clear() noexcept {
    points.clear();
    parts.clear();
  }
  std::size_t begin_of(std::size_t i) const noexcept { return i == 0 ? 0 : parts[i - 1].end; }
  std::span<grid_point> part_points(std::size_t i) noexcept {
    return std::span{points}.subspan(begin_of(i), parts[i].end - begin_of(i));
  }
  std::span<const grid_point> part_points(std::size_t i) const noexcept {
    return std::span{points}.subspan(begin_of(i), parts[i].end - begin_of(i));
  }
};

/// Edges included.
struct grid_box {
  std::int32_t min_x = 0, min_y = 0, max_x = 0, max_y = 0;
};

/// Twice the area by the surveyor's formula, positive when clockwise to the eye (y down).
std::int64_t doubled_area(std::span<const grid_point> ring) noexcept;

/// Turns rings so that exteriors have a positive area and holes a negative one.
void wind(grid_shape& polygons) noexcept;

/// Tells quickly whether rings are surely valid polygons: cheap for what is small or convex, n log n
/// otherwise.
class grid_checker {
 public:
  /// False: they may be invalid, or valid in a way that is not looked for (rings that touch at a point).
  /// \pre no ring has fewer than 3 points or three in a row on a straight line
  bool surely_valid(const grid_shape& polygons);

 private:
  struct edge {
    grid_point a, b;
    std::int32_t min_x, max_x, min_y, max_y;
    std::uint32_t ring, index, last;  ///< index in its ring, and of the ring's last edge
  };
  bool edges_apart(const grid_shape& polygons);
  static bool nested_well(const grid_shape& polygons);

  std::vector<edge> edges_;
};

/// Replaces rings, whatever they are, by valid polygons that cover nearly the same; nothing is left of it
/// when GEOS cannot.
void repair(grid_shape& polygons);

}  // namespace gridlight::geo
