#include "bench/load/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace gridlight::bench {
namespace {

constexpr double width = 860, height = 320, left = 64, right = 230, top = 34, bottom = 40;
constexpr std::size_t colours = 6;

struct scale {
  double low, high;  // decades of milliseconds

  double y(double ms) const {
    const double share = (std::log10(ms) - low) / (high - low);
    return top + (1 - share) * (height - top - bottom);
  }
};

scale scale_of(const std::vector<plot_line>& lines) {
  double least = 1e9, most = 0;
  for (const plot_line& l : lines)
    for (const auto& [x, ms] : l.points)
      if (ms > 0) {
        least = std::min(least, ms);
        most = std::max(most, ms);
      }
  if (most <= 0) return {-1, 1};
  const double low = std::floor(std::log10(least)), high = std::ceil(std::log10(most));
  return {low, high > low ? high : low + 1};
}

}  // namespace

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string latency_plot(std::string_view title, const std::vector<plot_line>& lines,
                         const std::vector<plot_tick>& x_ticks, double min_x, double max_x) {
  const scale ms = scale_of(lines);
  const auto x_of = [&](double x) {
    return left + (x - min_x) / std::max(max_x - min_x, 1e-9) * (width - left - right);
  };
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", width, height,
                 html_text(title));
  fmt::format_to(to, "<text class=\"title\" x=\"{}\" y=\"18\">{}</text>\n", left, html_text(title));
  for (double decade = ms.low; decade <= ms.high; ++decade) {
    const double at = std::pow(10, decade), y = ms.y(at);
    fmt::format_to(to,
                   "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text class=\"label end\" x=\"{}\" "
                   "y=\"{:.1f}\">{:g} ms</text>\n",
                   left, y, width - right, left - 6, y + 4, at);
  }
  for (const plot_tick& t : x_ticks)
    fmt::format_to(to,
                   "<path class=\"grid\" d=\"M{0:.1f} {1}V{2}\"/><text class=\"label middle\" x=\"{0:.1f}\" "
                   "y=\"{3}\">{4}</text>\n",
                   x_of(t.at), top, height - bottom, height - bottom + 18, html_text(t.text));
  std::size_t n = 0;
  for (const plot_line& l : lines) {
    std::string path;
    bool pen_down = false;
    for (const auto& [x, value] : l.points) {
      if (value > 0)
        fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', x_of(x),
                       ms.y(value));
      pen_down = value > 0;
    }
    fmt::format_to(to, "<path class=\"line line{}\" d=\"{}\"/>\n", n % colours, path);
    const double y = top + 10 + 18 * static_cast<double>(n);
    fmt::format_to(to,
                   "<path class=\"line line{}\" d=\"M{} {:.1f}h18\"/><text class=\"label\" x=\"{}\" "
                   "y=\"{:.1f}\">{}</text>\n",
                   n % colours, width - right + 12, y - 4, width - right + 36, y,
                   html_text(l.name.substr(0, 30)));
    ++n;
  }
  return out += "</svg>\n";
}

}  // namespace gridlight::bench
