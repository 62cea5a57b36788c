#include "geo/mvt.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "geo/geometry.hpp"
#include "tests/support/shapes.hpp"
#include "tests/support/tile_reader.hpp"

using namespace gridlight::geo;
using gridlight::test::read_tile;
using gridlight::test::shape;
using gridlight::test::tag_value;
using gridlight::test::tile_feature;
using gridlight::test::to_wkb;

namespace {

using ring = std::vector<lonlat>;
constexpr tile world{0, 0, 0};

shape point(double x, double y) {
  return {geometry_type::point, {{{x, y}}}, {}};
}
shape line(ring run) {
  return {geometry_type::line_string, {std::move(run)}, {}};
}
shape polygon(std::vector<ring> rings) {
  return {geometry_type::polygon, std::move(rings), {}};
}

// The place at a position of a tile's grid.
lonlat at(const tile& t, double x, double y) {
  const double n = std::ldexp(1.0, t.z);
  const double lat =
      std::atan(std::sinh(std::numbers::pi * (1 - 2 * (static_cast<double>(t.y) + y / 4096) / n)));
  return {(static_cast<double>(t.x) + x / 4096) / n * 360 - 180, lat * 180 / std::numbers::pi};
}
ring box(const tile& t, double x0, double y0, double x1, double y1) {
  return {at(t, x0, y0), at(t, x1, y0), at(t, x1, y1), at(t, x0, y1), at(t, x0, y0)};
}

// The one feature of a tile that holds only `s`; none: of no kind.
tile_feature drawn(const tile& t, const shape& s) {
  mvt_layer layer{"l", t, {}};
  const bool begun = layer.begin(7, to_wkb(s, {.srid = 4326}));
  if (begun) layer.end();
  std::string out;
  layer.finish(out);
  REQUIRE(out.size() == layer.bytes());
  const auto layers = read_tile(out);
  REQUIRE(layers.size() == (begun ? 1 : 0));
  if (!begun) return {};
  REQUIRE(layers[0].features.size() == 1);
  REQUIRE(layers[0].features[0].id == 7);
  const tile_feature& f = layers[0].features[0];
  if (f.kind == shape_kind::polygon) REQUIRE(!find_invalidity(gridlight::test::polygons_of(f)));
  return f;
}

using parts = std::vector<std::vector<grid_point>>;

std::int64_t area(const tile_feature& f) {
  std::int64_t sum = 0;
  for (const auto& part : f.parts)
    sum += gridlight::test::doubled_area(part);
  return sum / 2;
}

const tile houston{14, 3851, 6770};

}  // namespace

TEST_CASE("a layer without a feature is nothing") {
  mvt_layer layer{"empty", world, {}};
  std::string out = "before";
  layer.finish(out);
  CHECK(out == "before");
  CHECK(layer.bytes() == 0);
  CHECK(layer.features() == 0);
}

TEST_CASE("a feature has its id, its tags in their types, and values are told once") {
  const std::vector<std::string> keys{"name", "floors", "height", "open", "never", "größe"};
  mvt_layer layer{"Gebäude", world, keys};
  for (std::uint64_t id = 1; id <= 2; ++id) {
    REQUIRE(layer.begin(id << 52, to_wkb(point(0, 0))));
    layer.tag(0, "Zürich 変電所");
    layer.tag(1, std::int64_t{-3});
    layer.tag(2, 4.0);
    layer.tag(3, id == 1);
    layer.tag(5, std::int64_t{4});
    layer.end();
  }
  std::string out;
  layer.finish(out);
  const auto layers = read_tile(out);
  REQUIRE(layers.size() == 1);
  CHECK(layers[0].name == "Gebäude");
  CHECK(layers[0].version == 2);
  CHECK(layers[0].extent == 4096);
  CHECK(layers[0].keys == std::vector<std::string>{"name", "floors", "height", "open", "größe"});
  CHECK(layers[0].values.size() == 6);
  REQUIRE(layers[0].features.size() == 2);
  CHECK(layers[0].features[1].id == std::uint64_t{2} << 52);
  const auto& tags = layers[0].features[1].tags;
  REQUIRE(tags.size() == 5);
  CHECK(tags[0].second == tag_value{"Zürich 変電所"});
  CHECK(tags[1].second == tag_value{std::int64_t{-3}});
  CHECK(tags[2].second == tag_value{4.0});
  CHECK(tags[3].second == tag_value{false});
  CHECK(tags[4].first == "größe");
  CHECK(tags[4].second == tag_value{std::int64_t{4}});
}

TEST_CASE("the ends of the integers are kept; NaN and infinities are left out") {
  const std::vector<std::string> keys{"a", "b", "c", "d"};
  mvt_layer layer{"l", world, keys};
  REQUIRE(layer.begin(1, to_wkb(point(0, 0))));
  layer.tag(0, std::numeric_limits<std::int64_t>::min());
  layer.tag(1, std::numeric_limits<std::int64_t>::max());
  layer.tag(2, std::numeric_limits<double>::quiet_NaN());
  layer.tag(3, -std::numeric_limits<double>::infinity());
  layer.end();
  std::string out;
  layer.finish(out);
  const auto layers = read_tile(out);
  const auto& tags = layers.at(0).features.at(0).tags;
  REQUIRE(tags.size() == 2);
  CHECK(tags[0].second == tag_value{std::numeric_limits<std::int64_t>::min()});
  CHECK(tags[1].second == tag_value{std::numeric_limits<std::int64_t>::max()});
}

TEST_CASE("ten thousand values are found again, and a restarted layer knows none of them") {
  const std::vector<std::string> keys{"k"};
  mvt_layer layer{"l", world, keys};
  for (int pass = 0; pass < 2; ++pass) {
    for (std::int64_t i = 0; i < 20'000; ++i) {
      REQUIRE(layer.begin(static_cast<std::uint64_t>(i), to_wkb(point(0, 0))));
      if (i % 2 == 0)
        layer.tag(0, i % 10'000);
      else
        layer.tag(0, std::to_string(i % 10'000));
      layer.end();
    }
    std::string out;
    layer.finish(out);
    const auto layers = read_tile(out);
    REQUIRE(layers.size() == 1);
    CHECK(layers[0].values.size() == 10'000);
    CHECK(layers[0].features[12'345].tags[0].second == tag_value{"2345"});
    layer.restart(world);
    CHECK(layer.bytes() == 0);
  }
}

TEST_CASE("points: the grid, its edge and buffer, the poles and the antimeridian") {
  CHECK(drawn(world, point(0, 0)).parts == parts{{{2048, 2048}}});
  CHECK(drawn(world, point(180, 0)).parts == parts{{{4096, 2048}}});
  CHECK(drawn(world, point(-180, max_tile_lat)).parts == parts{{{0, 0}}});
  CHECK(drawn(world, point(0, -max_tile_lat)).parts == parts{{{2048, 4096}}});
  for (const double lat : {85.0512, 90.0, -85.0512, -90.0})
    CHECK(drawn(world, point(0, lat)).kind == shape_kind::none);
  CHECK(drawn(world, point(185, 0)).parts == parts{{{4153, 2048}}});  // longitudes as they are
  CHECK(drawn(world, point(190, 0)).kind == shape_kind::none);
  const auto beside = [](double x) {
    const lonlat p = at(houston, x, 100);
    return drawn(houston, point(p.lon, p.lat)).kind;
  };
  CHECK(beside(-64.4) == shape_kind::point);
  CHECK(beside(4160.4) == shape_kind::point);
  CHECK(beside(-64.6) == shape_kind::none);
  CHECK(beside(4160.6) == shape_kind::none);
}

TEST_CASE("what is no geometry, or an empty one, is nothing") {
  mvt_layer layer{"l", world, {}};
  CHECK(!layer.begin(1, {}));
  const auto wkb = to_wkb(line({{0, 0}, {10, 10}}));
  for (std::size_t n = 0; n < wkb.size(); ++n)
    CHECK(!layer.begin(1, std::span{wkb}.first(n)));
  CHECK(!layer.begin(1, to_wkb(line({{0, 0}, {std::nan(""), 10}}))));
  for (int type = 2; type <= 7; ++type)
    CHECK(!layer.begin(1, to_wkb({static_cast<geometry_type>(type),
                                  type == 2 ? std::vector<ring>{{}} : std::vector<ring>{},
                                  {}})));
  CHECK(!layer.begin(1, to_wkb({geometry_type::point, {{}}, {}})));
}

TEST_CASE("lines are cut into parts, without what is repeated, straight or smaller than the grid") {
  const auto on = [](double x, double y) { return at(houston, x, y); };
  CHECK(drawn(houston, line({on(0, 0), on(0.2, 0.2), on(5, 5), on(10, 10), on(10, 20)})).parts ==
        parts{{{0, 0}, {10, 10}, {10, 20}}});
  CHECK(drawn(houston, line({on(5, 5), on(5.1, 5.2)})).kind == shape_kind::none);
  CHECK(drawn(houston, line({on(-1000, 50), on(9000, 50)})).parts == parts{{{-64, 50}, {4160, 50}}});
  CHECK(drawn(houston, line({on(-1000, 0), on(0, -1000)})).kind == shape_kind::none);
  ring comb;
  for (int i = 0; i < 100; ++i)
    for (const double y : {-500.0, 500.0})
      comb.push_back(on(40 * i, i % 2 == 0 ? y : -y));
  const tile_feature f = drawn(houston, line(comb));
  CHECK(f.parts.size() == 50);
  for (const auto& part : f.parts)
    CHECK(part.front().y == -64);
}

TEST_CASE("a polygon that covers the tile becomes the tile, a hole that covers it nothing") {
  const ring outer = box(houston, -9000, -9000, 9000, 9000);
  const tile_feature f = drawn(houston, polygon({outer}));
  CHECK(f.parts.size() == 1);
  CHECK(area(f) == 4224 * 4224);
  CHECK(drawn(houston, polygon({outer, box(houston, -5000, -5000, 5000, 5000)})).kind == shape_kind::none);
  // A hole that reaches in from the side leaves a bay.
  CHECK(area(drawn(houston, polygon({outer, box(houston, -5000, 1000, 1000, 2000)}))) ==
        4224 * 4224 - 1064 * 1000);
}

TEST_CASE("polygons are wound as the specification says, however they are stored") {
  for (const bool turned : {false, true}) {
    std::vector<ring> rings{box(houston, 100, 100, 300, 300), box(houston, 150, 150, 250, 250)};
    if (turned)
      for (ring& r : rings)
        std::reverse(r.begin(), r.end());
    const tile_feature f = drawn(houston, polygon(rings));
    REQUIRE(f.parts.size() == 2);
    CHECK(gridlight::test::doubled_area(f.parts[0]) == 80'000);
    CHECK(gridlight::test::doubled_area(f.parts[1]) == -20'000);
  }
}

TEST_CASE("polygons that touch the edge, and that are smaller than the grid") {
  CHECK(area(drawn(houston, polygon({box(houston, 4000, 0, 4160, 50)}))) == 160 * 50);
  CHECK(area(drawn(houston, polygon({box(houston, 4000, 0, 4170, 50)}))) == 160 * 50);
  CHECK(drawn(houston, polygon({box(houston, 4160, 0, 4170, 50)})).kind == shape_kind::none);
  CHECK(drawn(houston, polygon({box(houston, 10, 10, 10.4, 10.4)})).kind == shape_kind::none);
  CHECK(drawn(houston, polygon({box(houston, 10, 10, 10.3, 500)})).kind == shape_kind::none);
  // A hole below the grid goes, its polygon stays.
  CHECK(drawn(houston, polygon({box(houston, 0, 0, 99, 99), box(houston, 5, 5, 5.2, 5.2)})).parts.size() ==
        1);
}

TEST_CASE("what snapping makes invalid is mended") {
  // Two squares joined by a neck thinner than a unit.
  const auto on = [](double x, double y) { return at(houston, x, y); };
  const tile_feature f = drawn(
      houston, polygon({{on(0, 0), on(10, 0), on(10, 4.9), on(20, 4.9), on(20, 0), on(30, 0), on(30, 10),
                         on(20, 10), on(20, 5.2), on(10, 5.2), on(10, 10), on(0, 10), on(0, 0)}}));
  CHECK(f.parts.size() == 2);
  CHECK(area(f) == 200);
  // A bow tie was never valid: both of its halves are kept.
  CHECK(area(drawn(houston, polygon({{on(0, 0), on(10, 10), on(10, 0), on(0, 10), on(0, 0)}}))) == 50);
}

TEST_CASE("ten thousand vertices, within the tile and far beyond it") {
  for (const double radius : {2000.0, 3000.0, 1e6}) {
    ring round;
    for (int i = 0; i < 10'000; ++i) {
      const double angle = 2 * std::numbers::pi * i / 10'000, r = radius * (i % 2 == 0 ? 1 : 0.97);
      round.push_back(at(houston, 2048 + r * std::cos(angle), 2048 + r * std::sin(angle)));
    }
    round.push_back(round.front());
    CHECK(drawn(houston, polygon({round})).kind == shape_kind::polygon);
    CHECK(drawn(houston, line(round)).kind == (radius < 1e6 ? shape_kind::line_string : shape_kind::none));
  }
}

TEST_CASE("geometries round the world and at the poles at the deepest zoom") {
  const tile deep{22, 1 << 21, 1 << 21};
  CHECK(area(drawn(deep, polygon({{{-180, -90}, {180, -90}, {180, 90}, {-180, 90}, {-180, -90}}}))) ==
        4224 * 4224);
  CHECK(drawn(deep, line({{-180, 0}, {180, 0}})).parts == parts{{{-64, 0}, {4160, 0}}});
  CHECK(drawn(deep, line({{1e300, 1e300}, {-1e300, -1e300}})).kind != shape_kind::polygon);
}

TEST_CASE("nothing is drawn beyond the square of web mercator, in the buffer neither") {
  const tile corner{3, 0, 0}, middle{3, 0, 1};
  CHECK(drawn(corner, line({{-179, 80}, {-179, 89}})).parts.at(0).back().y == 0);
  CHECK(drawn(tile{3, 0, 7}, line({{-179, -80}, {-179, -89}})).parts.at(0).back().y == 4096);
  CHECK(drawn(middle, line({{-179, 60}, {-179, 89}})).parts.at(0).back().y == -64);
  const ring cap{{-179, 84}, {-170, 84}, {-170, 89}, {-179, 89}, {-179, 84}};
  const tile_feature cut = drawn(corner, polygon({cap}));
  for (const auto& p : cut.parts.at(0))
    CHECK(p.y >= 0);
  CHECK(drawn(corner, line({{-179, 86}, {-170, 89}})).kind == shape_kind::none);
}

TEST_CASE("of a collection the members of the highest dimension are drawn") {
  const shape s{geometry_type::geometry_collection,
                {},
                {point(0, 0),
                 line({{0, 0}, {50, 0}}),
                 {geometry_type::geometry_collection, {}, {line({{0, 9}, {0, 50}})}}}};
  const tile_feature f = drawn(world, s);
  CHECK(f.kind == shape_kind::line_string);
  CHECK(f.parts.size() == 2);
}

TEST_CASE("a key's text has a number of 53 bits, integers their own") {
  CHECK(feature_id("0") == 0);
  CHECK(feature_id("42") == 42);
  CHECK(feature_id("9007199254740991") == 9007199254740991u);
  for (const char* text :
       {"9007199254740992", "007", "-1", "1.0", "", " 1", "1e3", "XF-00017", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(feature_id(text) < std::uint64_t{1} << 53);
    CHECK(feature_id(text) == feature_id(std::string{text}));
    CHECK(feature_id(text) > 1'000'000);
  }
  // Kept in caches and in clients: another hash would be another feature.
  CHECK(feature_id("XF-00017") == 4232961018795768);
}
