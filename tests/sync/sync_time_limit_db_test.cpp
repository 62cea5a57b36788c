// Runs that take longer than sync.run_timeout.
#include <thread>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::sync_bench;

namespace {

const std::string why =
    "the run took longer than sync.run_timeout, 1s, and was given up: nothing was changed";

// Two runs by one runner, as `serve` makes them; what is between them, too.
std::vector<result<sync::run_outcome>> two_runs(sync_bench& b, const std::function<void()>& between) {
  const auto plan = sync::find_plan(b.plans, "places");
  REQUIRE(plan.has_value());
  sync::run_options options;
  options.token = b.take_lease();
  std::vector<result<sync::run_outcome>> out;
  postgres::run_blocking([&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<int> {
    sync::runner runs{executor, b.settings};
    out.push_back(co_await runs.run(**plan, options));
    between();
    out.push_back(co_await runs.run(**plan, options));
    co_return 0;
  });
  return out;
}

std::string recorded(const sync_bench& b) {
  return b.db.value(
      "SELECT string_agg(concat_ws(' ', status, error, finished_at IS NOT NULL), ' | ' ORDER BY run_id) FROM "
      "gridlight.sync_run");
}

}  // namespace

TEST_CASE("a source that does not come to an end is given up, told of, and asked anew by the next run") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other);
  other.run(
      "INSERT INTO stations VALUES ('S1', 'x', 29, -95); ALTER TABLE stations RENAME TO quick; "
      "CREATE VIEW stations AS SELECT q.* FROM quick q, (SELECT pg_sleep(60)) slow");
  b.settings.sync.run_timeout = 1s;
  const auto start = steady::now();
  const auto runs = two_runs(b, [&] {
    CHECK(ms_since(start) < 5000);
    other.run("DROP VIEW stations; ALTER TABLE quick RENAME TO stations");
  });
  REQUIRE(runs[0].has_error());
  CHECK(runs[0].error().detail == why);
  REQUIRE(runs[1].has_value());
  CHECK(runs[1]->inserted == 1);
  CHECK(recorded(b) == "failed " + why + " t | success t");
  CHECK(b.left_over() == "0");
  // Nor does Postgres work on for nobody.
  CHECK(other.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE "
                    "'%FROM stations%' AND state = 'active' AND pid <> pg_backend_pid()") == "0");
}

TEST_CASE("a run that waits for our own database for too long is given up and told of by another session") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other);
  other.run("INSERT INTO stations VALUES ('S1', 'x', 29, -95)");
  b.settings.sync.run_timeout = 1s;
  b.settings.postgres.lock_timeout = 60s;
  std::thread in_the_way{
      [&] { b.db.run("BEGIN; LOCK TABLE places IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(4); COMMIT"); }};
  while (b.db.value("SELECT count(*) FROM pg_locks WHERE relation = 'places'::regclass AND granted") == "0")
    std::this_thread::sleep_for(10ms);
  const auto runs = two_runs(b, [&] { in_the_way.join(); });
  REQUIRE(runs[0].has_error());
  CHECK(runs[0].error().detail == why);
  REQUIRE(runs[1].has_value());
  CHECK(recorded(b) == "failed " + why + " t | success t");
}

TEST_CASE("a run in time is not disturbed; a dry run that is given up leaves no trace") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other);
  other.run("INSERT INTO stations VALUES ('S1', 'x', 29, -95)");
  b.settings.sync.run_timeout = 1s;
  const auto runs = two_runs(b, [&] { std::this_thread::sleep_for(1200ms); });
  CHECK((runs[0].has_value() && runs[1].has_value()));
  other.run(
      "ALTER TABLE stations RENAME TO quick; CREATE VIEW stations AS SELECT q.* FROM quick q, (SELECT "
      "pg_sleep(60)) slow");
  sync::run_options dry;
  dry.dry_run = true;
  CHECK(b.fail("places", dry) == why);
  CHECK(recorded(b) == "success t | success t");
}
