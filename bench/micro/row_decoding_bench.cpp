#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"
#include "geo/wkb.hpp"
#include "geo/wkb_columns.hpp"

// From the bytes that Postgres sent to values and to GeoJSON.
namespace {

using namespace gridlight;

constexpr int rows_in_page = 1000;

// Columns of transformers: texts, int4 and float8.
enum column : int { key = 1, install_year = 5, distance = 10 };

template <class Read>
void decode(benchmark::State& state, std::size_t bytes_each, Read read) {
  const auto rows = bench::transformer_rows(rows_in_page);
  for (auto _ : state) {
    for (int row = 0; row < rows.rows(); ++row)
      benchmark::DoNotOptimize(read(rows, row));
  }
  bench::tally(state, "value", rows_in_page, rows_in_page * bytes_each);
}

void numbers(benchmark::State& state) {
  decode(state, 8, [](const auto& rows, int row) { return rows.number(row, distance); });
}
BENCHMARK(numbers)->Name("decode/float8");

void integers(benchmark::State& state) {
  decode(state, 4, [](const auto& rows, int row) { return rows.integer(row, install_year); });
}
BENCHMARK(integers)->Name("decode/int4");

void texts(benchmark::State& state) {
  decode(state, 10, [](const auto& rows, int row) { return rows.text(row, key); });
}
BENCHMARK(texts)->Name("decode/text");

std::span<const std::byte> bytes_of(const std::string& ewkb) {
  return std::as_bytes(std::span{ewkb});
}

// Bytes are those of the GeoJSON written.
void to_geojson(benchmark::State& state, std::vector<std::string> (*make)(int)) {
  const auto geometries = make(rows_in_page);
  std::string room;
  std::size_t bytes = 0;
  bool good = true;
  for (auto _ : state) {
    bytes = bench::write_into(room, [&](geo::text_sink& out) {
      for (const std::string& g : geometries)
        good = geo::append_geojson(out, bytes_of(g)) && good;
    });
  }
  if (!good) state.SkipWithError("a geometry was refused");
  bench::tally(state, "geometry", geometries.size(), bytes);
}
BENCHMARK_CAPTURE(to_geojson, point, bench::points);
BENCHMARK_CAPTURE(to_geojson, line, bench::lines);
BENCHMARK_CAPTURE(to_geojson, polygon, bench::polygons);

void to_columns(benchmark::State& state, std::vector<std::string> (*make)(int)) {
  const auto geometries = make(rows_in_page);
  std::string room;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = bench::write_into(room, [&](geo::text_sink& out) {
      geo::geometry_columns columns{out, geometries.size()};
      for (const std::string& g : geometries)
        columns.append(bytes_of(g));
      columns.finish();
    });
  }
  bench::tally(state, "geometry", geometries.size(), bytes);
}
BENCHMARK_CAPTURE(to_columns, point, bench::points);
BENCHMARK_CAPTURE(to_columns, line, bench::lines);
BENCHMARK_CAPTURE(to_columns, polygon, bench::polygons);

void inspect(benchmark::State& state, std::vector<std::string> (*make)(int)) {
  const auto geometries = make(rows_in_page);
  std::size_t bytes = 0;
  for (const std::string& g : geometries)
    bytes += g.size();
  for (auto _ : state) {
    for (const std::string& g : geometries) {
      const geo::wkb_summary found = geo::inspect_wkb(bytes_of(g));
      benchmark::DoNotOptimize(found);
    }
  }
  bench::tally(state, "geometry", geometries.size(), bytes);
}
BENCHMARK_CAPTURE(inspect, point, bench::points);
BENCHMARK_CAPTURE(inspect, polygon, bench::polygons);

}  // namespace
