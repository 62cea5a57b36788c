#include "geo/geojson.hpp"

#include <doctest/doctest.h>

#include <random>

#include "geo/wkb.hpp"
#include "tests/support/shapes.hpp"

using namespace gridlight::geo;

namespace {

parsed_geometry parse(std::string_view json, const geojson_limits& limits = {}) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  REQUIRE(parser.parse(json.data(), json.size()).get(element) == simdjson::SUCCESS);
  return geometry_from_geojson(element, limits);
}

// Read and written again; the error when it is refused.
std::string again(std::string_view json) {
  const auto parsed = parse(json);
  if (!parsed.error.empty()) return parsed.error;
  const auto summary = inspect_wkb(parsed.ewkb);
  CHECK(summary.error == "");
  CHECK(summary.srid == 4326);
  CHECK(summary.vertices == parsed.vertices);
  std::string out;
  CHECK(append_geojson(out, parsed.ewkb));
  return out;
}

std::string error_of(std::string_view json, const geojson_limits& limits = {}) {
  return parse(json, limits).error;
}

std::string nested(int depth) {
  std::string json = R"({"type":"Point","coordinates":[1,2]})";
  for (; depth > 0; --depth)
    json = R"({"type":"GeometryCollection","geometries":[)" + json + "]}";
  return json;
}

std::string line_of(int positions) {
  std::string json = R"({"type":"LineString","coordinates":[)";
  for (int i = 0; i < positions; ++i)
    json += i == 0 ? "[0,0]" : ",[1,1]";
  return json + "]}";
}

}  // namespace

TEST_CASE("each type comes back as it was read") {
  for (
      const std::string_view json : {
          R"({"type":"Point","coordinates":[-95.3698,29.7604]})",
          R"({"type":"LineString","coordinates":[[0,0],[1,1]]})",
          R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,4],[0,0]],[[1,1],[2,2],[2,1],[1,1]]]})",
          R"({"type":"MultiPoint","coordinates":[[1,2],[3,4]]})",
          R"({"type":"MultiLineString","coordinates":[[[0,0],[1,1]],[[2,2],[3,3]]]})",
          R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[0,1],[0,0]]],[[[5,5],[6,5],[5,6],[5,5]]]]})",
          R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},{"type":"GeometryCollection","geometries":[]}]})",
      })
    CHECK(again(json) == json);
}

TEST_CASE("what may be empty is") {
  for (const std::string_view json : {
           R"({"type":"MultiPoint","coordinates":[]})",
           R"({"type":"MultiLineString","coordinates":[]})",
           R"({"type":"MultiPolygon","coordinates":[]})",
           R"({"type":"MultiPolygon","coordinates":[[]]})",
           R"({"type":"Polygon","coordinates":[]})",
           R"({"type":"GeometryCollection","geometries":[]})",
       })
    CHECK(again(json) == json);
}

TEST_CASE("what may not be empty is refused") {
  CHECK(error_of(R"({"type":"Point","coordinates":[]})") ==
        "coordinates: a position needs longitude and latitude");
  CHECK(error_of(R"({"type":"LineString","coordinates":[]})") ==
        "coordinates: a line needs at least two, not 0 positions");
  CHECK(error_of(R"({"type":"LineString","coordinates":[[1,2]]})") ==
        "coordinates: a line needs at least two, not 1 position");
  CHECK(error_of(R"({"type":"MultiLineString","coordinates":[[]]})") ==
        "coordinates[0]: a line needs at least two, not 0 positions");
  CHECK(error_of(R"({"type":"Polygon","coordinates":[[]]})") ==
        "coordinates[0]: a ring needs at least four, not 0 positions");
  CHECK(error_of(R"({"type":"MultiPoint","coordinates":[[]]})") ==
        "coordinates[0]: a position needs longitude and latitude");
}

TEST_CASE("what is no geometry object is named") {
  CHECK(error_of("null") == "a geometry object is needed, not null");
  CHECK(error_of("[1,2]") == "a geometry object is needed, not an array");
  CHECK(error_of("17.5") == "a geometry object is needed, not 17.5");
  CHECK(error_of("true") == "a geometry object is needed, not true");
  CHECK(error_of("{}") == "type: the member is missing");
  CHECK(error_of(R"({"type":null})") == "type: a geometry type is needed, not null");
  CHECK(error_of(R"({"type":"Circle","coordinates":[1,2]})") ==
        R"(type: "Circle" is no geometry type; the types are Point, LineString, Polygon, MultiPoint, )"
        "MultiLineString, MultiPolygon and GeometryCollection");
  CHECK(error_of(R"({"type":"Feature","geometry":null})") ==
        R"(type: "Feature" is no geometry type; send the Feature's geometry member)");
  CHECK(error_of(R"({"type":"Point"})") == "coordinates: the member is missing");
  CHECK(error_of(R"({"type":"Point","coordinates":null})") ==
        "coordinates: a position (an array of longitude and latitude) is needed, not null");
  CHECK(error_of(R"({"type":"GeometryCollection","coordinates":[]})") == "geometries: the member is missing");
  CHECK(error_of(R"({"type":"GeometryCollection","geometries":{}})") ==
        "geometries: an array of geometries is needed, not an object");
  CHECK(error_of(R"({"type":"GeometryCollection","geometries":[null]})") ==
        "geometries[0]: a geometry object is needed, not null");
}

TEST_CASE("members given twice are refused, wherever they stand") {
  CHECK(error_of(R"({"type":"Point","coordinates":[1,2],"coordinates":[3,4]})") ==
        "coordinates: the member is given twice");
  CHECK(error_of(R"({"type":"Point","type":"Point","coordinates":[1,2]})") ==
        "type: the member is given twice");
  CHECK(error_of(R"({"coordinates":[1,2],"type":"Point","coordin\u0061tes":[3,4]})") ==
        "coordinates: the member is given twice");
}

TEST_CASE("foreign members are ignored") {
  CHECK(again(R"({"bbox":[0,0,1,1],"type":"Point","name":"ü","coordinates":[1,2],"name":"x"})") ==
        R"({"type":"Point","coordinates":[1,2]})");
}

TEST_CASE("wrong nesting is refused with its place") {
  CHECK(error_of(R"({"type":"Point","coordinates":[[1,2]]})") ==
        "coordinates[0]: a number is needed, not an array");
  CHECK(error_of(R"({"type":"LineString","coordinates":[1,2]})") ==
        "coordinates[0]: a position (an array of longitude and latitude) is needed, not 1");
  CHECK(error_of(R"({"type":"Polygon","coordinates":[[0,0],[1,1],[0,1],[0,0]]})") ==
        "coordinates[0][0]: a position (an array of longitude and latitude) is needed, not 0");
  CHECK(error_of(R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[0,1],[0,0]]],[3]]})") ==
        "coordinates[1][0]: an array of positions is needed, not 3");
  CHECK(error_of(R"({"type":"MultiPolygon","coordinates":{}})") ==
        "coordinates: an array of polygons is needed, not an object");
}

TEST_CASE("ordinates must be numbers in range") {
  CHECK(error_of(R"({"type":"LineString","coordinates":[[0,0],[200,1]]})") ==
        "coordinates[1]: longitude 200 is outside -180…180");
  CHECK(error_of(R"({"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[200.5,0]]]})") ==
        "coordinates[0][3]: longitude 200.5 is outside -180…180");
  CHECK(error_of(R"({"type":"Point","coordinates":[29.76,-95.37]})") ==
        "coordinates: latitude -95.37 is outside -90…90");
  CHECK(error_of(R"({"type":"Point","coordinates":[-1e300,0]})") ==
        "coordinates: longitude -1e+300 is outside -180…180");
  CHECK(error_of(R"({"type":"Point","coordinates":[9223372036854775808,0]})") ==
        "coordinates: longitude 9223372036854775808 is outside -180…180");
  CHECK(error_of(R"({"type":"Point","coordinates":["1",2]})") ==
        R"(coordinates[0]: a number is needed, not the string "1")");
  CHECK(error_of(R"({"type":"Point","coordinates":[1,null]})") ==
        "coordinates[1]: a number is needed, not null");
  CHECK(error_of(R"({"type":"Point","coordinates":[1,2,false]})") ==
        "coordinates[2]: a number is needed, not false");
  CHECK(error_of(R"({"type":"Point","coordinates":[1]})") ==
        "coordinates: a position needs longitude and latitude");
}

TEST_CASE("poles, antimeridian, integers and heights are fine") {
  CHECK(
      again(R"({"type":"MultiPoint","coordinates":[[180,90],[-180,-90],[-180.0,90.0,17.5],[0,-0.0,1,2]]})") ==
      R"({"type":"MultiPoint","coordinates":[[180,90],[-180,-90],[-180,90],[0,0]]})");
}

TEST_CASE("rings need four positions and must close") {
  CHECK(error_of(R"({"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]})") ==
        "coordinates[0]: a ring needs at least four, not 3 positions");
  CHECK(error_of(R"({"type":"MultiPolygon","coordinates":[[],[[[0,0],[1,0],[0,1],[0,0.5]]]]})") ==
        "coordinates[1][0]: the ring is not closed: it begins at [0,0] and ends at [0,0.5]");
}

TEST_CASE("an error in a collection has its whole path") {
  CHECK(
      error_of(
          R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},)"
          R"({"type":"GeometryCollection","geometries":[{"type":"LineString","coordinates":[[0,0],[0,91]]}]}]})") ==
      "geometries[1].geometries[0].coordinates[1]: latitude 91 is outside -90…90");
  CHECK(error_of(R"({"type":"GeometryCollection","geometries":[{"type":"Pont"}]})")
            .starts_with(R"(geometries[0].type: "Pont" is no geometry type)"));
}

TEST_CASE("long texts are cut between characters") {
  std::string umlauts;
  for (int i = 0; i < 50; ++i)
    umlauts += "ü";
  const auto error = error_of(R"({"type":"Point","coordinates":["x)" + umlauts + R"(",0]})");
  CHECK(error == "coordinates[0]: a number is needed, not the string \"x" + umlauts.substr(0, 38) + "…\"");
}

TEST_CASE("the vertex cap holds and says so") {
  const geojson_limits limits{.max_vertices = 5};
  CHECK(parse(line_of(5), limits).vertices == 5);
  const auto over = parse(line_of(6), limits);
  CHECK(over.too_large);
  CHECK(over.error == "coordinates[5]: the geometry has more than 5 vertices");
  CHECK(over.ewkb.empty());
  CHECK_FALSE(parse(R"({"type":"Point"})", limits).too_large);
}

TEST_CASE("collections nest as deep as the limit") {
  CHECK(error_of(nested(8)).empty());
  CHECK(error_of(nested(9)).ends_with(".geometries[0]: collections are nested deeper than 8"));
  CHECK(error_of(nested(1), {.max_depth = 0}) == "collections are nested deeper than 0");
  // Whatever is allowed can be read again.
  CHECK(inspect_wkb(parse(nested(32), {.max_depth = 1000}).ewkb).error == "");
  CHECK(error_of(nested(33), {.max_depth = 1000}).ends_with("collections are nested deeper than 32"));
}

TEST_CASE("crs may only name what is anyway") {
  const auto with = [](std::string_view crs) {
    return error_of(R"({"type":"Point","coordinates":[1,2],"crs":)" + std::string{crs} + "}");
  };
  CHECK(with(R"({"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}})").empty());
  CHECK(with(R"({"type":"name","properties":{"name":"EPSG:4326"}})").empty());
  const std::string_view refused = "crs: only WGS 84 in degrees (CRS84, EPSG:4326) is understood";
  CHECK(with(R"({"type":"name","properties":{"name":"EPSG:3857"}})") == refused);
  CHECK(with(R"({"type":"name","properties":{"name":4326}})") == refused);
  CHECK(with("null") == refused);
  CHECK(with(R"("EPSG:4326")") == refused);
}

TEST_CASE("random geometries go from WKB to GeoJSON and back") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  simdjson::dom::parser parser;
  for (int i = gridlight::test::rounds(3'000, 1'000'000); i > 0; --i) {
    const auto shape = gridlight::test::random_shape(random, {.empties = false, .decimals = 7});
    const auto wkb = to_wkb(shape, {.srid = 4326});
    std::string json;
    REQUIRE(append_geojson(json, wkb));
    const auto parsed = geometry_from_geojson(parser.parse(json), {});
    REQUIRE(parsed.error == "");
    std::string twice;
    REQUIRE(append_geojson(twice, parsed.ewkb));
    REQUIRE(twice == json);
    // Lines and points of seven decimals lose nothing; rings may have been turned or lie between the
    // decimals.
    if (shape.type == geometry_type::line_string || shape.type == geometry_type::point)
      REQUIRE(parsed.ewkb == wkb);
  }
}
