#include "geo/geometry.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "geo/geojson.hpp"
#include "tests/support/shapes.hpp"

using namespace gridlight::geo;

namespace {

std::optional<invalidity> check(std::string_view json) {
  simdjson::dom::parser parser;
  const auto parsed = geometry_from_geojson(parser.parse(json.data(), json.size()), {});
  REQUIRE(parsed.error == "");
  return find_invalidity(parsed.ewkb);
}

constexpr std::string_view bow_tie = R"({"type":"Polygon","coordinates":[[[0,0],[2,2],[2,0],[0,2],[0,0]]]})";

}  // namespace

TEST_CASE("valid geometries have nothing to say") {
  CHECK_FALSE(check(R"({"type":"Point","coordinates":[1,2]})"));
  CHECK_FALSE(check(R"({"type":"LineString","coordinates":[[0,0],[2,2],[2,0],[0,2]]})"));
  CHECK_FALSE(check(R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]]]})"));
  CHECK_FALSE(check(R"({"type":"Polygon","coordinates":[]})"));
  CHECK_FALSE(check(R"({"type":"GeometryCollection","geometries":[]})"));
}

TEST_CASE("a ring that crosses itself is named with the place") {
  const auto found = check(bow_tie);
  REQUIRE(found);
  CHECK(found->reason == "Self-intersection");
  CHECK(found->place == lonlat{1, 1});
}

TEST_CASE("a hole outside its shell is named") {
  const auto found =
      check(R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]],[[5,5],[6,5],[6,6],[5,5]]]})");
  REQUIRE(found);
  CHECK(found->reason == "Hole lies outside shell");
}

TEST_CASE("rings and lines without extent are named") {
  CHECK(check(R"({"type":"Polygon","coordinates":[[[0,0],[0,0],[0,0],[0,0]]]})"));
  CHECK(check(R"({"type":"LineString","coordinates":[[7,8],[7,8]]})"));
}

TEST_CASE("ISO and big-endian WKB is understood too") {
  const gridlight::test::shape bow{geometry_type::polygon, {{{0, 0}, {2, 2}, {2, 0}, {0, 2}, {0, 0}}}, {}};
  for (const bool big_endian : {false, true})
    for (const bool iso : {false, true}) {
      const auto found = find_invalidity(to_wkb(bow, {.big_endian = big_endian, .iso = iso, .z = true}));
      REQUIRE(found);
      CHECK(found->reason == "Self-intersection");
    }
}

TEST_CASE("bytes that GEOS cannot read are an invalidity, not a crash") {
  const auto found = find_invalidity({});
  REQUIRE(found);
  CHECK_FALSE(found->reason.empty());
}

TEST_CASE("threads check at the same time, each with a context of its own") {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&wrong, t] {
      for (int i = 0; i < 200; ++i) {
        simdjson::dom::parser parser;
        const auto parsed = geometry_from_geojson(parser.parse(bow_tie.data(), bow_tie.size()), {});
        const auto found = find_invalidity(parsed.ewkb);
        if (!found || found->reason != "Self-intersection") ++wrong[t];
      }
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(wrong == std::vector<int>(4));
}
