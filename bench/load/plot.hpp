#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gridlight::bench {

/// A line of a plot; where y is not above 0 there is a gap.
struct plot_line {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

struct plot_tick {
  double at;
  std::string text;
};

/// An SVG drawing of lines over a linear x axis, milliseconds on a logarithmic y axis; colours and fonts are
/// those of the page's style sheet (classes line0 … line5, grid, label).
std::string latency_plot(std::string_view title, const std::vector<plot_line>& lines,
                         const std::vector<plot_tick>& x_ticks, double min_x, double max_x);

/// `text` for HTML, its special characters escaped.
std::string html_text(std::string_view text);

}  // namespace gridlight::bench
