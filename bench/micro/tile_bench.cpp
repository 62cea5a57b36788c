#include <array>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"
#include "geo/mvt.hpp"

// Rows encoded into a layer of a vector tile: geometry, id and four properties, as tiles have them.
namespace {

using namespace gridlight;

constexpr geo::lonlat houston{-95.37, 29.76};

void encode(benchmark::State& state, const std::vector<std::string>& rows, int zoom, bool tags) {
  static const std::vector<std::string> keys{"building_type", "num_floors", "height_meters", "building_id"};
  constexpr std::array types{"residential", "garage", "apartments"};
  std::vector<std::string> names;
  for (std::size_t i = 0; i < rows.size(); ++i)
    names.push_back("BLD-" + std::to_string(1'000'000 + i));
  const geo::tile at = geo::tile_at(houston, zoom);
  geo::mvt_layer layer{"layer", at, keys};
  std::string out;
  for (auto _ : state) {
    layer.restart(at);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!layer.begin(i, std::as_bytes(std::span{rows[i]}))) continue;
      if (tags) {
        layer.tag(0, types[i % types.size()]);
        layer.tag(1, static_cast<std::int64_t>(i % 4 + 1));
        layer.tag(2, static_cast<double>(i % 170 + 30) / 10);
        layer.tag(3, names[i]);
      }
      layer.end();
    }
    out.clear();
    layer.finish(out);
    benchmark::DoNotOptimize(out);
  }
  if (layer.features() == 0) return state.SkipWithError("nothing lies in the tile");
  bench::tally(state, "row", rows.size(), out.size());
}

// At zoom 8 all of them lie in one tile; at 14 and 16 most are refused or cut off, as the edges' are.
void points(benchmark::State& state) {
  encode(state, bench::points(1000), 8, false);
}
BENCHMARK(points)->Name("tile/points");

void points_with_tags(benchmark::State& state) {
  encode(state, bench::points(1000), 8, true);
}
BENCHMARK(points_with_tags)->Name("tile/points_4_tags");

void lines(benchmark::State& state) {
  encode(state, bench::lines(1000), 8, false);
}
BENCHMARK(lines)->Name("tile/lines");

// One footprint after another moved into the middle of a tile of zoom 15: each is drawn whole.
std::vector<std::string> gathered(int count) {
  auto rows = bench::polygons(count);
  const geo::bbox box = geo::envelope(geo::tile_at(houston, 15));
  for (std::string& row : rows) {
    constexpr std::size_t first = 9 + 4 + 4;  // head with SRID, count of rings, count of positions
    double lon, lat;
    std::memcpy(&lon, row.data() + first, sizeof lon);
    std::memcpy(&lat, row.data() + first + 8, sizeof lat);
    const double east = (box.min_lon + box.max_lon) / 2 - lon, north = (box.min_lat + box.max_lat) / 2 - lat;
    for (std::size_t at = first; at + 16 <= row.size(); at += 16) {
      std::memcpy(&lon, row.data() + at, sizeof lon);
      std::memcpy(&lat, row.data() + at + 8, sizeof lat);
      lon += east;
      lat += north;
      std::memcpy(row.data() + at, &lon, sizeof lon);
      std::memcpy(row.data() + at + 8, &lat, sizeof lat);
    }
  }
  return rows;
}

void buildings(benchmark::State& state) {
  encode(state, gathered(1000), 15, false);
}
BENCHMARK(buildings)->Name("tile/buildings");

void buildings_with_tags(benchmark::State& state) {
  encode(state, gathered(1000), 15, true);
}
BENCHMARK(buildings_with_tags)->Name("tile/buildings_4_tags");

void buildings_far_out(benchmark::State& state) {
  encode(state, gathered(1000), 11, true);
}
BENCHMARK(buildings_far_out)->Name("tile/buildings_4_tags_z11");

}  // namespace
