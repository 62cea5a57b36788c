#include "geo/wkb_columns.hpp"

#include <doctest/doctest.h>

#include <optional>

#include "geo/wkb.hpp"
#include "geo/wkt.hpp"
#include "tests/support/column_reader.hpp"
#include "tests/support/shapes.hpp"

using namespace gridlight::geo;
using gridlight::test::column_reader;
using gridlight::test::to_wkb;

namespace {

using wkb = std::optional<std::vector<std::byte>>;

std::string columns(const std::vector<wkb>& all) {
  std::string out;
  text_sink sink{out, 0};
  geometry_columns writer{sink, all.size()};
  for (const wkb& one : all) {
    if (one)
      writer.append(*one);
    else
      writer.append_null();
  }
  writer.finish();
  sink.finish();
  return out;
}

std::string columns_of(const std::vector<const char*>& texts) {
  std::vector<wkb> all;
  for (const char* text : texts)
    all.push_back(text == nullptr ? wkb{} : wkb{geometry_from_wkt(text).ewkb});
  return columns(all);
}

}  // namespace

TEST_CASE("points alone are their positions") {
  CHECK(columns_of({"POINT(1 2)", "POINT(-95.3698 29.12345678)"}) ==
        R"("positions":[1,2,-95.3698,29.1234568],"geometryType":"Point")");
}

TEST_CASE("no features, nothing but nulls, and a point that is EMPTY or absent") {
  CHECK(columns_of({}) == R"("positions":[],"geometryType":null,"offsets":[0])");
  CHECK(columns_of({nullptr, nullptr}) == R"("positions":[],"geometryType":null,"offsets":[0,0,0])");
  CHECK(columns_of({"POINT EMPTY", "POINT(1 2)"}) ==
        R"("positions":[1,2],"geometryType":"Point","offsets":[0,0,1])");
  CHECK(columns_of({"POINT(1 2)", nullptr}) ==
        R"("positions":[1,2],"geometryType":"Point","types":["Point",null],"offsets":[0,1,1])");
}

TEST_CASE("lines have offsets, lines of several parts their parts") {
  CHECK(columns_of({"LINESTRING(1 2,3 4)", "LINESTRING EMPTY", "LINESTRING(5 6,7 8,9 0)"}) ==
        R"("positions":[1,2,3,4,5,6,7,8,9,0],"geometryType":"LineString","offsets":[0,2,2,5])");
  CHECK(columns_of({"MULTILINESTRING((1 2,3 4),EMPTY,(5 6,7 8))", "MULTILINESTRING EMPTY"}) ==
        R"("positions":[1,2,3,4,5,6,7,8],"geometryType":"MultiLineString","offsets":[0,4,4],)"
        R"("parts":[0,3,3],"partStarts":[0,2,2,4])");
}

TEST_CASE("polygons have rings, turned to the right-hand rule") {
  CHECK(columns_of({"POLYGON((0 0,0 4,4 4,0 0),(1 2,1 3,2 3,1 2))", "POLYGON EMPTY"}) ==
        R"("positions":[0,0,4,4,0,4,0,0,1,2,1,3,2,3,1,2],"geometryType":"Polygon","offsets":[0,8,8],)"
        R"("rings":[0,2,2],"ringStarts":[0,4,8])");
  CHECK(columns_of({"MULTIPOLYGON(((0 0,4 4,0 4,0 0)),EMPTY,((0 0,4 4,0 4,0 0)))"}) ==
        R"("positions":[0,0,4,4,0,4,0,0,0,0,4,4,0,4,0,0],"geometryType":"MultiPolygon","offsets":[0,8],)"
        R"("parts":[0,3],"partStarts":[0,4,4,8],"rings":[0,1,1,2],"ringStarts":[0,4,8])");
}

TEST_CASE("beside polygons every other part is one ring, so that no ring takes in what follows it") {
  CHECK(
      columns_of({"LINESTRING(1 2,3 4)", "POLYGON((0 0,4 4,0 4,0 0))", nullptr, "LINESTRING(5 6,7 8)",
                  "POLYGON EMPTY", "POLYGON((0 0,4 4,0 4,0 0))"}) ==
      R"("positions":[1,2,3,4,0,0,4,4,0,4,0,0,5,6,7,8,0,0,4,4,0,4,0,0],"geometryType":"Mixed",)"
      R"("types":["LineString","Polygon",null,"LineString","Polygon","Polygon"],"offsets":[0,2,6,6,8,8,12],)"
      R"("rings":[0,1,2,3,4,4,5],"ringStarts":[0,2,6,6,8,12])");
}

TEST_CASE("types that differ are named, collections stand apart") {
  CHECK(columns_of({"POINT(1 2)", nullptr, "MULTIPOINT(3 4,5 6)",
                    "GEOMETRYCOLLECTION(POINT(7 8),LINESTRING(1 1,2 2))", "LINESTRING(0 0,9 9)"}) ==
        R"("positions":[1,2,3,4,5,6,0,0,9,9],"geometryType":"Mixed",)"
        R"("types":["Point",null,"MultiPoint","GeometryCollection","LineString"],"offsets":[0,1,1,3,3,5],)"
        R"("collections":[{"index":3,"geometry":{"type":"GeometryCollection","geometries":[)"
        R"({"type":"Point","coordinates":[7,8]},{"type":"LineString","coordinates":[[1,1],[2,2]]}]}}])");
}

TEST_CASE("bytes that are no geometry are null and leave nothing behind, NaN and cut ones too") {
  const auto good = geometry_from_wkt("MULTIPOLYGON(((0 0,4 4,0 4,0 0)),((0 0,4 4,0 4,0 0)))").ewkb;
  const std::string expected = columns({good, std::nullopt, good});
  for (std::size_t size = 0; size < good.size(); ++size)
    CHECK(columns({good, std::vector(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)),
                   good}) == expected);
  auto nan = good;
  nan.at(nan.size() - 1) = std::byte{0x7F};
  nan.at(nan.size() - 2) = std::byte{0xF8};
  CHECK(columns({good, nan, good}) == expected);
}

TEST_CASE("any geometries can be made again from their columns, as append_geojson writes them") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  for (int round = gridlight::test::rounds(3'000, 300'000); round > 0; --round) {
    std::vector<wkb> all;
    std::vector<std::string> expected;
    for (auto left = random() % 6; left > 0; --left) {
      std::string json = "null";
      wkb one;
      if (random() % 8 != 0) {
        one = to_wkb(gridlight::test::random_shape(random),
                     {.big_endian = random() % 2 == 0, .z = random() % 4 == 0});
        json.clear();
        if (!append_geojson(json, *one)) json = "null";
      }
      all.push_back(std::move(one));
      expected.push_back(column_reader::minified_items("[" + json + "]").at(0));
    }
    std::string ids;
    for (std::size_t i = 0; i < all.size(); ++i)
      ids += (i > 0 ? ",0" : "0");
    const column_reader read{R"({"ids":[)" + ids + "]," + columns(all) + "}"};
    REQUIRE(read.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      REQUIRE(read.geometry(i) == expected[i]);
  }
}
