#include "bench/load/path_template.hpp"

#include <fmt/format.h>

#include <charconv>
#include <iterator>
#include <optional>

namespace gridlight::bench {
namespace {

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number out{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

path_template::part path_template::parse_place(std::string_view name) {
  if (name == "lon") return {kind::lon};
  if (name == "lat") return {kind::lat};
  if (name == "z") return {kind::z};
  if (name == "x") return {kind::x};
  if (name == "y") return {kind::y};
  if (name.starts_with("bbox:")) {
    const auto width = number<double>(name.substr(5));
    if (width && *width > 0 && *width < 180) return {kind::bbox, {}, *width};
    throw usage_error{fmt::format("{{{}}}: the width must be a number of degrees", name)};
  }
  if (name.starts_with("tile:")) {
    const std::string_view range = name.substr(5);
    const auto dash = range.find('-');
    const auto low = number<int>(range.substr(0, dash));
    const auto high = dash == range.npos ? low : number<int>(range.substr(dash + 1));
    if (low && high && *low >= 0 && *low <= *high && *high <= 24)
      return {kind::some_tile, {}, 0, *low, *high};
    throw usage_error{fmt::format("{{{}}}: the zoom must be 0 to 24, or two of them as 8-14", name)};
  }
  if (name.starts_with("one:")) {
    part out{kind::one};
    for (std::string_view rest = name.substr(4);;) {
      const auto bar = rest.find('|');
      out.choices.emplace_back(rest.substr(0, bar));
      if (out.choices.back().empty()) throw usage_error{fmt::format("{{{}}}: a choice is empty", name)};
      if (bar == rest.npos) return out;
      rest.remove_prefix(bar + 1);
    }
  }
  throw usage_error{
      fmt::format("{{{}}} is none of {{lon}}, {{lat}}, {{bbox:WIDTH}}, {{tile:ZOOM}}, "
                  "{{one:A|B}}, {{z}}, {{x}}, {{y}}",
                  name)};
}

path_template::path_template(std::string_view text) {
  if (!text.starts_with('/')) throw usage_error{fmt::format("the path {} must begin with /", text)};
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F)
      throw usage_error{fmt::format("the path {} has a space or a control character", text)};
  while (!text.empty()) {
    const auto open = text.find('{');
    if (open != 0) parts_.push_back({kind::literal, std::string{text.substr(0, open)}});
    if (open == text.npos) break;
    const auto close = text.find('}', open);
    if (close == text.npos) throw usage_error{"a { without } in the path"};
    parts_.push_back(parse_place(text.substr(open + 1, close - open - 1)));
    const kind what = parts_.back().what;
    const bool of_tile = what == kind::z || what == kind::x || what == kind::y;
    wants_tile_ = wants_tile_ || of_tile;
    wants_point_ = wants_point_ || (!of_tile && what != kind::one);
    text.remove_prefix(close + 1);
  }
  for (const part& p : parts_)
    if (wants_tile_ && p.what == kind::one) throw usage_error{"{one:…} and {z}, {x}, {y} do not go together"};
}

void path_template::append(std::string& out, const places& from, std::mt19937_64& random) const {
  const geo::lonlat at = wants_point_ ? from.draw(random) : geo::lonlat{};
  const auto to = std::back_inserter(out);
  for (const part& p : parts_) {
    const double half = p.width / 2;
    switch (p.what) {
      case kind::lon:
        fmt::format_to(to, "{:.7f}", at.lon);
        break;
      case kind::lat:
        fmt::format_to(to, "{:.7f}", at.lat);
        break;
      case kind::bbox:
        fmt::format_to(to, "{:.7f},{:.7f},{:.7f},{:.7f}", at.lon - half, at.lat - half, at.lon + half,
                       at.lat + half);
        break;
      case kind::some_tile: {
        const auto t = geo::tile_at(at, std::uniform_int_distribution{p.min_zoom, p.max_zoom}(random));
        fmt::format_to(to, "{}/{}/{}", t.z, t.x, t.y);
        break;
      }
      case kind::one:
        out += p.choices[std::uniform_int_distribution<std::size_t>{0, p.choices.size() - 1}(random)];
        break;
      default:
        out += p.text;
    }
  }
}

void path_template::append(std::string& out, const geo::tile& t) const {
  const auto to = std::back_inserter(out);
  for (const part& p : parts_) {
    if (p.what == kind::z)
      fmt::format_to(to, "{}", t.z);
    else if (p.what == kind::x)
      fmt::format_to(to, "{}", t.x);
    else if (p.what == kind::y)
      fmt::format_to(to, "{}", t.y);
    else
      out += p.text;
  }
}

}  // namespace gridlight::bench
