// Clients that leave in the middle of their request leave no query behind.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "tests/server/postgres_support.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

std::string active_queries(const temp_db& db) {
  return db.value(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND "
      "application_name = 'gridlight'");
}

void wait_until_waiting(const temp_db& db) {
  for (int i = 0; i < 200 && active_queries(db) == "0"; ++i)
    std::this_thread::sleep_for(10ms);
  REQUIRE(active_queries(db) != "0");
}

// The server's own queries come and go; those of the clients would wait for the lock for ever.
bool ends_within(const temp_db& db, double ms) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double, std::milli>{ms};
  while (active_queries(db) != "0") {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

void run_command(const temp_db& db, const std::string& command) {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  REQUIRE(binary != nullptr);
  const std::string line =
      "'" + std::string{binary} + "' --database-url \"" + db.uri() + "\" " + command + " >/dev/null 2>&1";
  REQUIRE(std::system(line.c_str()) == 0);
}

}  // namespace

TEST_CASE(
    "two hundred clients hang up during a slow query: a second later nothing runs, and the next is served") {
  const temp_db db;
  run_command(db, "migrate");
  run_command(db, "demo-data --scale 0.002 --seed 7");
  // A table that is locked makes every query on it slow; the server's lock_timeout shall not end them for us.
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}},
                         .arguments = {"--set", "postgres.lock_timeout=60s"},
                         .allowed = {""}}};
  http_client honest{server.url()};
  for (int i = 0; i < 100 && honest.get("/ready").status != 200; ++i)
    std::this_thread::sleep_for(50ms);
  const std::string lookup = "/api/postgres/layers/transformers/within?lon=-95.37&lat=29.76&radius_m=500";
  for (const std::string& target : {lookup, std::string{"/api/postgres/substations"}}) {
    CAPTURE(target);
    REQUIRE(honest.get(target).status == 200);
    auto options = options_for(db.uri());
    options.application_name = "locker";
    with_connection(options, [&](postgres::connection& locker) -> asio::awaitable<void> {
      co_await succeeds(locker.execute(
          "BEGIN; LOCK TABLE transformers, substations, circuit_status_realtime IN ACCESS EXCLUSIVE MODE",
          soon()));
      {
        std::vector<std::unique_ptr<http_client>> clients;
        for (int i = 0; i < 200; ++i) {
          clients.push_back(std::make_unique<http_client>(server.url()));
          clients.back()->connect();
          clients.back()->send("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
        }
        wait_until_waiting(db);
        std::this_thread::sleep_for(200ms);
      }
      CHECK(ends_within(db, limit_ms(1000)));
      co_await succeeds(locker.execute("ROLLBACK", soon()));
    });
    CHECK(honest.get(target).status == 200);
  }
  CHECK(server.wait_for_log(" 499 "));
}
