// More asked than can be answered: nobody waits beyond the deadline, dispatchers are served, health answers.
#include <fstream>
#include <future>

#include "tests/support/fault_bench.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;

namespace {

struct grid {
  explicit grid(std::vector<std::string> arguments) {
    for (const char* command : {"migrate", "demo-data --scale 0.002 --seed 7"}) {
      const auto done = run_gridlight("--database-url \"" + db.uri() + "\" " + command + " 2>&1");
      REQUIRE_MESSAGE(done.status == 0, done.output);
    }
    arguments.insert(arguments.end(), {"--set", "postgres.lookup_connections=4", "--set", "http.threads=1",
                                       "--set", "log.access=false"});
    server = std::make_unique<server_process>(
        server_process::options{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}},
                                .arguments = std::move(arguments),
                                .allowed = {": pool-exhausted:", ": deadline:"}});
    REQUIRE(fault_bench::comes_true(10s, [&] { return get("/ready").status == 200; }));
  }
  http_reply get(const std::string& target, const http_headers& headers = {}) const {
    return http_client{server->url()}.get(target, headers);
  }

  temp_db db;
  std::unique_ptr<server_process> server;
};

/// Requests a second that are answered rightly.
double throughput(const grid& g, int clients, std::chrono::milliseconds time) {
  grid_load load{g.server->url(), {.clients = clients}};
  std::this_thread::sleep_for(500ms);
  load.take();
  const auto start = steady_clock::now();
  std::this_thread::sleep_for(time);
  const load_tally t = load.take();
  const double seconds = since_ms(start) / 1000;
  CHECK_MESSAGE(t.wrong == 0, t.first_wrong);
  CHECK(t.longest_ms < limit_ms(10'500));
  MESSAGE(clients << " clients: " << static_cast<double>(t.right) / seconds << " answers/s, " << t.unavailable
                  << " times 503, longest " << t.longest_ms << " ms");
  CHECK_MESSAGE(load.stop().wrong == 0, "after the measurement");
  return static_cast<double>(t.right) / seconds;
}

const std::string slow = "/api/postgres/substations";  // has its connection alone
const std::string quick = "/api/postgres/layers/buildings/within?lon=-95.37&lat=29.76&radius_m=800";

/// A tokens' file with one entry, which has priority, and its token.
struct dispatcher {
  dispatcher() {
    const std::string file = (folder.path() / "tokens.yaml").string();
    const auto made = run_gridlight("token dispatcher 2>&1 >'" + file + "'");
    REQUIRE(made.status == 0);
    std::ofstream{file, std::ios::app} << "  priority: true\n";
    headers = {{"Gridlight-Token", made.output.substr(0, made.output.find('\n'))}};
    arguments = {"--set", "auth.tokens_file=" + file, "--set", "postgres.max_waiting=40"};
  }
  temp_folder folder;
  http_headers headers;
  std::vector<std::string> arguments;
};

}  // namespace

TEST_CASE("a pool of four under five hundred clients works as well as under sixteen") {
  const grid g{{}};
  const auto time = soaking() ? 20s : 2s;
  const double few = throughput(g, 16, time), many = throughput(g, count_of(100, 500), time);
  if (soaking()) CHECK(many > 0.9 * few);
}

TEST_CASE("long queries fill pool and queue: priority and short ones pass, and health needs no place in it") {
  dispatcher who;
  for (const char* setting : {"postgres.lock_timeout=60s", "http.request_timeout=8s"})
    who.arguments.insert(who.arguments.end(), {"--set", setting});
  const grid g{who.arguments};
  const http_reply right = g.get(quick);
  REQUIRE(right.status == 200);
  auto lock = std::async(std::launch::async, [&] {
    g.db.run(
        "BEGIN; LOCK TABLE circuit_status_realtime IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(5); COMMIT");
  });
  std::this_thread::sleep_for(200ms);
  std::vector<std::unique_ptr<http_client>> storm;
  for (int i = 0; i < 100; ++i) {
    storm.push_back(std::make_unique<http_client>(g.server->url()));
    storm.back()->connect();
    storm.back()->send("GET " + slow + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  std::this_thread::sleep_for(300ms);
  const http_reply refused = g.get(slow);
  CHECK(refused.status == 503);
  CHECK(refused.has("Retry-After"));
  for (const char* route : {"/live", "/ready", "/health", "/metrics"}) {
    const auto start = steady_clock::now();
    CHECK(g.get(route).status == 200);
    CHECK(since_ms(start) < limit_ms(100));
  }
  for (const auto& headers : {http_headers{}, who.headers}) {
    const auto start = steady_clock::now();
    const http_reply served = g.get(quick, headers);
    CHECK(served.body == right.body);
    MESSAGE(std::string{headers.empty() ? "a short one" : "priority"} << " was served after "
                                                                      << since_ms(start) << " ms");
    CHECK(since_ms(start) < limit_ms(200));
  }
  int answered = 0;
  for (auto& each : storm) {
    const int status = each->receive().status;
    CHECK((status == 200 || status == 503));
    answered += status == 200 ? 1 : 0;
  }
  CHECK(answered >= 3);
  lock.get();
}

TEST_CASE("in a storm of short queries that overflows the queue, priority is always served") {
  const dispatcher who;
  const grid g{who.arguments};
  const http_reply right = g.get(quick);
  REQUIRE(right.status == 200);
  grid_load storm{g.server->url(), {.clients = 150}};
  std::this_thread::sleep_for(300ms);
  double longest_ms = 0;
  http_client client{g.server->url()};
  for (int i = 0; i < count_of(100, 2000); ++i) {
    const auto start = steady_clock::now();
    const http_reply got = client.get(quick, who.headers);
    longest_ms = std::max(longest_ms, since_ms(start));
    REQUIRE(got.status == 200);
    REQUIRE(got.body == right.body);
  }
  const load_tally t = storm.stop();
  MESSAGE("priority: " << longest_ms << " ms at most; the storm: " << t.right << " right, " << t.unavailable
                       << " times 503, longest " << t.longest_ms << " ms");
  CHECK(t.unavailable > 0);
  CHECK_MESSAGE(t.wrong == 0, t.first_wrong);
}
