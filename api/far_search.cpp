#include "api/far_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gridlight::api {
namespace {

using vec = std::array<double, 3>;
constexpr double radians = std::numbers::pi / 180;
constexpr double radius_m = 6371008.7714150598;  // PostGIS's, of the sphere that indexes are on
constexpr double no_horizon_m = 1e9;

// On the ellipsoid a way is at most so much longer than on that sphere.
constexpr double most_per_sphere_metre = 1.0045;

constexpr int most_rounds = 16, most_guesses = 5;
constexpr std::size_t most_split = 40;    // cells in a round, of 16 patches each
constexpr std::int64_t cheap_rows = 400;  // to measure that many is quicker than another round
constexpr std::int64_t few_rows = 8;      // not worth dividing
constexpr double smallest_m = 25;         // smaller ones divide buildings, not rows

vec vector_of(geo::lonlat p) {
  const double lon = p.lon * radians, lat = p.lat * radians;
  return {std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)};
}
geo::lonlat place_of(const vec& v) {
  return {std::atan2(v[1], v[0]) / radians, std::atan2(v[2], std::hypot(v[0], v[1])) / radians};
}
double angle(const vec& a, const vec& b) {
  const vec cross{a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
  return std::atan2(std::hypot(cross[0], cross[1], cross[2]), a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
}

// Half of the cube round the disc's centre that holds the disc, and some air.
double cube_half(const disc& d) {
  return 2 * std::sin(std::min(d.radius, whole_sphere) / 2) * 1.01 + 1e-5;
}

}  // namespace

double angle_between(geo::lonlat a, geo::lonlat b) {
  return angle(vector_of(a), vector_of(b));
}

disc disc_of(const geo::bbox& b) {
  disc out{{(b.min_lon + b.max_lon) / 2, (b.min_lat + b.max_lat) / 2}, 0};
  for (const double lon : {b.min_lon, out.centre.lon, b.max_lon})
    for (const double lat : {b.min_lat, out.centre.lat, b.max_lat})
      out.radius = std::max(out.radius, angle_between(out.centre, {lon, lat}));
  return out;
}

// What is not in the cube round the disc reaches beyond one of its six faces: into a cap of the sphere, whose
// box is that of five points.
std::vector<std::string> outside_of(const disc& d) {
  std::vector<std::string> out;
  const vec centre = vector_of(d.centre);
  const double half = cube_half(d);
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const double side : {-1.0, 1.0}) {
      const double face = side * centre[axis] + half;
      if (face >= 1) continue;
      const double rim = std::sqrt(std::max(0.0, 1 - std::max(face, -1.0) * std::max(face, -1.0)));
      // A cap of more than a hemisphere is as wide as the sphere.
      const double width = face < 0 ? 1 : rim, at = face < 0 ? 0 : face;
      std::string text = "MULTIPOINT(";
      const auto add = [&](double a, double b, double c) {
        vec p{};
        p[axis] = side * a;
        p[(axis + 1) % 3] = b;
        p[(axis + 2) % 3] = c;
        const geo::lonlat place = place_of(p);
        text += fmt::format("{}{:.17g} {:.17g}", text.back() == '(' ? "" : ",", place.lon, place.lat);
      };
      add(1, 0, 0);
      add(at, width, 0);
      add(at, -width, 0);
      add(at, 0, width);
      add(at, 0, -width);
      if (face < 0) add(std::max(face, -1.0), rim, 0);
      out.push_back(text + ")");
    }
  }
  return out;
}

// Along an edge of the plane nothing on the sphere is farther: the way back from the plane never lengthens.
double far_search::cell::reach_m() const noexcept {
  return half * std::numbers::sqrt2 * radius_m * (1 + 1e-6) + 0.01;
}
double far_search::cell::nearest_m() const noexcept {
  return distance_m - reach_m() * most_per_sphere_metre;
}

far_search::far_search(const disc& where, std::int64_t wanted, std::optional<double> bound_m)
    : centre_(vector_of(where.centre)),
      bound_m_(bound_m ? *bound_m * (1 + 1e-9) + 0.001 : no_horizon_m),
      horizon_m_(bound_m_),
      wanted_(wanted),
      needed_(wanted) {
  const double lon = where.centre.lon * radians, lat = where.centre.lat * radians;
  east_ = {-std::sin(lon), std::cos(lon), 0};
  north_ = {-std::sin(lat) * std::cos(lon), -std::sin(lat) * std::sin(lon), std::cos(lat)};
  // The cube's corners are farther from its centre than its faces.
  const double chord = cube_half(where) * std::numbers::sqrt3;
  const double half = chord < 2 ? 2 * std::asin(chord / 2) : whole_sphere;
  cells_.push_back({0, 0, half, 0, most_counted});
}

geo::lonlat far_search::place(const cell& c) const {
  const double rho = std::hypot(c.u, c.v);
  if (rho == 0) return place_of(centre_);
  vec p{};
  for (std::size_t i = 0; i < 3; ++i)
    p[i] = std::cos(rho) * centre_[i] + std::sin(rho) / rho * (c.u * east_[i] + c.v * north_[i]);
  return place_of(p);
}

// The cells whose farthest ends are nearest hold as many rows as are needed: what is behind them does not
// matter. Large features are counted in several cells; then this is too near, and widen() puts it right.
void far_search::set_horizon() {
  horizon_m_ = bound_m_;
  if (trust_bound_) return;
  std::sort(cells_.begin(), cells_.end(),
            [](const cell& a, const cell& b) { return a.farthest_m() < b.farthest_m(); });
  std::int64_t rows = 0;
  for (const cell& c : cells_) {
    rows += std::max<std::int64_t>(0, c.rows);
    if (rows < needed_) continue;
    horizon_m_ = std::min(bound_m_, c.farthest_m());
    break;
  }
}

std::vector<patch> far_search::next() {
  std::vector<patch> out;
  if (rounds_++ > 0) set_horizon();
  std::vector<std::size_t> large;
  std::int64_t rows = 0;
  bool uncounted = false;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    const cell& c = cells_[i];
    if (c.nearest_m() > horizon_m_) continue;
    const bool counted = c.rows >= 0 && c.rows < most_counted;
    rows += c.rows;
    if ((counted && c.rows <= few_rows) || c.whole || c.reach_m() < smallest_m) continue;
    uncounted = uncounted || !counted;
    large.push_back(i);
  }
  if (large.empty() || (!uncounted && rows <= wanted_ + cheap_rows)) return out;
  if (rounds_ > most_rounds) return out;
  std::sort(large.begin(), large.end(),
            [&](std::size_t a, std::size_t b) { return cells_[a].nearest_m() < cells_[b].nearest_m(); });
  large.resize(std::min(large.size(), most_split));
  std::sort(large.begin(), large.end(), std::greater{});
  for (const std::size_t i : large) {
    const cell c = cells_[i];
    cells_[i] = cells_.back();
    cells_.pop_back();
    const std::size_t before = asked_.size();
    for (int n = 0; n < 16; ++n) {
      const double quarter = c.half / 4;
      const int column = n % 4, row = n / 4;
      const cell part{c.u + quarter * (2 * column - 3), c.v + quarter * (2 * row - 3), quarter, 0, 0};
      // Beyond the point opposite the centre the plane is nowhere.
      if (std::hypot(part.u, part.v) - quarter * std::numbers::sqrt2 > whole_sphere) continue;
      asked_.push_back(part);
    }
    divided_.emplace_back(asked_.size() - before, c.rows);
  }
  for (const cell& c : asked_)
    out.push_back({place(c), c.reach_m()});
  return out;
}

void far_search::learn(std::span<const patch_contents> contents) {
  std::size_t i = 0;
  for (const auto& [parts, held] : divided_) {
    const std::size_t end = std::min({i + parts, asked_.size(), contents.size()}), first = cells_.size();
    std::int64_t rows = 0;
    for (; i < end; ++i) {
      if (contents[i].rows == 0) continue;
      asked_[i].distance_m = contents[i].distance_m;
      asked_[i].rows = contents[i].rows;
      rows += std::max<std::int64_t>(0, contents[i].rows);
      cells_.push_back(asked_[i]);
    }
    const bool whole = held >= 0 && held < most_counted && rows >= 3 * held;
    for (std::size_t n = first; n < cells_.size(); ++n)
      cells_[n].whole = whole;
  }
  asked_.clear();
  divided_.clear();
}

std::vector<patch> far_search::answer_patches() const {
  std::vector<patch> out;
  for (const cell& c : cells_)
    if (c.nearest_m() <= horizon_m_) out.push_back({place(c), c.reach_m()});
  return out;
}

void far_search::widen(std::int64_t within, std::optional<double> wanted_m) {
  if (wanted_m) bound_m_ = std::min(bound_m_, *wanted_m);
  needed_ = std::max(needed_ * 3 / 2, needed_ * wanted_ / std::max<std::int64_t>(within, 1));
  if (++measured_ >= most_guesses) {
    trust_bound_ = true;
    gave_up_ = !wanted_m;
  }
}

survey::survey() : search_({{0, 0}, whole_sphere}, 1, std::nullopt) {}

std::vector<patch> survey::next() {
  constexpr std::size_t enough = 40;
  constexpr double fine_m = 1000;
  auto& cells = search_.cells_;
  const bool fine = cells.empty() || cells.front().reach_m() < fine_m;
  if (fine || cells.size() > enough) return {};
  for (auto& c : cells) {
    c.rows = far_search::most_counted;
    c.distance_m = 0;
  }
  search_.rounds_ = 0;
  return search_.next();
}

std::optional<disc> survey::found() const {
  const auto& cells = search_.cells_;
  if (cells.empty()) return std::nullopt;
  vec sum{};
  for (const auto& c : cells) {
    const vec p = vector_of(search_.place(c));
    for (std::size_t i = 0; i < 3; ++i)
      sum[i] += p[i];
  }
  disc out{place_of(sum), 0};
  for (const auto& c : cells)
    out.radius = std::max(out.radius, angle_between(out.centre, search_.place(c)) + c.reach_m() / radius_m);
  out.radius = std::min(out.radius, whole_sphere);
  return out;
}

}  // namespace gridlight::api
