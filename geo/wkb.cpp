#include "geo/wkb.hpp"

#include <algorithm>
#include <array>

#include "geo/wkb_walk.hpp"

namespace gridlight::geo {
namespace {

// Fills a summary as the walker goes.
class surveyor {
 public:
  static constexpr bool strict = true;
  explicit surveyor(wkb_summary& summary) noexcept : summary_{summary} {}

  void begin_geometry(geometry_type type, int depth) noexcept {
    if (depth == 0) summary_.type = type;
  }
  void end_geometry(geometry_type) noexcept {}
  void begin_list() noexcept {}
  void end_list() noexcept {}
  void empty_point() noexcept {}
  void point(lonlat p) noexcept {
    if (summary_.empty) {
      summary_.empty = false;
      summary_.min_x = summary_.max_x = p.lon;
      summary_.min_y = summary_.max_y = p.lat;
    }
    summary_.min_x = std::min(summary_.min_x, p.lon);
    summary_.max_x = std::max(summary_.max_x, p.lon);
    summary_.min_y = std::min(summary_.min_y, p.lat);
    summary_.max_y = std::max(summary_.max_y, p.lat);
    ++summary_.vertices;
  }
  void line(const detail::position_run& run) noexcept {
    for (std::size_t i = 0; i < run.size(); ++i)
      point(run[i]);
  }
  void ring(const detail::position_run& run, bool) noexcept { line(run); }

 private:
  wkb_summary& summary_;
};

constexpr std::array<std::int8_t, 256> hex_digits = [] {
  std::array<std::int8_t, 256> t{};
  t.fill(-1);
  for (int i = 0; i < 10; ++i)
    t[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i)
    t[static_cast<std::size_t>('a' + i)] = t[static_cast<std::size_t>('A' + i)] =
        static_cast<std::int8_t>(10 + i);
  return t;
}();

}  // namespace

std::string_view name_of(geometry_type type) noexcept {
  static constexpr std::string_view names[] = {
      "Point",           "LineString",   "Polygon",           "MultiPoint",
      "MultiLineString", "MultiPolygon", "GeometryCollection"};
  return names[static_cast<std::size_t>(type) - 1];
}

wkb_summary inspect_wkb(std::span<const std::byte> wkb) noexcept {
  wkb_summary summary;
  surveyor visitor{summary};
  detail::wkb_walker walker{wkb, visitor};
  summary.error = walker.walk();
  summary.srid = walker.srid();
  return summary;
}

std::vector<std::byte> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0) return {};
  std::vector<std::byte> out(hex.size() / 2);
  int all = 0;  // negative as soon as one digit is none
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_digits[static_cast<unsigned char>(hex[2 * i])];
    const int low = hex_digits[static_cast<unsigned char>(hex[2 * i + 1])];
    all |= high | low;
    out[i] = static_cast<std::byte>((high << 4 | low) & 0xff);
  }
  if (all < 0) out.clear();
  return out;
}

std::vector<std::byte> ewkb_with_srid(std::span<const std::byte> wkb, std::uint32_t srid) {
  if (wkb.size() < 5) return {wkb.begin(), wkb.end()};
  const bool swapped = (wkb[0] == std::byte{1}) != (std::endian::native == std::endian::little);
  const auto in_its_order = [swapped](std::uint32_t v) { return swapped ? __builtin_bswap32(v) : v; };
  std::uint32_t word;
  std::memcpy(&word, wkb.data() + 1, sizeof word);
  word = in_its_order(word);
  const std::size_t body = std::min<std::size_t>((word & detail::ewkb_srid) != 0 ? 9 : 5, wkb.size());

  std::vector<std::byte> out(9 + wkb.size() - body);
  const std::uint32_t type_word = in_its_order(word | detail::ewkb_srid), srid_word = in_its_order(srid);
  out[0] = wkb[0];
  std::memcpy(out.data() + 1, &type_word, 4);
  std::memcpy(out.data() + 5, &srid_word, 4);
  std::copy(wkb.begin() + static_cast<std::ptrdiff_t>(body), wkb.end(), out.begin() + 9);
  return out;
}

}  // namespace gridlight::geo
