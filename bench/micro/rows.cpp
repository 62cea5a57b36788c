#include "bench/micro/rows.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>

#include "geo/wkb_build.hpp"
#include "tests/api/hand_made_result.hpp"

namespace gridlight::bench {
namespace {

namespace oid = postgres::oid;
using geo::detail::ewkb_builder;
using test::big_endian;
using test::binary;
using random_engine = std::mt19937_64;
using row = std::vector<std::optional<std::string>>;

constexpr Oid geometry_type_id = 16400;
constexpr std::uint32_t wgs84 = 4326;
constexpr std::uint64_t layer_version = 17;

double rounded(double value, double scale) {
  return std::round(value * scale) / scale;
}

double between(random_engine& random, double low, double high) {
  return std::uniform_real_distribution{low, high}(random);
}

int whole(random_engine& random, int low, int high) {
  return std::uniform_int_distribution{low, high}(random);
}

template <class T, std::size_t n>
const T& pick(random_engine& random, const std::array<T, n>& from) {
  return from[std::uniform_int_distribution<std::size_t>{0, n - 1}(random)];
}

std::string int4(int value) {
  return big_endian(static_cast<std::uint32_t>(value), 4);
}
std::string int8(int value) {
  return big_endian(static_cast<std::uint64_t>(value), 8);
}

std::string taken(ewkb_builder& builder) {
  const auto bytes = builder.take();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string point(geo::lonlat at) {
  ewkb_builder out;
  out.head(geo::geometry_type::point, wgs84);
  out.position(at);
  return taken(out);
}

geo::lonlat moved(geo::lonlat from, double lon, double lat) {
  return {rounded(from.lon + lon, 1e7), rounded(from.lat + lat, 1e7)};
}

std::string line(random_engine& random) {
  ewkb_builder out;
  out.head(geo::geometry_type::line_string, wgs84);
  const std::size_t count = out.open_count();
  const int vertices = pick(random, std::array{2, 2, 2, 5, 12, 24});
  geo::lonlat at = random_place(random);
  for (int i = 0; i < vertices; ++i) {
    out.position(at);
    at = moved(at, between(random, -0.0008, 0.0008), between(random, -0.0008, 0.0008));
  }
  out.set_count(count, static_cast<std::size_t>(vertices));
  return taken(out);
}

// Vertex counts as 400 footprints of San José have them. Exports have rings of either direction.
std::string polygon(random_engine& random) {
  ewkb_builder out;
  out.head(geo::geometry_type::polygon, wgs84);
  out.set_count(out.open_count(), 1);
  const int vertices = pick(random, std::array{5, 5, 9, 13, 19, 19, 25, 33, 41, 48});
  out.set_count(out.open_count(), static_cast<std::size_t>(vertices));
  const geo::lonlat centre = random_place(random);
  const double turn = (whole(random, 0, 1) == 0 ? 2 : -2) * std::numbers::pi / (vertices - 1);
  geo::lonlat first;
  for (int i = 0; i < vertices - 1; ++i) {
    const double radius = between(random, 0.00005, 0.00009);
    const geo::lonlat at = moved(centre, radius * std::cos(turn * i), radius * std::sin(turn * i));
    if (i == 0) first = at;
    out.position(at);
  }
  out.position(first);
  return taken(out);
}

template <class Make>
auto many(int count, unsigned seed, Make make) {
  random_engine random{seed};
  std::vector<decltype(make(random))> out;
  out.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    out.push_back(make(random));
  return out;
}

property column(std::string name, Oid type) {
  property out;
  out.name = std::move(name);
  out.type = type;
  return out;
}

layer made(std::string name, std::string key, geometry_kind kind, std::vector<property> properties) {
  layer l;
  l.config.name = l.config.table = std::move(name);
  l.config.key = {key};
  l.config.geometry_type = kind;
  l.key = {column(std::move(key), oid::text)};
  for (const property& p : properties)
    l.config.properties.push_back(p.name);
  l.properties = std::move(properties);
  l.versioned = true;
  return l;
}

// The version, the key, the geometry, then the properties and what the lookup adds.
std::vector<Oid> types_of(const layer& l, std::vector<Oid> extra) {
  std::vector<Oid> out{oid::int8, oid::text, geometry_type_id};
  for (const property& p : l.properties)
    out.push_back(p.type);
  out.insert(out.end(), extra.begin(), extra.end());
  return out;
}

row transformer_row(random_engine& random) {
  constexpr std::array<double, 12> sizes{15, 25, 25, 37.5, 50, 50, 75, 75, 100, 167, 250, 500};
  constexpr std::array<std::string_view, 6> areas{"Downtown",   "The Heights",     "EaDo",
                                                  "River Oaks", "Museum District", "West University Place"};
  const int year = whole(random, 1972, 2025);
  row out{int8(layer_version), fmt::format("XF-{:07}", whole(random, 1, 91554)), point(random_place(random))};
  out.emplace_back(fmt::format("SUB-{:03}", whole(random, 1, 275)));
  out.emplace_back(binary(pick(random, sizes)));
  out.emplace_back(int4(year));
  if (whole(random, 0, 24) == 0)
    out.emplace_back(std::nullopt);
  else
    out.emplace_back(binary(rounded(between(random, 20, 100), 10)));
  out.emplace_back(int4(2026 - year));
  out.emplace_back(std::string{pick(random, areas)});
  out.emplace_back(fmt::format("FD-{:04}", whole(random, 1, 2000)));
  out.emplace_back(binary(between(random, 0, 500)));
  return out;
}

row building_row(random_engine& random) {
  constexpr std::array<std::string_view, 4> types{"residential", "residential", "garage", "apartments"};
  row out{int8(layer_version), fmt::format("BLD-{:07}", whole(random, 1, 500000)), polygon(random)};
  if (whole(random, 0, 19) == 0)
    out.emplace_back("Bayou Market");
  else
    out.emplace_back(std::nullopt);
  out.emplace_back(std::string{pick(random, types)});
  out.emplace_back(binary(rounded(between(random, 3, 20), 10)));
  out.emplace_back(int4(whole(random, 1, 4)));
  return out;
}

row summary_row(random_engine& random) {
  constexpr std::uint64_t microseconds_2026 = 817'000'000'000'000;
  row out{int8(whole(random, 4, 12)),
          binary(between(random, 40, 75)),
          binary(between(random, 60, 95)),
          binary(rounded(between(random, 60, 110), 100)),
          binary(rounded(between(random, 30, 90), 100)),
          int8(whole(random, 0, 2)),
          int8(whole(random, 0, 3)),
          int8(0)};
  for (int i = 0; i < 2; ++i)
    out.emplace_back(
        big_endian(microseconds_2026 + static_cast<std::uint64_t>(whole(random, 0, 900)) * 1'000'000, 8));
  return out;
}

}  // namespace

geo::lonlat random_place(std::mt19937_64& random) {
  const double lon = rounded(between(random, -95.45, -95.29), 1e7);
  return {lon, rounded(between(random, 29.70, 29.82), 1e7)};
}

std::vector<std::string> points(int count) {
  return many(count, 1, [](random_engine& random) { return point(random_place(random)); });
}
std::vector<std::string> lines(int count) {
  return many(count, 2, line);
}
std::vector<std::string> polygons(int count) {
  return many(count, 3, polygon);
}

layer transformers() {
  return made(
      "transformers", "transformer_id", geometry_kind::point,
      {column("substation_id", oid::text), column("rated_kva", oid::float8),
       column("install_year", oid::int4), column("health_score", oid::float8), column("age_years", oid::int4),
       column("location_area", oid::text), column("feeder_id", oid::text)});
}
postgres::result_set transformer_rows(int count) {
  return test::hand_made(types_of(transformers(), {oid::float8}), many(count, 4, transformer_row));
}

layer buildings() {
  return made("buildings", "building_id", geometry_kind::polygon,
              {column("building_name", oid::text), column("building_type", oid::text),
               column("height_meters", oid::float8), column("num_floors", oid::int4)});
}
postgres::result_set building_rows(int count) {
  return test::hand_made(types_of(buildings(), {}), many(count, 5, building_row));
}

postgres::result_set summary_rows(int count) {
  return test::hand_made({oid::int8, oid::float8, oid::float8, oid::float8, oid::float8, oid::int8, oid::int8,
                          oid::int8, oid::timestamptz, oid::timestamptz},
                         many(count, 6, summary_row));
}

}  // namespace gridlight::bench
