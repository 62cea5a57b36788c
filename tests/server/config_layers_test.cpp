#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "embedded/default_config.hpp"
#include "server/config.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

using names = std::vector<std::string>;

// The layer that the lines under `layers: {l: …}` declare.
layer_config one(const std::string& body) {
  auto c = parse_config("layers:\n  l: {" + body + "}\n", "t.yaml");
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  REQUIRE(c->layers.size() == 1);
  return c->layers[0];
}

std::string bad(const std::string& body) {
  const auto c = parse_config("layers:\n  l: {" + body + "}\n", "t.yaml");
  REQUIRE(c.has_error());
  return c.error().detail;
}

const layer_config& find(const config& c, std::string_view name) {
  const auto at =
      std::find_if(c.layers.begin(), c.layers.end(), [&](const layer_config& l) { return l.name == name; });
  REQUIRE(at != c.layers.end());
  return *at;
}

}  // namespace

TEST_CASE("a layer needs a key; all else has a default") {
  const layer_config l = one("key: id");
  CHECK(l.name == "l");
  CHECK(l.title == "l");
  CHECK(l.schema == "public");
  CHECK(l.table == "l");
  CHECK(l.key == names{"id"});
  CHECK(l.geometry == "geom");
  CHECK(l.geometry_type == geometry_kind::mixed);
  CHECK(l.properties.empty());
  CHECK(l.personal.empty());
  CHECK(l.min_zoom == 0);
  CHECK(l.max_zoom == 20);
  CHECK(l.mode == layer_mode::managed);
  CHECK(l.kind == layer_kind::fixed);
  CHECK(contains(bad(""), "t.yaml:2: layers.l has no key"));
  CHECK(contains(bad("key: []"), "layers.l.key is empty; it must be a column's name or a list of them"));
}

TEST_CASE("every key of a layer") {
  const layer_config l =
      one("title: 'Power poles', schema: grid, table: \"Poles \\\"new\\\"\", key: [a, b], geometry: shape, "
          "geometry_type: line, "
          "properties: [p, q], personal: [q, shape], zooms: [4, 14], mode: mirrored, kind: derived");
  CHECK(l.title == "Power poles");
  CHECK(l.schema == "grid");
  CHECK(l.table == "Poles \"new\"");
  CHECK(l.key == names{"a", "b"});
  CHECK(l.geometry == "shape");
  CHECK(l.geometry_type == geometry_kind::line);
  CHECK(l.properties == names{"p", "q"});
  CHECK(l.personal == names{"q", "shape"});
  CHECK(l.min_zoom == 4);
  CHECK(l.max_zoom == 14);
  CHECK(l.mode == layer_mode::mirrored);
  CHECK(l.kind == layer_kind::derived);
}

TEST_CASE("geometry: a column, a pair of columns, or none") {
  const layer_config pair = one("key: id, geometry: {lon: x, lat: y}");
  CHECK(pair.geometry.empty());
  CHECK(pair.longitude == "x");
  CHECK(pair.latitude == "y");
  CHECK(pair.geometry_type == geometry_kind::point);
  CHECK(one("key: id, geometry: {lat: y, lon: x}, geometry_type: point").longitude == "x");
  const layer_config none = one("key: id, geometry: none");
  CHECK(none.geometry.empty());
  CHECK(none.geometry_type == geometry_kind::none);
  CHECK(one("key: id, geometry: none, geometry_type: none").geometry_type == geometry_kind::none);

  CHECK(contains(bad("key: id, geometry: {lon: x}"), "layers.l.geometry needs both lon and lat"));
  CHECK(contains(bad("key: id, geometry: {lon: x, lat: y, alt: z}"), "unknown key layers.l.geometry.alt"));
  CHECK(contains(bad("key: id, geometry: {lon: x, lat: y}, geometry_type: line"),
                 "always of geometry_type point"));
  CHECK(contains(bad("key: id, geometry: {lon: x, lat: y}, geometry_type: none"), "say geometry: none"));
  CHECK(contains(bad("key: id, geometry: none, geometry_type: point"),
                 "has geometry none, but a geometry_type"));
  CHECK(contains(bad("key: id, geometry_type: none"), "say geometry: none"));
  CHECK(contains(bad("key: id, geometry: [a]"), "layers.l.geometry is a list; it must be a column's name"));
  CHECK(contains(bad("key: id, geometry: "), "layers.l.geometry is empty"));
}

TEST_CASE("geometry_type, mode and kind take their names alone") {
  for (const char* kind : {"point", "line", "polygon", "mixed"})
    CHECK(name(one("key: id, geometry_type: " + std::string{kind}).geometry_type) == kind);
  for (const char* mode : {"managed", "attached", "mirrored"})
    CHECK(name(one("key: id, mode: " + std::string{mode}).mode) == mode);
  for (const char* kind : {"static", "dynamic", "derived"})
    CHECK(name(one("key: id, kind: " + std::string{kind}).kind) == kind);
  CHECK(contains(bad("key: id, geometry_type: Point"),
                 "layers.l.geometry_type is Point; it must be one of none, point, line, polygon, mixed"));
  CHECK(contains(bad("key: id, mode: owned"), "it must be one of managed, attached, mirrored"));
  CHECK(contains(bad("key: id, kind: fixed"), "it must be one of static, dynamic, derived"));
}

TEST_CASE("zooms are two numbers, the least first") {
  CHECK(one("key: id, zooms: [0, 24]").max_zoom == 24);
  CHECK(one("key: id, zooms: [7, 7]").min_zoom == 7);
  for (const char* z : {"[5]", "[5, 4]", "[-1, 4]", "[0, 25]", "[a, b]", "[1, 2, 3]", "[]", "7", "[1.5, 2]"})
    CHECK(
        contains(bad("key: id, zooms: " + std::string{z}), "it must be [least, greatest] between 0 and 24"));
}

TEST_CASE("names of layers") {
  const auto result_of = [](const std::string& layer) {
    return parse_config("layers:\n  " + layer + ": {key: id}\n", "t").has_value();
  };
  CHECK(result_of("a"));
  CHECK(result_of("a_1"));
  CHECK(result_of("a" + std::string(59, '9')));
  for (const std::string& name :
       {std::string{"A"}, std::string{"1a"}, std::string{"_a"}, std::string{"a-b"}, std::string{"a.b"},
        std::string{"'a b'"}, std::string{"é"}, std::string{"''"}, "a" + std::string(60, '9')})
    CHECK_FALSE_MESSAGE(result_of(name), name);
}

TEST_CASE("columns: twice, empty, too long, odd") {
  CHECK(contains(bad("key: [a, a]"), "layers.l.key names a twice"));
  CHECK(contains(bad("key: id, properties: [p, q, p]"), "layers.l.properties names p twice"));
  CHECK(contains(bad("key: id, properties: [p, '']"),
                 "layers.l.properties is empty; it must be a list of columns"));
  CHECK(contains(bad("key: " + std::string(64, 'k')), "it must be a column's name"));
  CHECK(contains(bad("key: \"a\\x01\""), "layers.l.key is a\\x01;"));
  CHECK(one("key: " + std::string(63, 'k')).key[0].size() == 63);
  CHECK(one("key: 'say \"id\"; DROP TABLE x'").key[0] ==
        "say \"id\"; DROP TABLE x");  // quoted where it is used
  CHECK(one("key: id, properties: []").properties.empty());
}

TEST_CASE("rules between a layer's keys") {
  CHECK(contains(bad("key: geom"), "has its geometry in its key"));
  CHECK(contains(bad("key: id, properties: [geom]"), "has its geometry among its properties"));
  CHECK(contains(bad("key: id, properties: [a], personal: [b]"), "has b in personal"));
  CHECK(contains(bad("key: id, personal: [id]"), "has id in personal, which is in its key"));
  CHECK(contains(bad("key: id, personal: [geom], snap: {layer: b}"), "snap needs both layer and by"));
  CHECK(contains(bad("key: id, personal: [geom], snap: {layer: b, to: c}"), "unknown key"));
  CHECK(contains(bad("key: id, personal: [geom], snap: {layer: nowhere, by: c}"), "is no other layer here"));
  CHECK(contains(bad("key: id, snap: {layer: nowhere, by: c}"), "has snap, but its place is not personal"));
  CHECK(one("key: id, geometry: {lon: x, lat: y}, properties: [a], personal: [y]").personal == names{"y"});
  CHECK(one("key: id, personal: [b]").personal == names{"b"});  // properties: all, known later
  CHECK(one("key: id, properties: [id, a]").properties.size() == 2);
}

TEST_CASE("layers twice, unknown keys, no map") {
  const auto text = [](std::string_view yaml) { return parse_config(yaml, "t").error().detail; };
  CHECK(contains(text("layers:\n  a: {key: id}\n  a: {key: id}\n"),
                 "t:3: layers.a stands twice; first at t:2"));
  CHECK(contains(bad("key: id, keys: id"), "unknown key layers.l.keys; did you mean layers.l.key"));
  CHECK(contains(bad("key: id, geom: shape"), "unknown key layers.l.geom"));
  CHECK(contains(text("layers: [a]"), "layers must be a map"));
  CHECK(contains(text("layers: {a: [b]}"), "layers.a must be a map"));
  CHECK(contains(text("layers:\n  a:\n"), "layers.a has no key"));
}

TEST_CASE("a file with layers serves exactly those, without it the built-in ones") {
  CHECK(parse_config("http: {port: 1}", "t")->layers.size() == 15);
  CHECK(parse_config("layers: {a: {key: id}}", "t")->layers.size() == 1);
  CHECK(parse_config("layers: {}", "t")->layers.empty());
  CHECK(parse_config("layers:\n", "t")->layers.empty());
}

TEST_CASE("the built-in catalog is that of the design") {
  const auto c = parse_config("", "t");
  REQUIRE(c.has_value());
  names all;
  for (const layer_config& l : c->layers)
    all.push_back(l.name);
  CHECK(all == names{"substations", "transformers", "power_lines", "buildings", "water", "vegetation",
                     "meters", "customers", "assets", "topology", "outages", "work_orders", "circuits",
                     "service_areas", "ami"});
  CHECK(find(*c, "power_lines").table == "grid_power_lines");
  CHECK(find(*c, "power_lines").geometry_type == geometry_kind::line);
  CHECK(find(*c, "topology").key == names{"from_asset_id", "to_asset_id", "connection_type"});
  CHECK(find(*c, "topology").kind == layer_kind::dynamic);
  CHECK(find(*c, "service_areas").kind == layer_kind::derived);
  CHECK(find(*c, "ami").geometry_type == geometry_kind::none);
  CHECK(find(*c, "substations").kind == layer_kind::fixed);
  for (const char* column : {"full_name", "service_address", "geom"}) {
    const auto& personal = find(*c, "customers").personal;
    CHECK(std::find(personal.begin(), personal.end(), column) != personal.end());
  }
  for (const layer_config& l : c->layers) {
    CHECK_FALSE(l.properties.empty());
    CHECK(l.mode == layer_mode::managed);
    CHECK(l.schema == "public");
  }
}

TEST_CASE("gridlight.yaml is valid, is the built-in, and a layer can be appended to it") {
  const char* source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  REQUIRE(source != nullptr);
  std::ostringstream text;
  text << std::ifstream{std::string{source} + "/gridlight.yaml"}.rdbuf();
  CHECK(text.str() == embedded::default_config.front().text);
  const auto c = parse_config(text.str(), "gridlight.yaml");
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  const auto more =
      parse_config(text.str() + "  poles:\n    key: id\n    geometry_type: point\n", "gridlight.yaml");
  REQUIRE_MESSAGE(more.has_value(), more.error().detail);
  CHECK(more->layers.size() == c->layers.size() + 1);
  CHECK(more->layers.back().name == "poles");
}

TEST_CASE("the columns that a search looks through are listed, and are none that is personal") {
  CHECK(one("key: a").search.empty());
  CHECK(one("key: a, search: [b, c]").search == names{"b", "c"});
  CHECK(contains(bad("key: a, search: [b, b]"), "names b twice"));
  CHECK(contains(bad("key: a, personal: [b], search: [b]"),
                 "has b in personal, which a search tells to everybody"));
}
