#include <array>
#include <charconv>

#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"
#include "geo/bbox.hpp"
#include "geo/decimal.hpp"

namespace {

using namespace gridlight;

constexpr int count = 1024;

std::vector<double> coordinates() {
  std::mt19937_64 random{1};
  std::vector<double> out;
  for (int i = 0; i < count / 2; ++i) {
    const geo::lonlat at = bench::random_place(random);
    out.push_back(at.lon);
    out.push_back(at.lat);
  }
  return out;
}

// As ST_Distance gives them, with all their digits.
std::vector<double> distances() {
  std::mt19937_64 random{2};
  std::vector<double> out;
  for (int i = 0; i < count; ++i)
    out.push_back(std::uniform_real_distribution{0.0, 500.0}(random));
  return out;
}

template <class Write>
void write_all(benchmark::State& state, const std::vector<double>& values, Write write) {
  std::array<char, geo::max_decimal_chars> buffer;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    for (const double value : values) {
      bytes += static_cast<std::size_t>(write(buffer.data(), value) - buffer.data());
      benchmark::ClobberMemory();
    }
  }
  bench::tally(state, "number", values.size(), bytes);
}

void coordinate(benchmark::State& state) {
  write_all(state, coordinates(), [](char* at, double value) { return geo::write_decimal(at, value, 7); });
}
BENCHMARK(coordinate)->Name("decimal/coordinate");

void distance(benchmark::State& state) {
  write_all(state, distances(), [](char* at, double value) { return geo::write_decimal(at, value, 3); });
}
BENCHMARK(distance)->Name("decimal/distance");

// Decimals that write_decimal has no constant for.
void other(benchmark::State& state) {
  write_all(state, distances(), [](char* at, double value) { return geo::write_decimal(at, value, 6); });
}
BENCHMARK(other)->Name("decimal/six_decimals");

// What the standard library would take.
void shortest(benchmark::State& state) {
  write_all(state, coordinates(),
            [](char* at, double value) { return std::to_chars(at, at + geo::max_decimal_chars, value).ptr; });
}
BENCHMARK(shortest)->Name("decimal/coordinate_by_to_chars");
void fixed(benchmark::State& state) {
  write_all(state, distances(), [](char* at, double value) {
    return std::to_chars(at, at + geo::max_decimal_chars, value, std::chars_format::fixed, 3).ptr;
  });
}
BENCHMARK(fixed)->Name("decimal/distance_by_to_chars");

// One viewport in sixteen lies over the antimeridian.
void split(benchmark::State& state) {
  std::mt19937_64 random{3};
  std::vector<geo::bbox> boxes;
  for (int i = 0; i < count; ++i) {
    const geo::lonlat at = bench::random_place(random);
    const bool across = random() % 16 == 0;
    boxes.push_back({across ? 179.99 : at.lon, at.lat, across ? -179.98 : at.lon + 0.01, at.lat + 0.01});
  }
  for (auto _ : state) {
    for (const geo::bbox& box : boxes) {
      const geo::bbox_parts parts = geo::split(box);
      benchmark::DoNotOptimize(parts);
    }
  }
  bench::tally(state, "box", boxes.size(), boxes.size() * sizeof(geo::bbox));
}
BENCHMARK(split)->Name("bbox/split");

}  // namespace
