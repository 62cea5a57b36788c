#include "geo/tile_grid.hpp"

#include <algorithm>

namespace gridlight::geo {
namespace {

// Twice the area of the triangle; its sign is the side of the line from a to b that c lies on.
std::int64_t side(grid_point a, grid_point b, grid_point c) noexcept {
  return std::int64_t{b.x - a.x} * (c.y - a.y) - std::int64_t{b.y - a.y} * (c.x - a.x);
}

// All turns go one way, and x turns back only twice: once round.
bool convex(std::span<const grid_point> ring) noexcept {
  const std::size_t n = ring.size();
  int reversals = 0, turn = 0, before = 0, first = 0;
  grid_point a = ring[n - 2], b = ring[n - 1];
  for (const grid_point c : ring) {
    const std::int64_t s = side(a, b, c);
    const int way = s > 0 ? 1 : -1;
    if (turn != 0 && way != turn) return false;
    turn = way;
    if (c.x != b.x) {
      const int heading = c.x > b.x ? 1 : -1;
      if (before == 0)
        first = heading;
      else if (heading != before)
        ++reversals;
      before = heading;
    }
    a = b;
    b = c;
  }
  return reversals + (before != first ? 1 : 0) <= 2;
}

bool inside(grid_point p, std::span<const grid_point> ring) noexcept {
  bool odd = false;
  grid_point a = ring.back();
  for (const grid_point b : ring) {
    if ((a.y > p.y) != (b.y > p.y) && (side(a, b, p) > 0) == (b.y > a.y)) odd = !odd;
    a = b;
  }
  return odd;
}

grid_box box_of(std::span<const grid_point> ring) noexcept {
  grid_box box{ring[0].x, ring[0].y, ring[0].x, ring[0].y};
  for (const grid_point p : ring) {
    box.min_x = std::min(box.min_x, p.x);
    box.max_x = std::max(box.max_x, p.x);
    box.min_y = std::min(box.min_y, p.y);
    box.max_y = std::max(box.max_y, p.y);
  }
  return box;
}

bool apart(const grid_box& a, const grid_box& b) noexcept {
  return a.max_x < b.min_x || b.max_x < a.min_x || a.max_y < b.min_y || b.max_y < a.min_y;
}

}  // namespace

std::int64_t doubled_area(std::span<const grid_point> ring) noexcept {
  std::int64_t sum = 0;
  grid_point a = ring.back();
  for (const grid_point b : ring) {
    sum += std::int64_t{a.x} * b.y - std::int64_t{b.x} * a.y;
    a = b;
  }
  return sum;
}

void wind(grid_shape& polygons) noexcept {
  for (std::size_t i = 0; i < polygons.parts.size(); ++i) {
    const auto ring = polygons.part_points(i);
    if ((doubled_area(ring) > 0) != polygons.parts[i].exterior) std::reverse(ring.begin(), ring.end());
  }
}

bool grid_checker::surely_valid(const grid_shape& polygons) {
  if (polygons.parts.size() == 1 && convex(polygons.part_points(0))) return true;
  return nested_well(polygons) && edges_apart(polygons);
}

// Where no two edges meet, rings are valid polygons when each hole lies in its exterior and nothing else lies
// in anything. Boxes that meet leave it open for exteriors and for holes.
bool grid_checker::nested_well(const grid_shape& polygons) {
  const std::size_t n = polygons.parts.size();
  if (n == 1) return true;
  if (n > 64) return false;
  grid_box boxes[64];
  std::size_t exterior = 0;
  for (std::size_t i = 0; i < n; ++i) {
    boxes[i] = box_of(polygons.part_points(i));
    const bool is_hole = !polygons.parts[i].exterior;
    if (!is_hole) exterior = i;
    if (is_hole && !inside(polygons.part_points(i)[0], polygons.part_points(exterior))) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (is_hole ? j <= exterior : !polygons.parts[j].exterior) continue;
      if (!apart(boxes[i], boxes[j])) return false;
    }
  }
  return true;
}

bool grid_checker::edges_apart(const grid_shape& polygons) {
  edges_.clear();
  for (std::size_t i = 0; i < polygons.parts.size(); ++i) {
    const auto ring = polygons.part_points(i);
    const auto last = static_cast<std::uint32_t>(ring.size() - 1);
    for (std::uint32_t k = 0; k <= last; ++k) {
      const grid_point a = ring[k], b = ring[k == last ? 0 : k + 1];
      edges_.push_back({a, b, std::min(a.x, b.x), std::max(a.x, b.x), std::min(a.y, b.y), std::max(a.y, b.y),
                        static_cast<std::uint32_t>(i), k, last});
    }
  }
  const auto neighbours = [](const edge& e, const edge& f) {
    if (e.ring != f.ring) return false;
    const std::uint32_t low = std::min(e.index, f.index), high = std::max(e.index, f.index);
    return high - low == 1 || (low == 0 && high == e.last);
  };
  const auto meet = [](const edge& e, const edge& f) {
    const std::int64_t fa = side(e.a, e.b, f.a), fb = side(e.a, e.b, f.b);
    if ((fa > 0 && fb > 0) || (fa < 0 && fb < 0)) return false;
    const std::int64_t ea = side(f.a, f.b, e.a), eb = side(f.a, f.b, e.b);
    return !((ea > 0 && eb > 0) || (ea < 0 && eb < 0));
  };
  const bool sorted = edges_.size() > 24;
  if (sorted)
    std::sort(edges_.begin(), edges_.end(), [](const edge& e, const edge& f) { return e.min_x < f.min_x; });
  for (std::size_t i = 0; i < edges_.size(); ++i) {
    const edge& e = edges_[i];
    for (std::size_t j = i + 1; j < edges_.size(); ++j) {
      const edge& f = edges_[j];
      if (f.min_x > e.max_x) {
        if (sorted) break;
        continue;
      }
      if (f.max_x < e.min_x || f.min_y > e.max_y || f.max_y < e.min_y) continue;
      if (!neighbours(e, f) && meet(e, f)) return false;
    }
  }
  return true;
}

}  // namespace gridlight::geo
