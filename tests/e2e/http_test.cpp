// The real binary as an HTTP server; its database is empty, so only what needs none is asked here.
#include <doctest/doctest.h>

#include <sched.h>

#include <csignal>
#include <stdexcept>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::test;

namespace {

// What the server says of its empty database is not this file's matter.
server_process::options over(const temp_db& db) {
  return {.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}}, .allowed = {""}};
}

}  // namespace

TEST_CASE("it listens on a free port, answers, logs a line a request, and ends by SIGTERM") {
  const temp_db db;
  server_process server{over(db)};
  CHECK(server.url().starts_with("http://127.0.0.1:"));
  http_client client{server.url()};
  CHECK(client.get("/live", {{"X-Request-ID", "first-1"}}).status == 200);
  CHECK(client.get("/no/such/path?a=%0a%22", {{"X-Request-ID", "second-2"}, {"User-Agent", "a\"b\\c"}})
            .status == 404);
  CHECK(client.connections_made() == 1);
  CHECK(server.wait_for_log("second-2"));
  CHECK(server.wait_for_log("first-1"));
  CHECK(server.stop() == 0);
  CHECK(client.closed_by_server());
  CHECK_THROWS(http_client{server.url()}.get("/live"));
}

TEST_CASE("SIGINT ends it too, even in the middle of connecting") {
  const temp_db db;
  for (int i = 0; i < 10; ++i) {
    server_process server{over(db)};
    server.signal(SIGINT);
    CHECK(server.wait() == 0);
  }
}

TEST_CASE("a port that is taken is an error that says so") {
  const temp_db db;
  server_process first{over(db)};
  auto options = over(db);
  options.environment["GRIDLIGHT_HTTP_PORT"] = first.url().substr(first.url().rfind(':') + 1);
  std::string told;
  try {
    server_process second{options};
  } catch (const std::runtime_error& e) {
    told = e.what();
  }
  CHECK(told.find("taken") != std::string::npos);
  CHECK(http_client{first.url()}.get("/live").status == 200);
}

TEST_CASE("the soft limit of descriptors is raised to the hard one, and what does not fit then is told") {
  const auto serve_under = [](const std::string& limits) {
    return run_command(
               limits +
               " && cd / && env -i timeout -s TERM 2 \"$GRIDLIGHT_BINARY\" serve --port 0 --database-url " +
               "postgresql://nobody@127.0.0.1:1/none 2>&1")
        .output;
  };
  const std::string raised = serve_under("ulimit -Sn 300 && ulimit -Hn 12000");
  CHECK(raised.find("listening on") != raised.npos);
  CHECK(raised.find("ulimit") == raised.npos);
  const std::string low = serve_under("ulimit -n 400");
  CHECK(low.find("listening on") != low.npos);
  CHECK(low.find("http.max_connections is 10000, but") != low.npos);
  CHECK(low.find("only 272 connections are taken") != low.npos);
}

TEST_CASE("its threads do not interrupt the database, unless they are told to") {
  const temp_db db;
  server_process usual{over(db)};
  CHECK(http_client{usual.url()}.get("/live").status == 200);
  CHECK(::sched_getscheduler(usual.pid()) == SCHED_BATCH);
  auto options = over(db);
  options.environment["GRIDLIGHT_HTTP_BATCH_SCHEDULING"] = "false";
  server_process eager{options};
  CHECK(http_client{eager.url()}.get("/live").status == 200);
  CHECK(::sched_getscheduler(eager.pid()) == SCHED_OTHER);
}
