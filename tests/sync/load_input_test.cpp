#include "sync/load/load_input.hpp"

#include <doctest/doctest.h>

#include <random>

#include "sync/load/infer.hpp"
#include "tests/support/shapes.hpp"

using namespace gridlight;
using namespace gridlight::sync;

TEST_CASE("names become snake_case") {
  CHECK(snake_case("poleId") == "pole_id");
  CHECK(snake_case("HTTPServerName") == "http_server_name");
  CHECK(snake_case("  Höhe (m) ") == "h_he_m");
  CHECK(snake_case("2nd floor") == "n_2nd_floor");
  CHECK(snake_case("___") == "column");
  CHECK(snake_case("") == "column");
  CHECK(snake_case("xmin") == "xmin_value");
  CHECK(snake_case("addr:street") == "addr_street");
  CHECK(snake_case(std::string(200, 'a')).size() == 60);
}

TEST_CASE("lines of stored rows are found again, whatever their spacing") {
  const std::uint64_t seed = test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 50; ++round) {
    line_map map;
    std::vector<std::pair<std::size_t, std::uint64_t>> wanted;
    for (std::size_t file = 0; file < 3; ++file) {
      std::uint64_t line = 1;
      for (std::size_t n = random() % 40; n > 0; --n) {
        line += random() % 5 == 0 ? random() % 7 : 1 + static_cast<std::uint64_t>(round % 3);
        map.add(file, line);
        wanted.emplace_back(file, line);
      }
    }
    CHECK_FALSE(map.find(0).has_value());
    CHECK_FALSE(map.find(std::ssize(wanted) + 1).has_value());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const auto place = map.find(static_cast<std::int64_t>(i) + 1);
      REQUIRE(place.has_value());
      CHECK(place->file == wanted[i].first);
      CHECK(place->line == wanted[i].second);
    }
  }
}

namespace {

cell text(std::string_view s) {
  return {cell::kind::text, s};
}

column_kind kind_of(const std::vector<cell>& cells, bool zone = false) {
  column_evidence e;
  for (const cell& c : cells)
    e.see(c, zone);
  return e.kind();
}

}  // namespace

TEST_CASE("types are what all values have in common") {
  using k = column_kind;
  const cell number{cell::kind::number, {}, 0, 1.5}, integer{cell::kind::integer, {}, 7};
  const cell yes{cell::kind::boolean, {}, 1}, object{cell::kind::json, "{}"};
  CHECK(kind_of({}) == k::text);
  CHECK(kind_of({{}, text(" ")}) == k::text);
  CHECK(kind_of({text("1"), {}, text("-20")}) == k::int8);
  CHECK(kind_of({text("1"), text("2.5")}) == k::float8);
  CHECK(kind_of({text("1"), text("x")}) == k::text);
  CHECK(kind_of({text("01")}) == k::text);
  CHECK(kind_of({text("0"), text("0.5"), text("-0.5")}) == k::float8);
  CHECK(kind_of({text("+1")}) == k::text);
  CHECK(kind_of({text("99999999999999999999")}) == k::text);
  CHECK(kind_of({text("1"), text("99999999999999999999")}) == k::text);
  CHECK(kind_of({text("nan")}) == k::text);
  CHECK(kind_of({text("true"), text("FALSE")}) == k::boolean);
  CHECK(kind_of({text("t")}) == k::text);
  CHECK(kind_of({text("1"), text("true")}) == k::text);
  CHECK(kind_of({text("2024-02-29")}) == k::date);
  CHECK(kind_of({text("2024-02-30")}) == k::text);
  CHECK(kind_of({text("2024-02-29T10:00:00Z")}) == k::timestamptz);
  CHECK(kind_of({text("2024-02-29 10:00")}) == k::text);
  CHECK(kind_of({text("2024-02-29 10:00")}, true) == k::timestamptz);
  CHECK(kind_of({integer, number}) == k::float8);
  CHECK(kind_of({integer, {}}) == k::int8);
  CHECK(kind_of({yes}) == k::boolean);
  CHECK(kind_of({yes, integer}) == k::text);
  CHECK(kind_of({object}) == k::jsonb);
  CHECK(kind_of({object, integer}) == k::text);
}

TEST_CASE("files of a layer, and files that are nobody's") {
  layer_config roads;
  roads.name = "roads";
  roads.table = "road_table";
  load_options o;
  o.files = {"x/road_table.csv.gz", "road_table.geojson"};
  const auto jobs = plan_jobs(o, std::span{&roads, 1});
  REQUIRE(jobs.has_value());
  REQUIRE(jobs->size() == 1);
  CHECK(jobs->front().layer == "roads");
  CHECK(jobs->front().files.size() == 2);
  o.files = {"roads.csv"};
  CHECK(plan_jobs(o, std::span{&roads, 1}).error().detail.find("--create") != std::string::npos);
  o.files = {"-"};
  CHECK(plan_jobs(o, std::span{&roads, 1}).error().detail.find("--layer") != std::string::npos);
  o.files = {};
  CHECK_FALSE(plan_jobs(o, std::span{&roads, 1}).has_value());
  o.files = {"Main Roads.csv", "b.csv"};
  o.create = true;
  const auto made = plan_jobs(o, {});
  REQUIRE(made.has_value());
  CHECK(made->at(0).layer == "main_roads");
  CHECK(made->at(1).layer == "b");
}
