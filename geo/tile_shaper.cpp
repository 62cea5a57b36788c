#include "geo/tile_shaper.hpp"

#include <algorithm>
#include <cmath>

#include "geo/lattice_lines.hpp"
#include "geo/tile_clip.hpp"
#include "geo/wkb_walk.hpp"

namespace gridlight::geo {
namespace {

constexpr shape_kind kind_of(geometry_type type) noexcept {
  switch (type) {
    case geometry_type::point:
    case geometry_type::multi_point:
      return shape_kind::point;
    case geometry_type::line_string:
    case geometry_type::multi_line_string:
      return shape_kind::line_string;
    case geometry_type::polygon:
    case geometry_type::multi_polygon:
      return shape_kind::polygon;
    case geometry_type::geometry_collection:
      break;
  }
  return shape_kind::none;
}

struct visitor_base {
  static constexpr bool strict = false;
  void end_geometry(geometry_type) noexcept {}
  void begin_list() noexcept {}
  void end_list() noexcept {}
  void empty_point() noexcept {}
};

// The highest dimension of a collection's members, empty ones too.
struct kind_finder : visitor_base {
  shape_kind found = shape_kind::none;
  void begin_geometry(geometry_type type, int) noexcept { found = std::max(found, kind_of(type)); }
  void point(lonlat) noexcept {}
  void line(const detail::position_run&) noexcept {}
  void ring(const detail::position_run&, bool) noexcept {}
};

// To the nearest whole number, halves to the even one, where the library's rint would be a call.
// \pre |d| < 2^51
double snapped(double d) noexcept {
  constexpr double magic = 6'755'399'441'055'744.0;  // 1.5 * 2^52
  return (d + magic) - magic;
}

std::int32_t whole(double d) noexcept {
  return static_cast<std::int32_t>(d);
}

// A triangle of half a square unit, which ST_AsMVTGeom drops, too.
bool is_speck(std::span<const grid_point> ring) noexcept {
  return ring.size() == 3 && std::abs(doubled_area(ring)) <= 1;
}

// What the float boxes that PostGIS stores make of a size.
double float_size(double low, double high) noexcept {
  auto below = static_cast<float>(low), above = static_cast<float>(high);
  if (below > low) below = std::nextafter(below, -HUGE_VALF);
  if (above < high) above = std::nextafter(above, HUGE_VALF);
  return double{above} - double{below};
}

}  // namespace

// Projects the runs of the wanted kind and snaps them.
struct run_taker : visitor_base {
  tile_shaper& to;
  shape_kind wanted;  ///< none: that of the outermost geometry
  bool taking = false;

  run_taker(tile_shaper& shaper, shape_kind kind) noexcept : to{shaper}, wanted{kind} {}

  void begin_geometry(geometry_type type, int depth) noexcept {
    if (depth == 0) {
      to.type_ = type;
      if (wanted == shape_kind::none) wanted = kind_of(type);
    }
    taking = wanted != shape_kind::none && kind_of(type) == wanted;
  }
  void point(lonlat p) {
    // Nothing that is but a point is drawn beyond the world's edge.
    if (!taking || std::abs(p.lat) > max_tile_lat) return;
    to.in_world_ = true;
    to.take(to.project_(p));
  }
  void line(const detail::position_run& run) { take(run, false); }
  void ring(const detail::position_run& run, bool exterior) { take(run, exterior); }

  void take(const detail::position_run& run, bool exterior) {
    if (!taking) return;
    bool north = true, south = true;
    for (std::size_t i = 0; i < run.size(); ++i) {
      const lonlat p = run[i];
      north &= p.lat > max_tile_lat;
      south &= p.lat < -max_tile_lat;
      to.take(to.project_(p));
    }
    to.in_world_ |= !north && !south;
    to.runs_.push_back({static_cast<std::uint32_t>(to.positions_.size()), exterior});
  }
};

namespace {

// With the buffer, but not beyond the square of web mercator in the north and south.
grid_box drawn_box(const tile& t, int extent, int buffer) noexcept {
  const bool northmost = t.y == 0, southmost = t.y == (std::int64_t{1} << t.z) - 1;
  return {-buffer, northmost ? 0 : -buffer, extent + buffer, southmost ? extent : extent + buffer};
}

}  // namespace

tile_shaper::tile_shaper(const tile& t, int extent, int buffer) noexcept
    : extent_{extent}, buffer_{buffer}, box_{drawn_box(t, extent, buffer)}, project_{t, extent} {}

void tile_shaper::restart(const tile& t) noexcept {
  box_ = drawn_box(t, extent_, buffer_);
  project_ = tile_projection{t, extent_};
}

void tile_shaper::clear() noexcept {
  shape_.clear();
  positions_.clear();
  runs_.clear();
  min_x_ = min_y_ = HUGE_VAL;
  max_x_ = max_y_ = -HUGE_VAL;
  in_world_ = false;
}

void tile_shaper::take(const tile_position& p) {
  min_x_ = std::min(min_x_, p.x);
  max_x_ = std::max(max_x_, p.x);
  min_y_ = std::min(min_y_, p.y);
  max_y_ = std::max(max_y_, p.y);
  positions_.push_back({snapped(p.x), snapped(p.y)});
}

bool tile_shaper::walk(std::span<const std::byte> ewkb, shape_kind kind) {
  clear();
  run_taker taker{*this, kind};
  detail::wkb_walker<run_taker> walker{ewkb, taker};
  if (!walker.walk().empty()) return false;
  shape_.kind = taker.wanted;
  return true;
}

bool tile_shaper::shape(std::span<const std::byte> ewkb) {
  if (!walk(ewkb, shape_kind::none)) return false;
  if (type_ == geometry_type::geometry_collection) {
    kind_finder finder;
    detail::wkb_walker<kind_finder>{ewkb, finder}.walk();
    if (finder.found == shape_kind::none || !walk(ewkb, finder.found)) return false;
  }
  return draw();
}

bool tile_shaper::shape_lattice(std::span<const std::byte> bytes) {
  return walk_lattice(bytes) && draw();
}

bool tile_shaper::walk_lattice(std::span<const std::byte> bytes) {
  clear();
  lattice_lines lines{bytes};
  if (lines.order() < 0) return false;
  const double cell = static_cast<double>(extent_) / static_cast<double>(1 << lines.order());
  while (std::size_t points = lines.next_line()) {
    for (; points > 0; --points) {
      const auto [x, y] = lines.next_point();
      take({(x + 0.5) * cell, (y + 0.5) * cell});
    }
    runs_.push_back({static_cast<std::uint32_t>(positions_.size()), false});
  }
  type_ = geometry_type::multi_line_string;
  shape_.kind = shape_kind::line_string;
  in_world_ = true;
  return lines.complete();
}

bool tile_shaper::draw() {
  if (!in_world_ || snapped(max_x_) < box_.min_x || snapped(min_x_) > box_.max_x ||
      snapped(max_y_) < box_.min_y || snapped(min_y_) > box_.max_y)
    return false;
  within_ = snapped(min_x_) >= box_.min_x && snapped(max_x_) <= box_.max_x && snapped(min_y_) >= box_.min_y &&
            snapped(max_y_) <= box_.max_y;
  switch (shape_.kind) {
    case shape_kind::point:
      return shape_points();
    case shape_kind::line_string:
      return !too_small() && shape_lines();
    case shape_kind::polygon:
      return !too_small() && shape_polygons();
    case shape_kind::none:
      break;
  }
  return false;
}

// ST_AsMVTGeom measures the box that is stored with the geometry, in float metres; a line of two positions
// has none, and collections are not measured.
bool tile_shaper::too_small() const noexcept {
  if (max_x_ - min_x_ >= 0.5 || max_y_ - min_y_ >= 0.5 || type_ == geometry_type::geometry_collection)
    return false;
  const double half = project_.metres_x(0.5) - project_.metres_x(0);
  return float_size(project_.metres_x(min_x_), project_.metres_x(max_x_)) < half &&
         float_size(project_.metres_y(max_y_), project_.metres_y(min_y_)) < half;
}

bool tile_shaper::shape_points() {
  // Points on the edge of the world are drawn, as those between two tiles are.
  const int north = box_.min_y == -buffer_ ? box_.min_y : box_.min_y - 1;
  const int south = box_.max_y == extent_ + buffer_ ? box_.max_y : box_.max_y + 1;
  for (const tile_position& p : positions_) {
    if (!within_ && !(p.x > box_.min_x && p.x < box_.max_x && p.y > north && p.y < south)) continue;
    shape_.points.push_back({whole(p.x), whole(p.y)});
  }
  if (shape_.points.size() > 1) {
    std::sort(shape_.points.begin(), shape_.points.end(),
              [](grid_point a, grid_point b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
    shape_.points.erase(std::unique(shape_.points.begin(), shape_.points.end()), shape_.points.end());
  }
  return !shape_.points.empty();
}

bool tile_shaper::shape_lines() {
  std::size_t begin = 0;
  for (const run& r : runs_) {
    const auto line = std::span{positions_}.subspan(begin, r.end - begin);
    begin = r.end;
    if (const std::size_t n = straighten(line); n >= 2) add_line(line.first(n));
  }
  return !shape_.parts.empty();
}

// Drops what repeats the position before, and what lies on the straight between the one kept before and the
// next. So does a way back: of a-b-a nothing is left, as with PostGIS.
std::size_t tile_shaper::straighten(std::span<tile_position> line) noexcept {
  std::size_t n = 0;
  for (const tile_position& p : line)
    if (n == 0 || p.x != line[n - 1].x || p.y != line[n - 1].y) line[n++] = p;
  if (n < 3) return n;
  std::size_t kept = 0;
  for (std::size_t i = 1; i + 1 < n; ++i) {
    const double bx = line[i + 1].x - line[kept].x, by = line[i + 1].y - line[kept].y;
    const double cx = line[i].x - line[kept].x, cy = line[i].y - line[kept].y;
    const double along = cx * bx + cy * by;
    if (along < 0 || along > bx * bx + by * by || cx * by - cy * bx != 0) line[++kept] = line[i];
  }
  line[++kept] = line[n - 1];
  return kept == 1 && line[0].x == line[1].x && line[0].y == line[1].y ? 0 : kept + 1;
}

void tile_shaper::add_line(std::span<const tile_position> line) {
  auto& points = shape_.points;
  std::size_t begin = points.size();
  const auto add = [&](const tile_position& p) {
    const grid_point at{whole(snapped(p.x)), whole(snapped(p.y))};
    if (points.size() == begin || points.back() != at) points.push_back(at);
  };
  const auto close = [&] {
    if (points.size() < begin + 2)
      points.resize(begin);
    else
      shape_.parts.push_back({static_cast<std::uint32_t>(points.size()), false});
    begin = points.size();
  };
  bool open = false;  // the part goes on to the end of the segment before
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    tile_position a = line[i], b = line[i + 1];
    if (!within_ && !clip_segment(a, b, box_)) {
      open = false;
      continue;
    }
    if (!open || a.x != line[i].x || a.y != line[i].y) {
      close();
      add(a);
    }
    add(b);
    open = b.x == line[i + 1].x && b.y == line[i + 1].y;
  }
  close();
}

bool tile_shaper::shape_polygons() {
  std::size_t begin = 0;
  exterior_lost_ = true;
  for (const run& r : runs_) {
    auto ring = std::span{positions_}.subspan(begin, r.end - begin);
    begin = r.end;
    if (r.exterior) exterior_lost_ = false;
    if (exterior_lost_) continue;
    if (!within_) {
      clip_ring(ring, box_, cut_, spare_);
      ring = cut_;
    }
    if (!add_ring(ring, r.exterior) && r.exterior) exterior_lost_ = true;
  }
  if (shape_.parts.empty()) return false;
  if (!checker_.surely_valid(shape_)) repair(shape_);
  wind(shape_);
  return !shape_.parts.empty();
}

// Without what lies on the straight between its neighbours or sticks out of the ring as a spike.
bool tile_shaper::add_ring(std::span<const tile_position> ring, bool exterior) {
  auto& points = shape_.points;
  const std::size_t begin = points.size();
  const auto straight = [](grid_point a, grid_point b, grid_point c) {
    return std::int64_t{b.x - a.x} * (c.y - b.y) == std::int64_t{b.y - a.y} * (c.x - b.x);
  };
  for (const tile_position& p : ring) {
    const grid_point at{whole(snapped(p.x)), whole(snapped(p.y))};
    while (points.size() >= begin + 2 && straight(points[points.size() - 2], points.back(), at))
      points.pop_back();
    if (points.size() == begin || points.back() != at) points.push_back(at);
  }
  // The same where the end meets the beginning.
  std::size_t first = begin, end = points.size();
  for (bool again = true; again && end - first >= 3;) {
    if (straight(points[end - 2], points[end - 1], points[first]))
      --end;
    else if (straight(points[end - 1], points[first], points[first + 1]))
      ++first;
    else
      again = false;
  }
  points.resize(end);
  if (end - first < 3 || is_speck(std::span{points}.subspan(first))) {
    points.resize(begin);
    return false;
  }
  points.erase(points.begin() + static_cast<std::ptrdiff_t>(begin),
               points.begin() + static_cast<std::ptrdiff_t>(first));
  shape_.parts.push_back({static_cast<std::uint32_t>(points.size()), exterior});
  return true;
}

}  // namespace gridlight::geo
