#pragma once
// A demo grid in a cluster of its own, with a server, for tests that do harm to Postgres.

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/grid_load.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_cluster.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/soak.hpp"

namespace gridlight::test {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

inline double since_ms(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

struct fault_bench {
  static constexpr int lookups = 4;

  explicit fault_bench(private_cluster::options where = {}, std::vector<std::string> more = {})
      : cluster(std::move(where)) {
    for (const char* command : {"migrate", "demo-data --scale 0.002 --seed 7"}) {
      const auto done = run_gridlight("--database-url '" + cluster.socket_uri() + "' " + command + " 2>&1");
      REQUIRE_MESSAGE(done.status == 0, done.output);
    }
    cluster.value("CHECKPOINT");  // what is recovered after a kill is short
    std::vector<std::string> arguments{"--set", "postgres.lookup_connections=" + std::to_string(lookups),
                                       "--set", "log.access=false"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    server = std::make_unique<server_process>(server_process::options{
        .environment = {{"GRIDLIGHT_DATABASE_URL", cluster.uri()}},
        .arguments = std::move(arguments),
        .allowed = {"postgres: ", ": database-unavailable:", ": pool-exhausted:", "the catalog could not"}});
    REQUIRE(comes_true(10s, [&] { return get("/ready").status == 200; }));
  }

  http_reply get(const std::string& target) const { return http_client{server->url()}.get(target); }

  template <class Condition>
  static bool comes_true(std::chrono::milliseconds timeout, Condition holds) {
    const auto start = steady_clock::now();
    while (!holds()) {
      if (steady_clock::now() - start > timeout) return false;
      std::this_thread::sleep_for(5ms);
    }
    return true;
  }

  /// All connections are up, of both lanes, over all threads.
  bool whole() const {
    const std::string text = get("/health").body;
    return text.find("\"lookup\":{\"open\":" + std::to_string(lookups) + ",") != text.npos &&
           text.find("\"admin\":{\"open\":1,") != text.npos;
  }
  bool serves() const { return get("/api/postgres/substations/status").status == 200; }

  void pause(int least_ms, int most_ms) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds{std::uniform_int_distribution{least_ms, most_ms}(random)});
  }

  const unsigned seed = static_cast<unsigned>(chosen_seed());
  std::mt19937 random{seed};
  private_cluster cluster;
  std::unique_ptr<server_process> server;
};

/// The server is at rest and holds what it held before.
inline void check_nothing_leaked(const fault_bench& b, const process_figures& before) {
  fault_bench::comes_true(5s, [&] { return figures_of(b.server->pid()).descriptors <= before.descriptors; });
  const process_figures after = figures_of(b.server->pid());
  MESSAGE("descriptors " << before.descriptors << " -> " << after.descriptors << ", RSS " << before.rss_kb
                         << " -> " << after.rss_kb << " KB");
  CHECK(after.descriptors <= before.descriptors);
  CHECK(after.rss_kb < before.rss_kb + 16 * 1024);
}

inline void check_only_right_or_503(const load_tally& t) {
  MESSAGE(t.right << " right, " << t.unavailable << " times 503, longest " << t.longest_ms
                  << " ms, longest 503 " << t.longest_unavailable_ms << " ms");
  CHECK(t.right > 0);
  CHECK_MESSAGE(t.wrong == 0, t.first_wrong);
}

}  // namespace gridlight::test
