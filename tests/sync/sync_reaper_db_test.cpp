#include "sync/reaper.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <thread>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using boost::asio::awaitable;
using test::sync_bench;

namespace {

// A session that does as it is told and then nothing.
struct left_alone {
  std::unique_ptr<PGconn, decltype(&PQfinish)> session;
  left_alone(const std::string& uri, const std::string& application, const char* sql)
      : session(PQconnectdb(uri.c_str()), PQfinish) {
    REQUIRE_MESSAGE(PQstatus(session.get()) == CONNECTION_OK, PQerrorMessage(session.get()));
    const std::string name = "SET application_name = '" + application + "'";
    PQclear(PQexec(session.get(), name.c_str()));
    REQUIRE(PQsendQuery(session.get(), sql) == 1);
    if (std::string_view{sql}.find("pg_sleep") == std::string_view::npos)
      while (PGresult* r = PQgetResult(session.get()))
        PQclear(r);
  }
  int pid() const { return PQbackendPID(session.get()); }
  bool alive() const {
    while (PGresult* r = PQgetResult(session.get()))
      PQclear(r);
    PGresult* r = PQexec(session.get(), "SELECT 1");
    const bool well =
        PQresultStatus(r) == PGRES_TUPLES_OK || PQtransactionStatus(session.get()) == PQTRANS_INERROR;
    PQclear(r);
    return well && PQstatus(session.get()) == CONNECTION_OK;
  }
};

awaitable<result<std::vector<sync::zombie>>> ask(boost::asio::any_io_executor executor,
                                                 config::postgres_settings how, sync::reaper_rule rule) {
  auto db = co_await sync::open_for_command(executor, how, "sync watch");
  if (!db) co_return db.error();
  co_return co_await sync::find_zombies(*db, std::move(rule));
}

std::vector<sync::zombie> find(const sync_bench& b, const sync::reaper_rule& rule) {
  const auto found = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) { return ask(executor, b.settings.postgres, rule); });
  REQUIRE_MESSAGE(found.has_value(), found.error().log_detail);
  return *found;
}

std::vector<int> pids(const std::vector<sync::zombie>& found) {
  std::vector<int> out;
  for (const sync::zombie& z : found)
    out.push_back(z.pid);
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<int> sorted(std::vector<int> all) {
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("reaper: finds what is ours and left alone, ends it when it may, and touches nobody else") {
  sync_bench b;
  const test::temp_db elsewhere;
  const test::temp_role somebody{b.db};
  const char *idle = "BEGIN; SELECT 1", *busy = "SELECT pg_sleep(60)", *failed = "BEGIN; SELECT 1/0";
  left_alone pool{b.db.uri(), "gridlight", idle};
  left_alone run{b.db.uri(), "gridlight sync", idle};
  left_alone broken{b.db.uri(), "gridlight-listen", failed};
  left_alone stuck{b.db.uri(), "gridlight", busy};
  // Not ours, or not left alone.
  left_alone loader{b.db.uri(), "psql", idle}, alike{b.db.uri(), "gridlights", idle};
  left_alone other_database{elsewhere.uri(), "gridlight", idle};
  left_alone other_role{somebody.uri(), "gridlight", idle};
  left_alone at_work{b.db.uri(), "gridlight sync", "SELECT pg_sleep(3)"};  // runs have no statement timeout
  left_alone resting{b.db.uri(), "gridlight", "SELECT 1"};
  std::this_thread::sleep_for(400ms);

  sync::reaper_rule rule;
  rule.idle_for = 300ms;
  rule.active_for = 300ms;
  const auto found = find(b, rule);
  CHECK(pids(found) == sorted({pool.pid(), run.pid(), broken.pid(), stuck.pid()}));
  for (const sync::zombie& z : found) {
    CHECK_FALSE(z.ended);
    CHECK(z.held_s >= 0.3);
    if (z.pid == stuck.pid()) CHECK(z.state == "active");
    if (z.pid == broken.pid()) CHECK(z.state == "idle in transaction (aborted)");
  }
  rule.active_for.reset();
  CHECK(pids(find(b, rule)) == sorted({pool.pid(), run.pid(), broken.pid()}));
  rule.idle_for = 1h;
  CHECK(find(b, rule).empty());

  rule.idle_for = 300ms;
  rule.active_for = 300ms;
  rule.end = true;
  rule.spared = {pool.pid()};
  rule.spare_runs = true;
  for (const sync::zombie& z : find(b, rule))
    CHECK(z.ended);
  CHECK_FALSE(broken.alive());
  CHECK_FALSE(stuck.alive());
  CHECK(pool.alive());
  CHECK(run.alive());
  std::this_thread::sleep_for(400ms);
  rule.spared.clear();
  rule.spare_runs = false;
  CHECK(pids(find(b, rule)) == sorted({pool.pid(), run.pid()}));
  CHECK_FALSE(pool.alive());
  CHECK_FALSE(run.alive());
  for (const left_alone* each : {&loader, &alike, &other_database, &other_role, &at_work, &resting})
    CHECK(each->alive());
}

TEST_CASE("reaper: its rule follows the configuration") {
  const auto rule = [](const std::string& yaml) {
    const auto read = parse_config(yaml, "t.yaml");
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    return sync::rule_of(*read);
  };
  REQUIRE(rule(""));
  CHECK_FALSE(rule("")->end);
  CHECK(rule("")->idle_for == 90s);
  CHECK(rule("")->active_for == 100s);
  CHECK_FALSE(rule("sync: {reaper: \"off\"}"));
  CHECK(rule("sync: {reaper: end, reaper_after: 5s}")->end);
  CHECK(rule("sync: {reaper: end, reaper_after: 5s}")->idle_for == 5s);
  CHECK_FALSE(rule("postgres: {statement_timeout: 0s}")->active_for);
}
