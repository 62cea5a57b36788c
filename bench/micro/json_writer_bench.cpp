#include <optional>

#include "api/circuit_summary.hpp"
#include "api/column_writer.hpp"
#include "api/feature_writer.hpp"
#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"

// What turns rows into answers: all that the server itself does to a row.
namespace {

using namespace gridlight;

struct answer_rows {
  layer of;
  postgres::result_set rows;
  std::optional<int> distance;
};

// As many as a lookup within 500 m finds (25), and a page.
answer_rows transformers_of(const benchmark::State& state) {
  layer l = bench::transformers();
  const int distance = api::layout_of(l).extra;
  return {std::move(l), bench::transformer_rows(static_cast<int>(state.range(0))), distance};
}
answer_rows buildings_of(const benchmark::State& state) {
  return {bench::buildings(), bench::building_rows(static_cast<int>(state.range(0))), std::nullopt};
}

void write_features(benchmark::State& state, const answer_rows& a,
                    const api::property_selection& selection = std::nullopt) {
  const api::feature_writer writer{a.of};
  if (!writer.fits(a.rows)) return state.SkipWithError("the rows are none of this layer");
  std::string room;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = bench::write_into(room, [&](geo::text_sink& out) {
      for (int row = 0; row < a.rows.rows(); ++row) {
        if (row > 0) out.append(',');
        writer.append(out, a.rows, row, selection, a.distance);
      }
    });
  }
  bench::tally(state, "row", static_cast<std::size_t>(a.rows.rows()), bytes);
}

void transformer_features(benchmark::State& state) {
  write_features(state, transformers_of(state));
}
BENCHMARK(transformer_features)->Name("features/transformers")->Arg(1)->Arg(25)->Arg(1000);

void selected_features(benchmark::State& state) {
  write_features(state, transformers_of(state), std::vector<std::size_t>{1, 3});
}
BENCHMARK(selected_features)->Name("features/transformers_2_of_7")->Arg(1000);

void building_features(benchmark::State& state) {
  write_features(state, buildings_of(state));
}
BENCHMARK(building_features)->Name("features/buildings")->Arg(1000);

void write_columns(benchmark::State& state, const answer_rows& a) {
  const api::feature_writer features{a.of};
  const api::column_writer writer{a.of, features};
  if (!features.fits(a.rows)) return state.SkipWithError("the rows are none of this layer");
  std::string room;
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = bench::write_into(room, [&](geo::text_sink& out) {
      writer.append(out, a.rows, a.rows.rows(), std::nullopt, a.distance);
    });
  }
  bench::tally(state, "row", static_cast<std::size_t>(a.rows.rows()), bytes);
}

void transformer_columns(benchmark::State& state) {
  write_columns(state, transformers_of(state));
}
BENCHMARK(transformer_columns)->Name("columns/transformers")->Arg(25)->Arg(1000)->Arg(10000);

void building_columns(benchmark::State& state) {
  write_columns(state, buildings_of(state));
}
BENCHMARK(building_columns)->Name("columns/buildings")->Arg(1000);

void status(benchmark::State& state) {
  const auto rows = bench::summary_rows(275);
  std::size_t bytes = 0;
  for (auto _ : state) {
    std::string out;
    out.reserve(275 * 400);
    for (int row = 0; row < rows.rows(); ++row)
      api::circuit_summary{rows, row, 0}.append_members(out);
    bytes = out.size();
    benchmark::DoNotOptimize(out);
  }
  bench::tally(state, "row", static_cast<std::size_t>(rows.rows()), bytes);
}
BENCHMARK(status)->Name("status/circuit_summary");

}  // namespace
