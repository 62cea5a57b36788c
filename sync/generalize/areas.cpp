#include "sync/generalize/areas.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

namespace gridlight::sync::generalize {
namespace {

constexpr double top = 85.0511287798066;

double mercator_x(double longitude) {
  return (std::clamp(longitude, -180.0, 180.0) + 180) / 360;
}

double mercator_y(double latitude) {
  const double angle = std::clamp(latitude, -top, top) * std::numbers::pi / 180;
  return 0.5 - std::log(std::tan(std::numbers::pi / 4 + angle / 2)) / (2 * std::numbers::pi);
}

cells cells_of(const box& b, int order, double margin) {
  const double side = std::ldexp(1.0, order);
  // What the database computes may differ in the last digits: a cell too many does no harm.
  const double grow = margin + 1e-9 * side + 1e-6;
  const auto cell = [&](double at) {
    return static_cast<std::int64_t>(std::clamp(std::floor(at), 0.0, side - 1));
  };
  return {cell(mercator_x(b.west) * side - grow), cell(mercator_x(b.east) * side + grow),
          cell(mercator_y(b.north) * side - grow), cell(mercator_y(b.south) * side + grow)};
}

struct run {
  std::int64_t y0, y1;
};

// Runs that overlap or touch as one, in order.
std::vector<run> joined(std::vector<run> runs) {
  std::sort(runs.begin(), runs.end(), [](const run& a, const run& b) { return a.y0 < b.y0; });
  std::vector<run> out;
  for (const run& r : runs) {
    if (!out.empty() && r.y0 <= out.back().y1 + 1)
      out.back().y1 = std::max(out.back().y1, r.y1);
    else
      out.push_back(r);
  }
  return out;
}

}  // namespace

// From column to column where a box begins or ends: between such columns the runs are the same.
std::vector<cells> touched(const std::vector<box>& boxes, int order, double margin) {
  std::vector<cells> all;
  std::vector<std::int64_t> borders;
  for (const box& b : boxes) {
    all.push_back(cells_of(b, order, margin));
    borders.push_back(all.back().x0);
    borders.push_back(all.back().x1 + 1);
  }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::sort(all.begin(), all.end(), [](const cells& a, const cells& b) { return a.x0 < b.x0; });
  std::vector<cells> out;
  std::vector<cells> open;
  std::size_t next = 0;
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    const std::int64_t x0 = borders[i], x1 = borders[i + 1] - 1;
    std::erase_if(open, [&](const cells& c) { return c.x1 < x0; });
    for (; next < all.size() && all[next].x0 <= x0; ++next)
      open.push_back(all[next]);
    std::vector<run> runs;
    for (const cells& c : open)
      runs.push_back({c.y0, c.y1});
    for (const run& r : joined(std::move(runs)))
      out.push_back({x0, x1, r.y0, r.y1});
  }
  return out;
}

std::int64_t count(const std::vector<cells>& areas, std::int64_t enough) {
  double n = 0;
  for (const cells& c : areas)
    n += static_cast<double>(c.x1 - c.x0 + 1) * static_cast<double>(c.y1 - c.y0 + 1);
  return n >= static_cast<double>(enough) ? enough : static_cast<std::int64_t>(n);
}

std::string values_sql(const std::vector<cells>& areas) {
  std::string out = "(VALUES ";
  for (const cells& c : areas) {
    if (out.back() == ')') out += ", ";
    out.append("(").append(std::to_string(c.x0)).append("::int8, ").append(std::to_string(c.x1));
    out.append("::int8, ").append(std::to_string(c.y0)).append("::int8, ").append(std::to_string(c.y1));
    out.append("::int8)");
  }
  return out + ") AS area(cx0, cx1, cy0, cy1)";
}

}  // namespace gridlight::sync::generalize
