#include "tests/support/shapes.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string_view>

namespace gridlight::test {
namespace {

using geo::geometry_type;
using geo::lonlat;

template <class T>
void put(std::vector<std::byte>& out, T value, bool big_endian) {
  for (std::size_t i = 0; i < sizeof value; ++i) {
    const std::size_t byte = big_endian ? sizeof value - 1 - i : i;
    out.push_back(static_cast<std::byte>(value >> (8 * byte) & 0xff));
  }
}

void put_position(std::vector<std::byte>& out, lonlat p, const encoding& how) {
  const auto number = [&](double d) { put(out, std::bit_cast<std::uint64_t>(d), how.big_endian); };
  number(p.lon);
  number(p.lat);
  if (how.z) number(std::numeric_limits<double>::quiet_NaN());
  if (how.m) number(-7.5);
}

void put_run(std::vector<std::byte>& out, const std::vector<lonlat>& run, const encoding& how) {
  put(out, static_cast<std::uint32_t>(run.size()), how.big_endian);
  for (const lonlat p : run)
    put_position(out, p, how);
}

void put_shape(std::vector<std::byte>& out, const shape& s, const encoding& how, bool outermost) {
  out.push_back(how.big_endian ? std::byte{0} : std::byte{1});
  auto code = static_cast<std::uint32_t>(s.type);
  if (how.iso)
    code += (how.z ? 1000u : 0u) + (how.m ? 2000u : 0u);
  else
    code |= (how.z ? 1u << 31 : 0u) | (how.m ? 1u << 30 : 0u);
  const bool with_srid = outermost && how.srid != 0;
  put(out, code | (with_srid ? 1u << 29 : 0u), how.big_endian);
  if (with_srid) put(out, how.srid, how.big_endian);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  switch (s.type) {
    case geometry_type::point:
      return put_position(out, s.runs[0].empty() ? lonlat{nan, nan} : s.runs[0][0], how);
    case geometry_type::line_string:
      return put_run(out, s.runs[0], how);
    case geometry_type::polygon:
      put(out, static_cast<std::uint32_t>(s.runs.size()), how.big_endian);
      for (const auto& ring : s.runs)
        put_run(out, ring, how);
      return;
    default:
      put(out, static_cast<std::uint32_t>(s.members.size()), how.big_endian);
      for (const shape& member : s.members)
        put_shape(out, member, how, false);
  }
}

std::string text(double d) {
  return decimal_by_printf(d, 7);
}

std::string text(lonlat p) {
  return "[" + text(p.lon) + "," + text(p.lat) + "]";
}

template <class List, class Text>
std::string listed(const List& list, Text text_of) {
  std::string out = "[";
  for (const auto& e : list) {
    if (out.size() > 1) out += ',';
    out += text_of(e);
  }
  return out + "]";
}

std::string text(const std::vector<lonlat>& run) {
  return listed(run, [](lonlat p) { return text(p); });
}

bool counterclockwise(const std::vector<lonlat>& ring) {
  double area = 0;
  for (std::size_t i = 0; i + 1 < ring.size(); ++i)
    area += (ring[i].lon - ring[0].lon) * (ring[i + 1].lat - ring[0].lat) -
            (ring[i + 1].lon - ring[0].lon) * (ring[i].lat - ring[0].lat);
  return area > 0;
}

std::string coordinates(const shape& s) {
  switch (s.type) {
    case geometry_type::point:
      return s.runs[0].empty() ? "[]" : text(s.runs[0][0]);
    case geometry_type::line_string:
      return text(s.runs[0]);
    case geometry_type::polygon: {
      auto rings = s.runs;
      for (std::size_t i = 0; i < rings.size(); ++i)
        if (counterclockwise(rings[i]) != (i == 0)) std::reverse(rings[i].begin(), rings[i].end());
      return listed(rings, [](const std::vector<lonlat>& ring) { return text(ring); });
    }
    case geometry_type::multi_point: {
      std::vector<lonlat> all;
      for (const shape& m : s.members)
        all.insert(all.end(), m.runs[0].begin(), m.runs[0].end());
      return text(all);
    }
    default:
      return listed(s.members, [](const shape& m) { return coordinates(m); });
  }
}

class generator {
 public:
  generator(std::mt19937_64& random, const shape_options& options) : random_{random}, options_{options} {}

  shape any(int depth) {
    const auto type = static_cast<geometry_type>(between(1, depth > 0 ? 7 : 6));
    shape s = of(type);
    if (type == geometry_type::geometry_collection)
      for (std::size_t n = count(); n > 0; --n)
        s.members.push_back(any(depth - 1));
    return s;
  }

 private:
  std::size_t between(std::size_t low, std::size_t high) {
    return std::uniform_int_distribution<std::size_t>{low, high}(random_);
  }
  std::size_t count() { return between(options_.empties ? 0 : 1, 4); }
  bool empty() { return options_.empties && between(0, 9) == 0; }

  double ordinate(double limit) {
    double d = std::uniform_real_distribution<double>{-limit, limit}(random_);
    if (between(0, 19) == 0) d = std::copysign(between(0, 1) == 0 ? limit : 0.0, d);
    if (options_.decimals < 0) return d;
    const double scale = std::pow(10.0, options_.decimals);
    return std::round(d * scale) / scale + 0.0;  // no negative zero: text does not keep it
  }
  lonlat position() {
    const double lon = ordinate(180);
    return {lon, ordinate(90)};
  }
  std::vector<lonlat> run(std::size_t n) {
    std::vector<lonlat> out(n);
    for (lonlat& p : out)
      p = position();
    return out;
  }
  // No cosine of a right angle that is not quite zero: PostGIS alone writes 1e-17 with an exponent.
  static double settled(double d, double limit) {
    return std::abs(d) < 1e-8 ? 0.0 : std::clamp(d, -limit, limit);
  }

  std::vector<lonlat> ring() {
    // Corners round a centre, one way or the other: an area that is clearly not zero.
    const lonlat centre{ordinate(179), ordinate(89)};
    const auto corners = between(3, std::max<std::size_t>(3, options_.longest));
    const double turn = between(0, 1) == 0 ? 2 : -2;
    std::vector<lonlat> out;
    for (std::size_t i = 0; i < corners; ++i) {
      const double angle = turn * std::acos(-1.0) * static_cast<double>(i) / static_cast<double>(corners);
      out.push_back({centre.lon + 0.7 * std::cos(angle), centre.lat + 0.6 * std::sin(angle)});
    }
    for (lonlat& p : out)
      p = {settled(p.lon, 180), settled(p.lat, 90)};
    out.push_back(out.front());
    return out;
  }

  shape of(geometry_type type) {
    shape s{type, {}, {}};
    switch (type) {
      case geometry_type::point:
        s.runs.push_back(run(empty() ? 0 : 1));
        break;
      case geometry_type::line_string:
        s.runs.push_back(run(empty() ? 0 : between(2, options_.longest)));
        break;
      case geometry_type::polygon:
        for (std::size_t n = count(); n > 0; --n)
          s.runs.push_back(ring());
        break;
      case geometry_type::geometry_collection:
        break;
      default:
        for (std::size_t n = count(); n > 0; --n)
          s.members.push_back(of(static_cast<geometry_type>(static_cast<int>(type) - 3)));
    }
    return s;
  }

  std::mt19937_64& random_;
  const shape_options& options_;
};

}  // namespace

std::vector<std::byte> to_wkb(const shape& s, const encoding& how) {
  std::vector<std::byte> out;
  put_shape(out, s, how, true);
  return out;
}

std::string to_geojson(const shape& s) {
  std::string out = R"({"type":")" + std::string{geo::name_of(s.type)};
  if (s.type == geometry_type::geometry_collection)
    return out + R"(","geometries":)" + listed(s.members, [](const shape& m) { return to_geojson(m); }) + "}";
  return out + R"(","coordinates":)" + coordinates(s) + "}";
}

shape random_shape(std::mt19937_64& random, const shape_options& options) {
  return generator{random, options}.any(options.depth);
}

std::uint64_t test_seed() {
  const char* seed = std::getenv("GRIDLIGHT_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 20261120;
}

int rounds(int small, int large) {
  const char* soak = std::getenv("GRIDLIGHT_SOAK");
  return soak != nullptr && std::string{soak} == "1" ? large : small;
}

std::string decimal_by_printf(double value, int decimals) {
  char buffer[400];
  const auto shortest =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::fixed).ptr;
  const std::string_view digits{buffer, static_cast<std::size_t>(shortest - buffer)};
  const auto point = digits.find('.');
  if (point != digits.npos && digits.size() - point - 2 == static_cast<std::size_t>(decimals) &&
      digits.back() == '5') {
    // The C library looks at the binary value, which is beside the decimal, if only just: give it a clear
    // one.
    const char before = decimals == 0 ? digits[point - 1] : digits[digits.size() - 2];
    value = std::nextafter(value, before % 2 == 1 ? std::copysign(HUGE_VAL, value) : 0.0);
  }
  std::string out{buffer,
                  static_cast<std::size_t>(std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value))};
  if (decimals > 0) {
    out.erase(out.find_last_not_of('0') + 1);
    if (out.back() == '.') out.pop_back();
  }
  return out == "-0" ? "0" : out;
}

std::string to_hex(const std::vector<std::byte>& bytes) {
  std::string out;
  for (const std::byte b : bytes) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", std::to_integer<unsigned>(b));
    out += pair;
  }
  return out;
}

}  // namespace gridlight::test
