#include <boost/asio/io_context.hpp>
#include <vector>

#include "api/routes.hpp"
#include "bench/micro/tally.hpp"

namespace {

using namespace gridlight;
using boost::beast::http::verb;

// All routes of the server, over a pool that is never started.
struct real_routes {
  boost::asio::io_context io;
  postgres::pool pool{io.get_executor(), {}, {}};
  catalog_store layers;
  config settings;
  metrics counters;
  api::services services{.pool = pool,
                         .layers = layers,
                         .settings = settings,
                         .counters = counters,
                         .pools = [] { return std::vector<postgres::pool_status>{}; },
                         .schema_version = 4,
                         .started = steady::now()};
  http::router router = api::make_routes(services);
};

struct asked {
  verb method;
  std::string path;
};

void find_routes(benchmark::State& state, const http::router& router, const std::vector<asked>& requests,
                 bool expected) {
  std::size_t bytes = 0;
  for (const asked& r : requests) {
    bytes += r.path.size();
    if ((router.find(r.method, r.path).found != nullptr) != expected)
      return state.SkipWithError("a path is judged differently");
  }
  for (auto _ : state) {
    for (const asked& r : requests) {
      const http::router::match found = router.find(r.method, r.path);
      benchmark::DoNotOptimize(found);
    }
  }
  bench::tally(state, "request", requests.size(), bytes);
}

void every_route(benchmark::State& state) {
  const real_routes real;
  std::vector<asked> requests;
  for (const http::route& r : real.router.routes()) {
    std::string path = r.pattern;
    for (const auto& [name, value] : {std::pair{"{layer}", "transformers"}, {"{id}", "XF-0042311"}})
      if (const auto at = path.find(name); at != path.npos)
        path.replace(at, std::string_view{name}.size(), value);
    requests.push_back({r.method, path});
  }
  find_routes(state, real.router, requests, true);
}
BENCHMARK(every_route)->Name("router/every_route");

void lookups(benchmark::State& state) {
  const real_routes real;
  find_routes(state, real.router,
              {{verb::get, "/api/postgres/layers/transformers/within"},
               {verb::get, "/api/postgres/layers/transformers/nearest"},
               {verb::get, "/api/postgres/layers/buildings/features"}},
              true);
}
BENCHMARK(lookups)->Name("router/lookups");

void encoded_id(benchmark::State& state) {
  const real_routes real;
  find_routes(state, real.router,
              {{verb::get, "/api/postgres/layers/topology/features/PL-0000017%3AXF-0042311%3APRIMARY"}},
              true);
}
BENCHMARK(encoded_id)->Name("router/encoded_id");

void not_found(benchmark::State& state) {
  const real_routes real;
  find_routes(state, real.router,
              {{verb::get, "/favicon.ico"},
               {verb::get, "/wp-login.php"},
               {verb::get, "/api/postgres/layers/transformers/tiles/12/1"},
               {verb::post, "/api/postgres/layers"},
               {verb::get, "/" + std::string(60, '/')}},
              false);
}
BENCHMARK(not_found)->Name("router/not_found");

}  // namespace
