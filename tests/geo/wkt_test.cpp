#include "geo/wkt.hpp"

#include <doctest/doctest.h>

#include "geo/wkb.hpp"

using namespace gridlight::geo;

namespace {

std::string json(std::string_view wkt) {
  const auto parsed = geometry_from_wkt(wkt);
  if (!parsed.error.empty()) return parsed.error;
  std::string out;
  CHECK(append_geojson(out, parsed.ewkb));
  CHECK(inspect_wkb(parsed.ewkb).vertices == parsed.vertices);
  return out;
}

std::uint32_t srid(std::string_view wkt) {
  return inspect_wkb(geometry_from_wkt(wkt).ewkb).srid;
}

std::string nested(int depth) {
  std::string wkt;
  for (int i = 0; i < depth; ++i)
    wkt += "GEOMETRYCOLLECTION(";
  return wkt + "POINT(1 2)" + std::string(static_cast<std::size_t>(depth), ')');
}

}  // namespace

TEST_CASE("WKT is read, in any case and spacing") {
  CHECK(json("POINT(-95.37 29.76)") == R"({"type":"Point","coordinates":[-95.37,29.76]})");
  CHECK(json(" linestring ( 0 0,\n1e0 1 ) ") == R"({"type":"LineString","coordinates":[[0,0],[1,1]]})");
  CHECK(json("POINT Z (1 2 3)") == R"({"type":"Point","coordinates":[1,2]})");
  CHECK(json("MULTIPOINT(1 2,3 4)") == R"({"type":"MultiPoint","coordinates":[[1,2],[3,4]]})");
  CHECK(json("POLYGON EMPTY") == R"({"type":"Polygon","coordinates":[]})");
  CHECK(json("POINT EMPTY") == R"({"type":"Point","coordinates":[]})");
}

TEST_CASE("the SRID is the text's, or 4326") {
  CHECK(srid("POINT(1 2)") == 4326);
  CHECK(srid("SRID=3857;POINT(1 2)") == 3857);
  CHECK(srid("srid=4326;POINT(1 2)") == 4326);
  for (const std::string_view wrong :
       {"SRID=;POINT(1 2)", "SRID=x;POINT(1 2)", "SRID=-1;POINT(1 2)", "SRID=1"})
    CHECK(json(wrong) == "SRID= is not followed by a number and a semicolon");
}

TEST_CASE("an equals sign in the fifth place is no SRID") {
  CHECK_FALSE(geometry_from_wkt("S;)E=432").error.empty());
}

TEST_CASE("what GEOS would overlook is refused") {
  CHECK(json("POINT(1 2) and more") == "text follows the geometry");
  CHECK(json("POINT(1 2))") == "text follows the geometry");
  CHECK(json("POINT(1 2)POINT(3 4)") == "text follows the geometry");
  CHECK(json(std::string_view{"POINT(1 2)\0", 11}) == "a character that WKT does not know");
  CHECK(json("PÖINT(1 2)") == "a character that WKT does not know");
}

TEST_CASE("what GEOS lets through though it is no geometry is refused too") {
  CHECK(json("POLYGON((0 0,1 1,0 0))") == "a ring has fewer than four positions");
  CHECK(json("LINESTRING(0 0,nan 1)") == "a coordinate is not finite");
  CHECK(json("POINT(1e999 0)") == "a coordinate is not finite");
}

TEST_CASE("what is no WKT is refused in GEOS's words") {
  for (const std::string_view wrong : {"", " ", "POINT", "POINT(1)", "POINT(1,2)", "POINT(1 2", "CIRCLE(1 2)",
                                       "LINESTRING(1 1)", "POLYGON((0 0,1 1))"})
    CHECK_FALSE(geometry_from_wkt(wrong).error.empty());
}

TEST_CASE("depth has an end before the stack has") {
  CHECK(json(nested(32)).find(R"({"type":"Point","coordinates":[1,2]})") != std::string::npos);
  CHECK(json(nested(100'000)) == "the parentheses are nested too deep");
}
