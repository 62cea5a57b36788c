#include "sync/demo/territory.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace gridlight::sync::demo {
namespace {

// Transformers per square kilometre in the core, where about 25 lie within 500 m of a random place.
constexpr double core_density = 34.0;
constexpr double core_radius_m = 14000;

// Even in the core, then falling off.
double density(double x, double y) noexcept {
  const double t = length({x, y}) / core_radius_m;
  return t <= 1 ? core_density / 1e6 : core_density / 1e6 / (0.5 * t + 0.5 * t * t);
}

double mass(const rect& r, int columns, int rows) noexcept {
  const double w = r.width() / columns, h = r.height() / rows;
  double sum = 0;
  for (int i = 0; i < columns; ++i)
    for (int k = 0; k < rows; ++k)
      sum += density(r.x0 + (i + 0.5) * w, r.y0 + (k + 0.5) * h);
  return sum * w * h;
}

rect square(double side) {
  return {-side / 2, -side / 2, side / 2, side / 2};
}

// The square round the core that holds so many transformers, by bisection.
rect land_for(double transformers) {
  double low = 100, high = 400000;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (mass(square(middle), 200, 200) < transformers ? low : high) = middle;
  }
  return square(high);
}

// Where a cut across the longer side leaves `share` of the mass before it, as a share of the side.
double cut_at(const rect& r, bool along_x, double share) {
  constexpr int slices = 256;
  std::array<double, slices> m{};
  double sum = 0;
  for (int i = 0; i < slices; ++i) {
    const double a = static_cast<double>(i) / slices, b = static_cast<double>(i + 1) / slices;
    const rect slice = along_x ? rect{r.x0 + a * r.width(), r.y0, r.x0 + b * r.width(), r.y1}
                               : rect{r.x0, r.y0 + a * r.height(), r.x1, r.y0 + b * r.height()};
    sum += m[static_cast<std::size_t>(i)] = along_x ? mass(slice, 1, 16) : mass(slice, 16, 1);
  }
  double before = 0;
  for (int i = 0; i < slices; ++i) {
    const double here = m[static_cast<std::size_t>(i)];
    if (before + here >= share * sum) return (i + (share * sum - before) / here) / slices;
    before += here;
  }
  return 0.5;
}

constexpr double half_width(int depth) {
  return depth < 5 ? 70 : 15;
}

void divide(const rect& r, int leaves, int depth, territory& out) {
  if (leaves == 1) {
    out.districts.push_back(r);
    return;
  }
  const int first = leaves / 2;
  const bool along_x = r.width() >= r.height();
  const double t = cut_at(r, along_x, static_cast<double>(first) / leaves), half = half_width(depth);
  rect a = r, b = r;
  if (along_x) {
    const double x = r.x0 + t * r.width();
    out.corridors.push_back({{x, r.y0}, {x, r.y1}, half});
    a.x1 = x - half;
    b.x0 = x + half;
  } else {
    const double y = r.y0 + t * r.height();
    out.corridors.push_back({{r.x0, y}, {r.x1, y}, half});
    a.y1 = y - half;
    b.y0 = y + half;
  }
  divide(a, first, depth + 1, out);
  divide(b, leaves - first, depth + 1, out);
}

double from_core(const rect& r) {
  return length(r.centre());
}

int scaled(double base, double scale) {
  return std::max(1, static_cast<int>(std::floor(base * scale + 0.5)));
}

}  // namespace

row_counts::row_counts(double scale)
    : substations(scaled(275, scale)),
      circuits(scaled(2000, scale)),
      transformers(scaled(91554, scale)),
      power_lines(scaled(13104, scale)),
      water(scaled(12758, scale)),
      vegetation(scaled(49265, scale)),
      meters(scaled(100000, scale)),
      customers(scaled(100000, scale)),
      assets(scaled(726263, scale)),
      topology(scaled(153592, scale)),
      buildings(scaled(2670707, scale)),
      outages(std::max(10, scaled(420, scale))),
      work_orders(std::max(10, scaled(640, scale))) {}

std::vector<int> apportioned(std::int64_t total, const std::vector<int>& weights) {
  std::int64_t sum = 0;
  for (const int w : weights)
    sum += w;
  std::vector<int> shares;
  std::int64_t seen = 0, given = 0;
  for (const int w : weights) {
    seen += w;
    const std::int64_t upto = total * seen / sum;
    shares.push_back(static_cast<int>(upto - given));
    given = upto;
  }
  return shares;
}

territory lay_out(const row_counts& counts) {
  const int lakes = counts.substations / 25;
  const int leaves = counts.substations + lakes;
  territory out;
  divide(land_for(static_cast<double>(counts.transformers) * leaves / counts.substations), leaves, 0, out);
  std::stable_sort(out.districts.begin(), out.districts.end(),
                   [](const rect& a, const rect& b) { return from_core(a) < from_core(b); });
  std::stable_sort(out.corridors.begin(), out.corridors.end(),
                   [](const corridor& a, const corridor& b) { return a.half_width > b.half_width; });
  // Lakes lie outside the core: every so many of the outer half is one.
  for (int i = 0; i < lakes; ++i) {
    const auto at = out.districts.end() - 1 - i * (leaves / 2 / std::max(1, lakes) - 1);
    out.lakes.push_back(*at);
    out.districts.erase(at);
  }
  return out;
}

}  // namespace gridlight::sync::demo
