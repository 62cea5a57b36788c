#include <fmt/format.h>

#include <vector>

#include "api/common.hpp"
#include "bench/micro/rows.hpp"
#include "bench/micro/tally.hpp"
#include "server/http/url.hpp"

// From the target of a request to a question that may be asked, as session and handler do it.
namespace {

using namespace gridlight;

// \param read  what the handler reads  \param good  the question may be asked
template <class Target, class Read>
void parse(benchmark::State& state, Target target, Read read, bool good = true) {
  std::mt19937_64 random{1};
  std::vector<std::string> targets;
  std::size_t bytes = 0;
  for (int i = 0; i < 64; ++i) {
    targets.push_back(target(bench::random_place(random)));
    bytes += targets.back().size();
  }
  std::size_t as_expected = 0;
  http::request req;
  for (auto _ : state) {
    for (const std::string& text : targets) {
      auto query = http::decode_query(http::split_target(text).query);
      if (!query) continue;
      req.query = *std::move(query);
      http::parameters q{req};
      read(q, req);
      const auto fault = q.fault();
      benchmark::DoNotOptimize(fault);
      as_expected += fault.has_value() != good ? 1 : 0;
    }
  }
  if (as_expected != targets.size() * static_cast<std::size_t>(state.iterations()))
    return state.SkipWithError("a query is judged differently");
  bench::tally(state, "request", targets.size(), bytes);
}

const layer& asked_of() {
  static const layer it = bench::transformers();
  return it;
}
constexpr config::limit_settings limits;

void read_within(http::parameters& q, const http::request& req) {
  api::within_question ask;
  ask.at = q.position();
  ask.radius_m = q.number("radius_m", {0, limits.max_radius_m, "metres"});
  ask.limit = api::read_limit(q, limits);
  ask.properties = api::read_properties(q, asked_of());
  ask.form = api::read_form(q, req);
  benchmark::DoNotOptimize(ask);
}

void within(benchmark::State& state) {
  parse(
      state,
      [](geo::lonlat at) {
        return fmt::format(
            "/api/postgres/layers/transformers/within?lon={:.7f}&lat={:.7f}&radius_m=500&limit=100", at.lon,
            at.lat);
      },
      read_within);
}
BENCHMARK(within)->Name("parameters/within");

void within_too_far(benchmark::State& state) {
  parse(
      state,
      [](geo::lonlat at) {
        return fmt::format("/api/postgres/layers/transformers/within?lon={:.7f}&lat={:.7f}&radius_m=90000",
                           at.lon, at.lat);
      },
      read_within, false);
}
BENCHMARK(within_too_far)->Name("parameters/within_refused");

// As URLSearchParams encodes commas.
void features(benchmark::State& state) {
  parse(
      state,
      [](geo::lonlat at) {
        return fmt::format(
            "/api/postgres/layers/transformers/features?bbox={:.7f}%2C{:.7f}%2C{:.7f}%2C{:.7f}&limit=1000"
            "&properties=rated_kva%2Chealth_score%2Cfeeder_id&f=columns",
            at.lon, at.lat, at.lon + 0.01, at.lat + 0.01);
      },
      [](http::parameters& q, const http::request& req) {
        api::viewport_question ask;
        ask.box = q.bbox();
        ask.limit = api::read_limit(q, limits);
        ask.properties = api::read_properties(q, asked_of());
        ask.form = api::read_form(q, req);
        benchmark::DoNotOptimize(ask);
      });
}
BENCHMARK(features)->Name("parameters/features");

}  // namespace
