#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "geo/mvt.hpp"
#include "tests/support/command.hpp"
#include "tests/support/shapes.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tile_reader.hpp"

// What others make of our tiles: @mapbox/vector-tile, which map clients read them with, and GDAL.

using namespace gridlight::geo;
using gridlight::test::command_outcome;
using gridlight::test::run_command;
using gridlight::test::shape;
using gridlight::test::temp_folder;
using gridlight::test::tile_feature;
using gridlight::test::to_wkb;

namespace {

constexpr tile world{0, 0, 0};

// A layer with each kind of geometry and value.
std::string sample() {
  using ring = std::vector<lonlat>;
  const std::vector<ring> with_hole{{{-10, -10}, {40, -10}, {40, 40}, {-10, 40}, {-10, -10}},
                                    {{0, 0}, {0, 20}, {20, 20}, {20, 0}, {0, 0}}};
  const std::vector<shape> shapes{
      {geometry_type::point, {{{12.5, 41.9}}}, {}},
      {geometry_type::multi_point,
       {},
       {{geometry_type::point, {{{1, 1}}}, {}}, {geometry_type::point, {{{-90, 30}}}, {}}}},
      {geometry_type::line_string, {{{-170, 10}, {0, 60}, {200, -10}}}, {}},
      {geometry_type::multi_line_string,
       {},
       {{geometry_type::line_string, {{{0, 0}, {10, 10}}}, {}},
        {geometry_type::line_string, {{{20, 0}, {30, 10}}}, {}}}},
      {geometry_type::polygon, with_hole, {}},
      {geometry_type::multi_polygon,
       {},
       {{geometry_type::polygon, with_hole, {}},
        {geometry_type::polygon, {{{100, 0}, {120, 0}, {120, 80}, {100, 0}}}, {}}}}};
  const std::vector<std::string> keys{"name", "floors", "height", "open"};
  mvt_layer layer{"sample", world, keys};
  std::uint64_t id = 1;
  for (const shape& s : shapes) {
    REQUIRE(layer.begin(id, to_wkb(s)));
    layer.tag(0, "Zürich " + std::to_string(id));
    layer.tag(1, static_cast<std::int64_t>(id) - 3);
    layer.tag(2, static_cast<double>(id) + 0.5);
    if (id != 2) layer.tag(3, id % 2 == 0);
    layer.end();
    id = id == 5 ? (std::uint64_t{1} << 53) - 1 : id + 1;
  }
  std::string out;
  layer.finish(out);
  return out;
}

std::string text(const gridlight::test::tag_value& value) {
  struct writer {
    std::string operator()(const std::string& s) const { return '"' + s + '"'; }
    std::string operator()(double d) const { return fmt::format("{}", d); }
    std::string operator()(std::int64_t i) const { return std::to_string(i); }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
  };
  return std::visit(writer{}, value);
}

// As JSON.stringify writes them.
std::string text(const tile_feature& f) {
  std::string parts, properties;
  const auto add = [&](const std::vector<grid_point>& part, bool ring) {
    std::string points;
    for (const grid_point p : part)
      points += fmt::format("{}[{},{}]", points.empty() ? "" : ",", p.x, p.y);
    if (ring) points += fmt::format(",[{},{}]", part[0].x, part[0].y);
    parts += (parts.empty() ? "[" : ",[") + points + "]";
  };
  for (const auto& part : f.parts) {
    if (f.kind != shape_kind::point) {
      add(part, f.kind == shape_kind::polygon);
      continue;
    }
    for (const grid_point p : part)
      add({p}, false);
  }
  for (const auto& [key, value] : f.tags)
    properties += fmt::format("{}\"{}\":{}", properties.empty() ? "" : ",", key, text(value));
  return fmt::format("[\"sample\",{},{},[{}],{{{}}}]\n", f.id, static_cast<int>(f.kind), parts, properties);
}

bool installed(const std::string& program) {
  return run_command("command -v " + program).status == 0;
}

}  // namespace

TEST_CASE("@mapbox/vector-tile reads what the specification says") {
  const char* const packages = std::getenv("TILES_JS_FOLDER");
  const char* const source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  if (packages == nullptr || source == nullptr || !installed("node") ||
      run_command("test -d '" + std::string{packages} + "/node_modules/pbf'").status != 0) {
    MESSAGE("skipped: node or its packages are not installed; ./dev test does that");
    return;
  }
  const temp_folder folder;
  const std::string path = (folder.path() / "0.mvt").string(), bytes = sample();
  std::ofstream{path, std::ios::binary} << bytes;
  std::string expected;
  const auto layers = gridlight::test::read_tile(bytes);
  for (const tile_feature& f : layers.at(0).features)
    expected += text(f);
  const command_outcome got =
      run_command("node '" + std::string{source} + "/tests/tiles_js/read.js' '" + path + "' 2>&1");
  CHECK(got.status == 0);
  CHECK(got.output == expected);
}

TEST_CASE("GDAL reads the same features, at their places") {
  if (!installed("ogr2ogr")) {
    MESSAGE("skipped: ogr2ogr of gdal-bin is not installed");
    return;
  }
  const temp_folder folder;
  const std::string path = (folder.path() / "0.mvt").string();
  std::ofstream{path, std::ios::binary} << sample();
  const command_outcome got = run_command(
      "ogr2ogr -f CSV /vsistdout/ 'MVT:" + path +
      "' -oo Z=0 -oo X=0 -oo Y=0 -oo CLIP=NO -lco GEOMETRY=AS_WKT -lco SEPARATOR=SEMICOLON -t_srs EPSG:4326 "
      "--config OGR_CT_FORCE_TRADITIONAL_GIS_ORDER YES -dim XY 2>&1");
  CAPTURE(got.output);
  CHECK(got.status == 0);
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < got.output.size();) {
    const std::size_t end = got.output.find('\n', at);
    lines.push_back(got.output.substr(at, end - at));
    at = end == std::string::npos ? got.output.size() : end + 1;
  }
  REQUIRE(lines.size() == 7);
  const auto has = [&](std::size_t i, const std::string& what) {
    return lines[i].find(what) != std::string::npos;
  };
  CHECK(has(1, "POINT (12.4"));
  CHECK(has(2, "MULTIPOINT"));
  CHECK(has(3, "LINESTRING (-169.9"));
  CHECK(has(4, "MULTILINESTRING"));
  CHECK(has(5, "POLYGON"));
  CHECK(has(6, "MULTIPOLYGON"));
  for (std::size_t i = 1; i < 7; ++i)
    CHECK(has(i, "Zürich"));
  CHECK(has(6, "9007199254740991"));
}
