#include "sync/demo/circuit_layout.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

namespace gridlight::sync::demo {
namespace {

constexpr double margin = 12;      // half of an avenue, on every side of a circuit's land
constexpr double verge = 9;        // from the middle of a street to the lots
constexpr double line_offset = 5;  // from the middle of a street to its line, in the verge
constexpr double avenue_u = -6;    // the trunk runs within the margin
constexpr double lot_inset = 20;   // from the ends of a street to its first and last lots
constexpr double step = 100;       // longest straight piece of a line
constexpr double near = 0.5;

// A place on the edge of a rectangle as the way round it from (x0, y0), through (x1, y0).
double round_to(const rect& r, vec p) {
  if (std::abs(p.y - r.y0) < near) return p.x - r.x0;
  if (std::abs(p.x - r.x1) < near) return r.width() + p.y - r.y0;
  if (std::abs(p.y - r.y1) < near) return r.width() + r.height() + r.x1 - p.x;
  return 2 * r.width() + r.height() + r.y1 - p.y;
}

// Appends the corners passed and `to`, going round the rectangle the shorter way. Both places are on its
// edge.
void walk_edge(const rect& r, vec from, vec to, std::vector<vec>& path) {
  const double w = r.width(), h = r.height(), all = 2 * (w + h);
  const vec corner[] = {{r.x0, r.y0}, {r.x1, r.y0}, {r.x1, r.y1}, {r.x0, r.y1}};
  const double at[] = {0, w, w + h, 2 * w + h};
  const double a = round_to(r, from);
  double ahead = round_to(r, to) - a;
  if (ahead < 0) ahead += all;
  const bool forward = ahead <= all - ahead;
  const double way = forward ? ahead : all - ahead;
  std::vector<std::pair<double, vec>> passed;
  for (int i = 0; i < 4; ++i) {
    double d = forward ? at[i] - a : a - at[i];
    if (d < 0) d += all;
    if (d > near && d < way - near) passed.push_back({d, corner[i]});
  }
  std::sort(passed.begin(), passed.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
  for (const auto& [d, p] : passed)
    path.push_back(p);
  path.push_back(to);
}

struct cut {
  rect first, second;
  vec from, to;
};

cut halve(const rect& r, double share) {
  if (r.width() >= r.height()) {
    const double x = r.x0 + share * r.width();
    return {{r.x0, r.y0, x, r.y1}, {x, r.y0, r.x1, r.y1}, {x, r.y0}, {x, r.y1}};
  }
  const double y = r.y0 + share * r.height();
  return {{r.x0, r.y0, r.x1, y}, {r.x0, y, r.x1, r.y1}, {r.x0, y}, {r.x1, y}};
}

void share(const rect& r, std::span<const int> weights, const std::vector<vec>& path, bool on_cut,
           std::vector<circuit_land>& out) {
  if (weights.size() == 1) {
    out.push_back({r, path});
    return;
  }
  const std::size_t half = weights.size() / 2;
  const double sum = std::accumulate(weights.begin(), weights.end(), 0);
  const cut c = halve(
      r, std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(half), 0) / sum);
  std::vector<vec> next = path;
  if (!on_cut) {
    const vec here = path.back();
    const bool nearer_from = length(c.from - here) <= length(c.to - here);
    walk_edge(r, here, nearer_from ? c.from : c.to, next);
  }
  share(c.first, weights.first(half), next, false, out);
  share(c.second, weights.subspan(half), next, false, out);
}

}  // namespace

std::vector<circuit_land> share_out(const rect& district, const std::vector<int>& weights, vec& substation) {
  std::vector<circuit_land> out;
  substation = {district.x0, district.y0};
  if (weights.size() > 1) {
    const std::size_t half = weights.size() / 2;
    const double sum = std::accumulate(weights.begin(), weights.end(), 0);
    const cut c =
        halve(district,
              std::accumulate(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(half), 0) / sum);
    substation = (c.from + c.to) * 0.5;
  }
  share(district, weights, {substation}, true, out);
  // Feeders that leave by the same way run beside each other.
  for (std::size_t i = 0; i < out.size(); ++i)
    for (std::size_t k = 1; k + 1 < out[i].approach.size(); ++k) {
      const double aside = (static_cast<double>(i % 3) - 1) * 4;
      out[i].approach[k] = out[i].approach[k] + vec{aside, aside};
    }
  return out;
}

circuit_layout::circuit_layout(const circuit_land& land, const circuit_counts& counts) {
  orient(land);
  lay_lots(counts);
  lay_lines(land, counts.lines);
}

void circuit_layout::orient(const circuit_land& land) {
  const rect& r = land.land;
  const vec entry = land.approach.back();
  land_ = {r.x0 + margin, r.y0 + margin, r.x1 - margin, r.y1 - margin};
  from_x1_ = r.x1 - entry.x < entry.x - r.x0;
  from_y1_ = r.y1 - entry.y < entry.y - r.y0;
  const bool on_vertical = std::min(entry.x - r.x0, r.x1 - entry.x) < near;
  const bool on_horizontal = std::min(entry.y - r.y0, r.y1 - entry.y) < near;
  // From the middle of a side the feeder goes along it to the avenue, so the streets run that way, too.
  along_x_ = on_vertical && on_horizontal ? r.width() >= r.height() : on_horizontal;
  width_ = along_x_ ? land_.width() : land_.height();
  height_ = along_x_ ? land_.height() : land_.width();
}

void circuit_layout::lay_lots(const circuit_counts& counts) {
  lots_ = counts.buildings + counts.ponds;
  // Lots about 1.6 times as deep as wide.
  const int wanted = static_cast<int>(std::lround(std::sqrt(height_ * lots_ / (6.4 * width_))));
  streets_ = std::max({1, counts.lines - 1, wanted});
  per_side_ = std::max(1, (lots_ + 2 * streets_ - 1) / (2 * streets_));
  lot_width_ = (width_ - 2 * lot_inset) / per_side_;
  spacing_ = height_ / streets_;
  for (std::int64_t q = 0; q < counts.ponds; ++q)
    pond_lots_.push_back(static_cast<int>((2 * q + 1) * lots_ / (2 * counts.ponds)));
}

double circuit_layout::street_v(int street) const noexcept {
  return (street + 0.5) * spacing_;
}

vec circuit_layout::plan(double u, double v) const noexcept {
  const double x = along_x_ ? u : v, y = along_x_ ? v : u;
  return {from_x1_ ? land_.x1 - x : land_.x0 + x, from_y1_ ? land_.y1 - y : land_.y0 + y};
}

double circuit_layout::along(vec p) const noexcept {
  const double x = from_x1_ ? land_.x1 - p.x : p.x - land_.x0, y = from_y1_ ? land_.y1 - p.y : p.y - land_.y0;
  return along_x_ ? x : y;
}

vec circuit_layout::across() const noexcept {
  return plan(0, 1) - plan(0, 0);
}
double circuit_layout::first_lot_u() const noexcept {
  return lot_inset;
}

bool circuit_layout::is_pond(int index) const noexcept {
  return std::binary_search(pond_lots_.begin(), pond_lots_.end(), index);
}

int circuit_layout::lot_of_building(int building) const noexcept {
  int index = building;
  for (const int pond : pond_lots_)
    if (pond <= index) ++index;
  return index;
}

circuit_layout::lot circuit_layout::lot_at(int index) const noexcept {
  const int street = index / (2 * per_side_), rest = index % (2 * per_side_);
  const int place = rest % per_side_;
  const double side = rest < per_side_ ? 1 : -1;
  const double depth = spacing_ / 2 - verge - 1;
  const double u = lot_inset + (place + 0.5) * lot_width_;
  const double v = street_v(street) + side * (verge + depth / 2);
  return {street, 100 + 4 * place + (side > 0 ? 0 : 1), plan(u, v), across() * -side, lot_width_, depth};
}

// One lateral goes out along a street and back along the next, like a plough.
void circuit_layout::add_streets(int first, int last, line& to) const {
  for (int s = first; s < last; ++s) {
    const bool outward = (s - first) % 2 == 0;
    const double v = street_v(s) + line_offset, near_end = s == first ? avenue_u : 4, far_end = width_ + 6;
    const vec from = plan(outward ? near_end : far_end, v), until = plan(outward ? far_end : near_end, v);
    if (!to.path.empty()) {
      const auto link = subdivided({to.path.back(), from}, step);
      to.path.insert(to.path.end(), link.begin() + 1, link.end());
    } else {
      to.path.push_back(from);
    }
    const std::size_t start = to.path.size() - 1;
    const auto street = subdivided({from, until}, step);
    to.path.insert(to.path.end(), street.begin() + 1, street.end());
    to.streets.push_back({start, to.path.size() - 1});
  }
}

void circuit_layout::lay_lines(const circuit_land& land, int count) {
  std::vector<vec> trunk = land.approach;
  const vec corner{from_x1_ ? land.land.x1 : land.land.x0, from_y1_ ? land.land.y1 : land.land.y0};
  if (length(corner - trunk.back()) > near) trunk.push_back(corner);
  trunk.push_back(plan(avenue_u, avenue_u));
  trunk.push_back(plan(avenue_u, height_));
  lines_.push_back({subdivided(trunk, step), {}});
  const int laterals = count - 1;
  if (laterals <= 0) {
    add_streets(0, streets_, lines_.front());
    return;
  }
  for (int i = 0; i < laterals; ++i) {
    line lateral;
    add_streets(streets_ * i / laterals, streets_ * (i + 1) / laterals, lateral);
    lines_.push_back(std::move(lateral));
  }
}

}  // namespace gridlight::sync::demo
