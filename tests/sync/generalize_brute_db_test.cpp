// Generalised tables against a computation of their definition, and at the edges of what is sensible.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <random>
#include <set>
#include <tuple>

#include "tests/support/lattice_sql.hpp"
#include "tests/support/soak.hpp"
#include "tests/sync/generalize_support.hpp"

using namespace gridlight;
using sync::generalize::outcome;
using fixture = test::tiles_fixture;

namespace {

constexpr int least_zoom = 1, detail = 11;

double x_of(double longitude) {
  return (longitude + 180) / 360;
}
double y_of(double latitude) {
  return 0.5 - std::log(std::tan(std::numbers::pi / 4 + latitude * std::numbers::pi / 360)) /
                   (2 * std::numbers::pi);
}

struct feature {
  std::string id;
  double mx = 0, my = 0, size = 0, rank = 0;
  std::int64_t n = 1;
};
using cell = std::pair<std::int64_t, std::int64_t>;
// zoom, ident, n, cell
using row = std::tuple<int, std::string, std::int64_t, std::int64_t, std::int64_t>;

std::uint64_t seed() {
  static const std::uint64_t value = test::chosen_seed();
  return value;
}

// Level by level: of a cell's features, those not larger than it are stood for by the highest of them.
std::set<row> expected(std::vector<feature> features, bool areas) {
  std::set<row> out;
  for (int zoom = detail - 1; zoom >= least_zoom; --zoom) {
    const double side = std::ldexp(1.0, zoom + 5);
    std::map<cell, std::vector<feature>> small;
    std::vector<feature> kept;
    for (const feature& f : features) {
      if (f.size > 1 / side)
        kept.push_back(f);
      else
        small[{std::int64_t(std::floor(f.mx * side)), std::int64_t(std::floor(f.my * side))}].push_back(f);
    }
    for (auto& [at, all] : small) {
      const auto first = std::min_element(all.begin(), all.end(), [](const feature& a, const feature& b) {
        return std::tuple{-a.rank, a.id[0] == '@', a.id} < std::tuple{-b.rank, b.id[0] == '@', b.id};
      });
      feature best = *first;
      best.n = 0;
      for (const feature& f : all)
        best.n += f.n;
      kept.push_back(best);
    }
    for (feature& f : kept) {
      const std::int64_t cx = std::int64_t(std::floor(f.mx * side)),
                         cy = std::int64_t(std::floor(f.my * side));
      // A square is of no feature, from here up.
      if (areas && f.size < std::ldexp(1.0, -(zoom + 9))) f.id = fmt::format("@{}/{}/{}", zoom, cx, cy);
      out.emplace(zoom, f.id, f.n, cx, cy);
    }
    features = std::move(kept);
  }
  return out;
}

std::set<row> stored(const fixture& f) {
  std::set<row> out;
  for (const auto& r : f.db.rows("SELECT zoom, ident, n, cx, cy FROM gridlight_tiles.l WHERE home"))
    CHECK(out.emplace(std::stoi(r[0]), r[1], std::stoll(r[2]), std::stoll(r[3]), std::stoll(r[4])).second);
  return out;
}

void check_same(const std::set<row>& found, const std::set<row>& wanted) {
  std::vector<row> wrong;
  std::set_symmetric_difference(found.begin(), found.end(), wanted.begin(), wanted.end(),
                                std::back_inserter(wrong));
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(wrong.size(), 6); ++i)
    text += fmt::format("{} {} n={} {}/{} {}\n", std::get<0>(wrong[i]), std::get<1>(wrong[i]),
                        std::get<2>(wrong[i]), std::get<3>(wrong[i]), std::get<4>(wrong[i]),
                        found.contains(wrong[i]) ? "is too much" : "is missing");
  CHECK_MESSAGE(wrong.empty(), text);
}

using segment = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;

}  // namespace

TEST_CASE("generalised points and polygons are what their definition says") {
  INFO("GRIDLIGHT_SEED=", seed());
  std::mt19937_64 random{seed()};
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution{a, b}(random); };
  for (const bool areas : {false, true}) {
    fixture f{"id text PRIMARY KEY, r double precision",
              fmt::format("key: id, geometry_type: {}, zooms: [{}, 20], tiles: {{detail: {}, rank: r}}",
                          areas ? "polygon" : "point", least_zoom, detail)};
    std::vector<feature> features;
    std::string values;
    for (int i = 0; i < 3000; ++i) {
      feature one;
      const bool far = random() % 10 == 0;
      const double west = far ? uniform(-179, 170) : uniform(-95.6, -95.2);
      const double south = far ? uniform(-80, 80) : uniform(29.6, 29.9);
      const double wide = areas ? std::exp(uniform(std::log(1e-5), std::log(0.3))) : 0;
      const double high = wide * uniform(0.3, 1);
      one.id = fmt::format("f{}", i);
      one.rank = static_cast<double>(random() % 5);
      one.mx = (x_of(west) + x_of(west + wide)) / 2;
      one.my = (y_of(south) + y_of(south + high)) / 2;
      one.size = std::max(x_of(west + wide) - x_of(west), y_of(south) - y_of(south + high));
      features.push_back(one);
      values += fmt::format(
          "{}('{}', {}, {})", values.empty() ? "" : ",", one.id, one.rank,
          areas ? fmt::format("ST_MakeEnvelope({}, {}, {}, {}, 4326)", west, south, west + wide, south + high)
                : fmt::format("ST_SetSRID(ST_MakePoint({}, {}), 4326)", west, south));
    }
    f.db.run("INSERT INTO l VALUES " + values);
    CHECK(f.build().what == outcome::kind::built);
    check_same(stored(f), expected(features, areas));
  }
}

TEST_CASE("merged lines hold the segments of their features, and no others") {
  INFO("GRIDLIGHT_SEED=", seed());
  std::mt19937_64 random{seed()};
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution{a, b}(random); };
  fixture f{"id text PRIMARY KEY, b text",
            fmt::format("key: id, geometry_type: line, circuit: b, zooms: [{}, 20], tiles: {{detail: {}}}",
                        least_zoom, detail)};
  struct line {
    std::string merge;
    std::vector<std::pair<double, double>> points;
  };
  std::vector<line> lines;
  std::string values;
  for (int i = 0; i < 600; ++i) {
    line one{fmt::format("{}", random() % 3), {}};
    double x = uniform(-95.6, -95.2), y = uniform(29.6, 29.9);
    std::string text;
    for (int p = 0; p < 2 + static_cast<int>(random() % 4); ++p) {
      x += uniform(-0.02, 0.02), y += uniform(-0.02, 0.02);
      one.points.emplace_back(x, y);
      text += fmt::format("{}{} {}", text.empty() ? "" : ",", x, y);
    }
    values += fmt::format("{}('f{}', '{}', 'SRID=4326;LINESTRING({})')", values.empty() ? "" : ",", i,
                          one.merge, text);
    lines.push_back(std::move(one));
  }
  f.db.run("INSERT INTO l VALUES " + values);
  CHECK(f.build().what == outcome::kind::built);
  for (int zoom = detail - 1; zoom >= least_zoom; --zoom) {
    const double side = std::ldexp(1.0, zoom + (zoom <= 10 ? 7 : 8));
    const auto at = [&](std::pair<double, double> p) {
      return std::pair{std::int64_t(std::floor(x_of(p.first) * side)),
                       std::int64_t(std::floor(y_of(p.second) * side))};
    };
    std::map<std::string, std::set<segment>> wanted, found;
    for (const line& one : lines)
      for (std::size_t i = 1; i < one.points.size(); ++i) {
        auto a = at(one.points[i - 1]), b = at(one.points[i]);
        if (a > b) std::swap(a, b);
        if (a != b) wanted["=" + one.merge].emplace(a.first, a.second, b.first, b.second);
      }
    const auto rows =
        f.db.rows(fmt::format("SELECT ident, ST_X(ST_StartPoint(s)), ST_Y(ST_StartPoint(s)), "
                              "ST_X(ST_EndPoint(s)), ST_Y(ST_EndPoint(s)) "
                              "FROM (SELECT ident, (ST_DumpSegments({})).geom AS s FROM gridlight_tiles.l t "
                              "WHERE zoom = {} OFFSET 0) s",
                              test::lattice_sql(), zoom));
    for (const auto& r : rows) {
      auto a = at({std::stod(r[1]), std::stod(r[2])}), b = at({std::stod(r[3]), std::stod(r[4])});
      if (a > b) std::swap(a, b);
      found[r[0]].emplace(a.first, a.second, b.first, b.second);
    }
    INFO("zoom ", zoom);
    CHECK(found == wanted);
    // Each tile has all features of its own part, once each.
    CHECK(f.db.value(fmt::format(
              "SELECT count(*) = count(DISTINCT (tx, ty, ident)) AND coalesce(max(n), 0) <= 600 FROM "
              "gridlight_tiles.l WHERE zoom = {}",
              zoom)) == "t");
  }
}

TEST_CASE("generalised tables of little or odd data") {
  const std::string body = "key: id, geometry_type: mixed, zooms: [0, 20], tiles: {detail: 14}";
  SUBCASE("nothing, then one feature, then nothing") {
    fixture f{"id text PRIMARY KEY", body};
    CHECK(f.build().what == outcome::kind::built);
    f.db.run("INSERT INTO l VALUES ('a', NULL), ('b', 'SRID=4326;POINT EMPTY')");
    f.build();
    CHECK(f.db.value("SELECT count(*) FROM gridlight_tiles.l") == "0");
    f.db.run("INSERT INTO l VALUES ('c', 'SRID=4326;POINT(-95.4 29.7)')");
    CHECK(f.build().what == outcome::kind::repaired);
    CHECK(f.db.value("SELECT count(*) FROM gridlight_tiles.l WHERE home AND ident = 'c' AND n = 1") == "14");
    f.check_whole();
    f.db.run("DELETE FROM l");
    f.build();
    CHECK(f.db.value("SELECT count(*) FROM gridlight_tiles.l") == "0");
  }
  SUBCASE("all in one place") {
    fixture f{"id text PRIMARY KEY", "key: id, geometry_type: point, zooms: [0, 20]"};
    f.db.run("INSERT INTO l SELECT i, 'SRID=4326;POINT(-95.4 29.7)' FROM generate_series(1, 5000) i");
    const outcome done = f.build();
    CHECK(done.detail == 20);
    CHECK(f.db.value("SELECT min(n) || ' ' || max(n) || ' ' || min(ident) || ' ' || max(ident) FROM "
                     "gridlight_tiles.l") == "5000 5000 1 1");
    f.db.run("DELETE FROM l WHERE id = '1'");
    CHECK(f.build().what == outcome::kind::repaired);
    CHECK(f.db.value("SELECT min(n) || ' ' || max(ident) FROM gridlight_tiles.l") == "4999 10");
  }
  SUBCASE("the finest zoom") {
    fixture f{"id text PRIMARY KEY, b text",
              "key: id, geometry_type: line, circuit: b, zooms: [0, 24], tiles: {detail: 24}"};
    f.db.run("INSERT INTO l VALUES ('a', 'x', 'SRID=4326;LINESTRING(179.999 -84, 179.9991 -84.0001)')");
    CHECK(f.build().detail == 24);
    CHECK(f.db.value("SELECT max(zoom) || ' ' || max(tx) FROM gridlight_tiles.l") == "23 8388587");
  }
  SUBCASE("names with quotes") {
    fixture f{"\"i'd\" text PRIMARY KEY, \"a\"\"b\" text, \"c'\" text",
              "key: \"i'd\", geometry_type: line, circuit: 'a\"b', zooms: [0, 20], tiles: {detail: 12}"};
    f.db.run(
        "INSERT INTO l SELECT 'k''' || i, 'o''x\\' || i % 2, 'v', ST_SetSRID(ST_MakeLine(ST_MakePoint(-95.4, "
        "29.6 + i * 0.01), ST_MakePoint(-95.3, 29.7)), 4326) FROM generate_series(1, 9) i");
    CHECK(f.build().what == outcome::kind::built);
    f.db.run("UPDATE l SET geom = ST_Translate(geom, 0.05, 0) WHERE \"i'd\" = 'k''3'");
    CHECK(f.build().what == outcome::kind::repaired);
    f.check_whole();
  }
}

TEST_CASE("a feature as large as the world has no rows by the million") {
  for (const char* kind : {"polygon", "line"}) {
    const bool merged = std::string{kind} == "line";
    fixture f{"id text PRIMARY KEY, b text",
              fmt::format("key: id, geometry_type: {}, zooms: [0, 20], tiles: {{detail: 15}}", kind)};
    const std::string world = merged ? "SRID=4326;LINESTRING(-179 -80, 179 80)"
                                     : "SRID=4326;POLYGON((-180 -85, 180 -85, 180 85, -180 85, -180 -85))";
    f.db.run("INSERT INTO l VALUES ('small', 'x', ST_MakeEnvelope(-95.4, 29.7, -95.39, 29.71, 4326))");
    CHECK(f.build().detail == 15);
    f.db.run("INSERT INTO l VALUES ('world', 'x', '" + world + "')");
    const outcome done = f.build();
    CHECK(done.what == outcome::kind::built);
    CHECK(done.detail <= 12);
    CHECK(done.detail >= 9);
    CHECK(done.rows < 400'000);
    f.db.run("DELETE FROM l WHERE id = 'world'");
    CHECK(f.build().detail == 15);
  }
}

TEST_CASE("where a tile has become too full for its zoom, all is built anew from a finer one") {
  fixture f{"id text PRIMARY KEY", "key: id, geometry_type: point, zooms: [0, 20]"};
  const auto spread = [&](int from, int to) {
    f.db.run(fmt::format(
        "INSERT INTO l SELECT i, ST_SetSRID(ST_MakePoint(-95.4 + (i * 7919 % 1000) * 1e-6, 29.7 + "
        "(i * 104729 % 1000) * 1e-6), 4326) FROM generate_series({}, {}) i",
        from, to));
  };
  f.db.run(
      "INSERT INTO l SELECT 'far' || i, ST_SetSRID(ST_MakePoint(i * 0.01, 10), 4326) FROM generate_series(1, "
      "2000) i");
  spread(1, 1900);
  const int before = f.build().detail;
  spread(1901, 2300);
  CHECK(f.build().what == outcome::kind::repaired);
  spread(2301, 3500);
  const outcome done = f.build();
  CHECK(done.what == outcome::kind::built);
  CHECK(done.detail > before);
}
