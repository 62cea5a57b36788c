// What others make of the tiles that are served: @mapbox/vector-tile and GDAL.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/support/command.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight::test;
using gridlight::geo::grid_point;
using gridlight::geo::shape_kind;
using gridlight::geo::tile;

namespace {

bool installed(const std::string& program) {
  return run_command("command -v " + program).status == 0;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// A tile of several layers at each of several zooms.
std::vector<tile> sample(const tile_world& w, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::vector<tile> out;
  for (int z = 0; z <= 20; z += 2)
    for (int i = count_of(1, 20); i > 0; --i)
      out.push_back(w.any_tile(w.layer_of("assets"), z, random));
  return out;
}
const std::string layers =
    "substations,transformers,power_lines,buildings,water,assets,topology,service_areas";

// Parts as read.js writes them: points one by one, rings closed.
std::vector<std::vector<grid_point>> as_written(const tile_feature& f) {
  std::vector<std::vector<grid_point>> out;
  for (const auto& part : f.parts) {
    if (f.kind == shape_kind::point) {
      for (const grid_point p : part)
        out.push_back({p});
      continue;
    }
    out.push_back(part);
    if (f.kind == shape_kind::polygon) out.back().push_back(part[0]);
  }
  return out;
}

bool same_value(const tag_value& ours, const simdjson::dom::element& theirs) {
  if (const auto* text = std::get_if<std::string>(&ours))
    return theirs.is_string() && std::string_view{theirs} == *text;
  if (const auto* yes = std::get_if<bool>(&ours)) return theirs.is_bool() && bool{theirs} == *yes;
  double n = 0;
  if (theirs.get(n) != simdjson::SUCCESS) return false;
  if (const auto* i = std::get_if<std::int64_t>(&ours)) return n == static_cast<double>(*i);
  return n == std::get<double>(ours);
}

void check_line(const std::string& line, const std::string& layer, const tile_feature& f) {
  CAPTURE(line);
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.parse(line);
  CHECK(std::string_view{root.at(0)} == layer);
  CHECK(double{root.at(1)} == static_cast<double>(f.id));
  CHECK(std::int64_t{root.at(2)} == static_cast<std::int64_t>(f.kind));
  std::vector<std::vector<grid_point>> parts;
  for (const auto part : root.at(3)) {
    auto& to = parts.emplace_back();
    for (const auto p : part)
      to.push_back({static_cast<int>(std::int64_t{p.at(0)}), static_cast<int>(std::int64_t{p.at(1)})});
  }
  CHECK(parts == as_written(f));
  const simdjson::dom::object tags = root.at(4);
  CHECK(tags.size() == f.tags.size());
  for (const auto& [name, value] : f.tags) {
    simdjson::dom::element there;
    const bool same = tags.at_key(name).get(there) == simdjson::SUCCESS && same_value(value, there);
    CHECK_MESSAGE(same, name);
  }
}

}  // namespace

TEST_CASE("@mapbox/vector-tile reads from served tiles what our reader does") {
  const char* const packages = std::getenv("GRIDLIGHT_TILES_JS");
  const char* const source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  if (packages == nullptr || source == nullptr || !installed("node") ||
      run_command("test -d '" + std::string{packages} + "/node_modules/pbf'").status != 0) {
    MESSAGE("skipped: node or its packages are not installed; ./dev test does that");
    return;
  }
  const auto seed = chosen_seed();
  CAPTURE(seed);
  const tile_world w;
  const temp_folder folder;
  const std::string path = (folder.path() / "0.mvt").string();
  std::size_t features = 0;
  for (const tile& t : sample(w, seed)) {
    CAPTURE(tile_url(layers, t));
    const std::string bytes = tile_bytes(w.get(layers, t));
    std::ofstream{path, std::ios::binary} << bytes;
    const auto got =
        run_command("node '" + std::string{source} + "/tests/tiles_js/read.js' '" + path + "' 2>&1");
    REQUIRE_MESSAGE(got.status == 0, got.output);
    const auto lines = lines_of(got.output);
    std::size_t at = 0;
    for (const tile_layer& l : read_tile(bytes))
      for (const tile_feature& f : l.features) {
        REQUIRE(at < lines.size());
        check_line(lines[at++], l.name, f);
      }
    CHECK(at == lines.size());
    features += at;
  }
  MESSAGE(features << " features");
  CHECK(features > 100);
}

TEST_CASE("GDAL reads a folder of served tiles zoom by zoom, each layer with its features and fields") {
  if (!installed("ogrinfo")) {
    MESSAGE("skipped: ogrinfo of gdal-bin is not installed");
    return;
  }
  const auto seed = chosen_seed();
  CAPTURE(seed);
  const tile_world w;
  const temp_folder folder;
  std::map<int, std::map<std::string, std::size_t>> expected;
  for (const tile& t : sample(w, seed)) {
    const auto column = folder.path() / std::to_string(t.z) / std::to_string(t.x);
    std::filesystem::create_directories(column);
    const auto file = column / (std::to_string(t.y) + ".pbf");
    if (std::filesystem::exists(file)) continue;
    const std::string bytes = tile_bytes(w.get(layers, t));
    std::ofstream{file, std::ios::binary} << bytes;
    for (const tile_layer& l : read_tile(bytes))
      expected[t.z][l.name] += l.features.size();
  }
  for (const auto& [z, counts] : expected) {
    CAPTURE(z);
    for (const auto& [name, count] : counts) {
      CAPTURE(name);
      const auto said = run_command("ogrinfo -so -oo METADATA_FILE= -oo CLIP=NO 'MVT:" +
                                    (folder.path() / std::to_string(z)).string() + "' " + name + " 2>&1");
      CHECK(said.status == 0);
      CHECK_MESSAGE(said.output.find("Feature Count: " + std::to_string(count) + "\n") != std::string::npos,
                    said.output);
      CHECK(said.output.find("ERROR") == std::string::npos);
      if (name == "topology" && z >= 14) {
        CHECK(said.output.find("from_asset_id: String") != std::string::npos);
        CHECK(said.output.find("circuit_status: String") != std::string::npos);
      }
      if (name == "transformers") CHECK(said.output.find("rated_kva: Real") != std::string::npos);
    }
  }
}
