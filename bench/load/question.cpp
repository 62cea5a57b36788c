#include "bench/load/question.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <stdexcept>

namespace gridlight::bench {

question::question(std::string_view path, geo::bbox area) : area_(area) {
  while (!path.empty()) {
    const auto open = path.find('{');
    if (open != 0) parts_.push_back({kind::literal, std::string{path.substr(0, open)}});
    if (open == std::string_view::npos) break;
    const auto close = path.find('}', open);
    if (close == std::string_view::npos) throw std::invalid_argument{"a { without } in the path"};
    const std::string_view name = path.substr(open + 1, close - open - 1);
    if (name == "lon") {
      parts_.push_back({kind::lon, {}});
    } else if (name == "lat") {
      parts_.push_back({kind::lat, {}});
    } else if (name.starts_with("bbox:")) {
      part box{kind::bbox, {}};
      const std::string_view width = name.substr(5);
      if (std::from_chars(width.data(), width.data() + width.size(), box.width).ec != std::errc{})
        throw std::invalid_argument{fmt::format("{{{}}}: the width is no number", name)};
      parts_.push_back(std::move(box));
    } else {
      throw std::invalid_argument{fmt::format("{{{}}} is none of {{lon}}, {{lat}}, {{bbox:WIDTH}}", name)};
    }
    path.remove_prefix(close + 1);
  }
}

void question::append(std::string& out, std::mt19937_64& random) const {
  const double lon = std::uniform_real_distribution{area_.min_lon, area_.max_lon}(random);
  const double lat = std::uniform_real_distribution{area_.min_lat, area_.max_lat}(random);
  for (const part& p : parts_) {
    const double half = p.width / 2;
    switch (p.what) {
      case kind::literal:
        out += p.text;
        break;
      case kind::lon:
        fmt::format_to(std::back_inserter(out), "{:.7f}", lon);
        break;
      case kind::lat:
        fmt::format_to(std::back_inserter(out), "{:.7f}", lat);
        break;
      case kind::bbox:
        fmt::format_to(std::back_inserter(out), "{:.7f},{:.7f},{:.7f},{:.7f}", lon - half, lat - half,
                       lon + half, lat + half);
        break;
    }
  }
}

}  // namespace gridlight::bench
