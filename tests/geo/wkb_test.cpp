#include "geo/wkb.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "tests/support/shapes.hpp"

using namespace gridlight::geo;
using gridlight::test::encoding;
using gridlight::test::random_shape;
using gridlight::test::shape;
using gridlight::test::to_wkb;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

shape point(double x, double y) {
  return {geometry_type::point, {{{x, y}}}, {}};
}
shape line(std::vector<lonlat> run) {
  return {geometry_type::line_string, {std::move(run)}, {}};
}
shape polygon(std::vector<std::vector<lonlat>> rings) {
  return {geometry_type::polygon, std::move(rings), {}};
}
shape many(geometry_type type, std::vector<shape> members) {
  return {type, {}, std::move(members)};
}
shape collection(std::vector<shape> members) {
  return many(geometry_type::geometry_collection, std::move(members));
}

const std::vector<lonlat> square{{0, 0}, {4, 0}, {4, 4}, {0, 4}, {0, 0}};

std::string json(const std::vector<std::byte>& wkb) {
  std::string out;
  return append_geojson(out, wkb) ? out : "refused";
}
std::string json(const shape& s) {
  return json(to_wkb(s));
}
std::string_view error_of(const shape& s) {
  return inspect_wkb(to_wkb(s)).error;
}

shape nested(int depth) {
  shape s = point(1, 2);
  for (; depth > 0; --depth)
    s = collection({s});
  return s;
}

}  // namespace

TEST_CASE("hex becomes bytes, in either case, and nothing when it is no hex") {
  CHECK(from_hex("01fFa0") == std::vector{std::byte{0x01}, std::byte{0xff}, std::byte{0xa0}});
  CHECK(from_hex("").empty());
  CHECK(from_hex("0").empty());
  CHECK(from_hex("0g").empty());
  CHECK(from_hex("g0").empty());
  CHECK(from_hex("01\xc3\xbc").empty());
}

TEST_CASE("a summary says type, srid, vertices and extent") {
  const auto summary = inspect_wkb(to_wkb(polygon({square}), {.srid = 4326}));
  CHECK(summary.error.empty());
  CHECK(summary.type == geometry_type::polygon);
  CHECK(summary.srid == 4326);
  CHECK(summary.vertices == 5);
  CHECK_FALSE(summary.empty);
  CHECK(summary.min_x == 0);
  CHECK(summary.max_x == 4);
  CHECK(summary.min_y == 0);
  CHECK(summary.max_y == 4);
}

TEST_CASE("empty geometries are right and empty") {
  for (const shape& s :
       {shape{geometry_type::point, {{}}, {}}, line({}), polygon({}), many(geometry_type::multi_point, {}),
        many(geometry_type::multi_polygon, {polygon({})}), collection({}), collection({collection({})})}) {
    const auto summary = inspect_wkb(to_wkb(s));
    CHECK(summary.error.empty());
    CHECK(summary.empty);
    CHECK(summary.vertices == 0);
    CHECK(summary.type == s.type);
  }
}

TEST_CASE("what is no geometry is refused with the reason") {
  CHECK(inspect_wkb({}).error == "the bytes end too soon");
  CHECK(inspect_wkb(from_hex("0201000000")).error == "the byte order is neither 0 nor 1");
  CHECK(inspect_wkb(from_hex("0101")).error == "the bytes end too soon");
  CHECK(inspect_wkb(from_hex("0108000000")).error == "the geometry type is none of the seven simple ones");
  CHECK(inspect_wkb(from_hex("0100000000")).error == "the geometry type is none of the seven simple ones");
  CHECK(inspect_wkb(from_hex("01a10f0000")).error == "the geometry type is none of the seven simple ones");
  CHECK(inspect_wkb(from_hex("0102000000ffffffff")).error == "a count is larger than the bytes that follow");
  CHECK(inspect_wkb(from_hex("0103000000ffffffff")).error == "a count is larger than the bytes that follow");
  CHECK(inspect_wkb(from_hex("0107000000ffffffff")).error == "a count is larger than the bytes that follow");
  CHECK(error_of(point(not_a_number, 1)) == "a coordinate is not finite");
  CHECK(error_of(point(1, infinite)) == "a coordinate is not finite");
  CHECK(error_of(line({{0, 0}, {not_a_number, not_a_number}})) == "a coordinate is not finite");
  CHECK(error_of(line({{0, 0}})) == "a line has only one position");
  CHECK(error_of(polygon({{{0, 0}, {1, 1}, {0, 0}}})) == "a ring has fewer than four positions");
  CHECK(error_of(polygon({{}})) == "a ring has fewer than four positions");
  CHECK(error_of(polygon({{{0, 0}, {4, 0}, {4, 4}, {0, 4}}})) == "a ring is not closed");
  CHECK(error_of(many(geometry_type::multi_point, {line({{0, 0}, {1, 1}})})) ==
        "a member is of another type than its multi-geometry holds");
  auto trailing = to_wkb(point(1, 2));
  trailing.push_back(std::byte{0});
  CHECK(inspect_wkb(trailing).error == "bytes follow the geometry");
}

TEST_CASE("members must have the dimensions of their whole") {
  auto wkb = to_wkb(collection({point(1, 2)}), {.z = true});
  wkb.resize(9);
  const auto flat = to_wkb(point(1, 2));
  wkb.insert(wkb.end(), flat.begin(), flat.end());
  CHECK(inspect_wkb(wkb).error == "a member has other dimensions than its whole");
}

TEST_CASE("collections nest 32 deep and no deeper") {
  CHECK(error_of(nested(32)).empty());
  CHECK(error_of(nested(33)) == "collections are nested too deep");
  CHECK(json(nested(33)) == "refused");
}

TEST_CASE("each type is written as RFC 7946 has it") {
  CHECK(json(point(-95.3698, 29.7604)) == R"({"type":"Point","coordinates":[-95.3698,29.7604]})");
  CHECK(json(line({{0, 0}, {1, 1}})) == R"({"type":"LineString","coordinates":[[0,0],[1,1]]})");
  CHECK(json(polygon({square})) == R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,4],[0,0]]]})");
  CHECK(json(many(geometry_type::multi_point, {point(1, 2), point(3, 4)})) ==
        R"({"type":"MultiPoint","coordinates":[[1,2],[3,4]]})");
  CHECK(json(many(geometry_type::multi_line_string, {line({{0, 0}, {1, 1}}), line({{2, 2}, {3, 3}})})) ==
        R"({"type":"MultiLineString","coordinates":[[[0,0],[1,1]],[[2,2],[3,3]]]})");
  CHECK(json(many(geometry_type::multi_polygon, {polygon({{{0, 0}, {1, 0}, {0, 1}, {0, 0}}})})) ==
        R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[0,1],[0,0]]]]})");
  CHECK(json(collection({point(1, 2), collection({line({{0, 0}, {1, 1}})}), point(3, 4)})) ==
        R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},)"
        R"({"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[[0,0],[1,1]]}]},)"
        R"({"type":"Point","coordinates":[3,4]}]})");
}

TEST_CASE("empty geometries are written with empty arrays") {
  const shape nowhere{geometry_type::point, {{}}, {}};
  CHECK(json(nowhere) == R"({"type":"Point","coordinates":[]})");
  CHECK(json(line({})) == R"({"type":"LineString","coordinates":[]})");
  CHECK(json(polygon({})) == R"({"type":"Polygon","coordinates":[]})");
  CHECK(json(many(geometry_type::multi_point, {nowhere, point(1, 2), nowhere})) ==
        R"({"type":"MultiPoint","coordinates":[[1,2]]})");
  CHECK(json(many(geometry_type::multi_polygon, {polygon({}), polygon({})})) ==
        R"({"type":"MultiPolygon","coordinates":[[],[]]})");
  CHECK(json(collection({})) == R"({"type":"GeometryCollection","geometries":[]})");
  CHECK(json(collection({nowhere, collection({})})) ==
        R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[]},)"
        R"({"type":"GeometryCollection","geometries":[]}]})");
}

TEST_CASE("rings are turned to the right-hand rule") {
  auto clockwise = square;
  std::reverse(clockwise.begin(), clockwise.end());
  const std::vector<lonlat> hole{{1, 1}, {1, 2}, {2, 2}, {1, 1}}, wrong_hole{{1, 1}, {2, 2}, {1, 2}, {1, 1}};
  const std::string right =
      R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,4],[0,0]],[[1,1],[1,2],[2,2],[1,1]]]})";
  CHECK(json(polygon({square, hole})) == right);
  CHECK(json(polygon({clockwise, wrong_hole})) == right);
  // Without an area there is no way round: as stored.
  CHECK(json(polygon({{{0, 0}, {1, 1}, {2, 2}, {0, 0}}})) ==
        R"({"type":"Polygon","coordinates":[[[0,0],[1,1],[2,2],[0,0]]]})");
}

TEST_CASE("a ring of a few centimetres far from the origin keeps its way round") {
  const double x = -179.123456, y = 89.123456, e = 1e-7;
  const auto out = json(polygon({{{x, y}, {x, y + e}, {x + e, y}, {x, y}}}));
  std::string expected;
  append_geojson(expected, to_wkb(polygon({{{x, y}, {x + e, y}, {x, y + e}, {x, y}}})));
  CHECK(out == expected);
}

TEST_CASE("writing keeps what stands before, and leaves nothing when it fails") {
  std::string out = R"({"a":[1],"geometry":)";
  const std::string before = out;
  CHECK_FALSE(append_geojson(out, to_wkb(collection({point(1, 2), point(not_a_number, 2)}))));
  CHECK(out == before);
  CHECK(append_geojson(out, to_wkb(point(1, 2))));
  CHECK(out == before + R"({"type":"Point","coordinates":[1,2]})");
  out = "x]";
  CHECK(append_geojson(out, to_wkb(point(1, 2))));
  CHECK(out == R"(x]{"type":"Point","coordinates":[1,2]})");
}

TEST_CASE("what PostGIS may hold though it is no proper line or ring is written as it is") {
  CHECK(json(line({{1, 1}})) == R"({"type":"LineString","coordinates":[[1,1]]})");
  CHECK(json(polygon({{{0, 0}, {1, 1}}})) == R"({"type":"Polygon","coordinates":[[[0,0],[1,1]]]})");
}

TEST_CASE("as many decimals as asked for") {
  std::string out;
  CHECK(append_geojson(out, to_wkb(point(1.23456, -1.5)), 2));
  CHECK(out == R"({"type":"Point","coordinates":[1.23,-1.5]})");
  CHECK(json(point(-1.7976931348623157e308, 1e9)) ==
        R"({"type":"Point","coordinates":[-1.7976931348623157e+308,1000000000]})");
}

TEST_CASE("random geometries of every encoding are summed up and written") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int i = gridlight::test::rounds(3'000, 1'000'000); i > 0; --i) {
    const shape s = random_shape(random);
    const std::string expected = to_geojson(s);
    const auto bits = random();
    const encoding how{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                       (bits & 16) != 0 ? 3857u : 0u};
    const auto wkb = to_wkb(s, how);
    const auto summary = inspect_wkb(wkb);
    REQUIRE(summary.error == "");
    REQUIRE(summary.type == s.type);
    REQUIRE(summary.srid == how.srid);
    REQUIRE(json(wkb) == expected);
  }
}

TEST_CASE("no cut of a geometry is one, and no changed byte reads outside") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int i = gridlight::test::rounds(100, 10'000); i > 0; --i) {
    const auto wkb = to_wkb(random_shape(random, {.longest = 4}));
    for (std::size_t length = 0; length < wkb.size(); ++length) {
      // A copy of its own size, so that a sanitizer sees one byte too many.
      const std::vector<std::byte> cut(wkb.begin(), wkb.begin() + static_cast<std::ptrdiff_t>(length));
      REQUIRE_FALSE(inspect_wkb(cut).error.empty());
      std::vector<std::byte> changed = wkb;
      changed[length] = static_cast<std::byte>(random());
      std::string out;
      // The strict reader takes nothing that the lenient one refuses.
      const bool written = append_geojson(out, changed);
      if (inspect_wkb(changed).error.empty()) REQUIRE(written);
    }
  }
}

TEST_CASE("an SRID is added or replaced in the geometry's own byte order") {
  const shape s = collection({point(1, 2), line({{0, 0}, {1, 1}})});
  for (const bool big_endian : {false, true})
    for (const bool iso : {false, true})
      for (const bool z : {false, true}) {
        const encoding bare{big_endian, iso, z, false, 0}, right{big_endian, iso, z, false, 4326},
            wrong{big_endian, iso, z, false, 3857};
        CHECK(ewkb_with_srid(to_wkb(s, bare), 4326) == to_wkb(s, right));
        CHECK(ewkb_with_srid(to_wkb(s, wrong), 4326) == to_wkb(s, right));
        CHECK(ewkb_with_srid(to_wkb(s, right), 4326) == to_wkb(s, right));
      }
  CHECK(ewkb_with_srid(from_hex("0101"), 4326) == from_hex("0101"));
}
