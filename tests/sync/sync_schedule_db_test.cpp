#include "sync/schedule.hpp"

#include <doctest/doctest.h>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using sync::wall_time;
using test::sync_bench;

namespace {

wall_time at(const test::temp_db& db, const std::string& utc) {
  return wall_time{std::chrono::milliseconds{
      std::stoll(db.value("SELECT (extract(epoch FROM timestamptz '" + utc + "+00') * 1000)::bigint"))}};
}

template <class Work>
auto with_session(const sync_bench& b, Work work) {
  return postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) { return work(executor, b.settings.postgres); });
}

boost::asio::awaitable<result<std::optional<wall_time>>> ask(boost::asio::any_io_executor executor,
                                                             config::postgres_settings p, schedule_text s,
                                                             wall_time t) {
  auto db = co_await sync::open_for_command(executor, p, "test");
  if (!db) co_return db.error();
  co_return co_await sync::next_time(*db, s, t);
}

std::optional<wall_time> next(const sync_bench& b, const schedule_text& s, const std::string& after) {
  const wall_time t = at(b.db, after);
  const auto out = with_session(b, [&](auto executor, auto p) { return ask(executor, p, s, t); });
  REQUIRE_MESSAGE(out.has_value(), out.error().log_detail);
  return *out;
}

boost::asio::awaitable<result<std::string>> look(boost::asio::any_io_executor executor,
                                                 config::postgres_settings p,
                                                 const std::vector<sync::table_plan>& plans, wall_time now) {
  auto db = co_await sync::open_for_command(executor, p, "test");
  if (!db) co_return db.error();
  sync::schedule times{plans};
  const auto read = co_await times.read(*db);
  if (!read) co_return read.error();
  std::string out;
  for (int i = 0; i < 5; ++i) {
    const auto due = times.next(now);
    if (!due) break;
    out += due->plan->name() + (due->full ? " in full, " : ", ");
    const bool well = due->plan->name() != "work_orders";
    const auto done = co_await times.done(*db, *due->plan, due->full, well, now, now);
    if (!done) co_return done.error();
  }
  // A failed one is tried again soon, those that did well when they are due.
  const auto again = times.next(now + 11s);
  co_return out + "then " + (again ? again->plan->name() : "nothing");
}

}  // namespace

TEST_CASE("schedule: intervals, cron lines, and clocks that jump") {
  const sync_bench b;
  const auto check = [&](const schedule_text& s, const std::string& after, const std::string& expected) {
    INFO(s.cron, " in ", s.timezone, " after ", after);
    const auto found = next(b, s, after);
    REQUIRE(found.has_value());
    CHECK(*found == at(b.db, expected));
  };
  check({90s, "", "UTC"}, "2026-01-01 00:00:00.5", "2026-01-01 00:01:30.5");
  check({0s, "0 4 * * *", "UTC"}, "2026-01-01 04:00:00", "2026-01-02 04:00:00");
  check({0s, "0 4 * * *", "America/Chicago"}, "2026-01-01 04:00:00", "2026-01-01 10:00:00");
  check({0s, "0 4 * * *", "America/Chicago"}, "2026-07-01 04:00:00", "2026-07-01 09:00:00");
  // 02:30 is not on 2026-03-08 there, and 01:30 comes twice on 2026-11-01.
  check({0s, "30 2 * * *", "America/Chicago"}, "2026-03-08 00:00:00", "2026-03-08 08:30:00");
  check({0s, "30 2 * * *", "America/Chicago"}, "2026-03-08 08:30:00", "2026-03-09 07:30:00");
  const auto first = next(b, {0s, "30 1 * * *", "America/Chicago"}, "2026-11-01 00:00:00");
  REQUIRE(first.has_value());
  check({0s, "30 1 * * *", "America/Chicago"}, "2026-11-01 07:30:00", "2026-11-02 07:30:00");
  CHECK_FALSE(next(b, {0s, "", "UTC"}, "2026-01-01 00:00:00"));
  CHECK_FALSE(next(b, {0s, "0 0 31 2 *", "UTC"}, "2026-01-01 00:00:00"));
}

TEST_CASE("schedule: what is due follows from the runs that there were") {
  sync_bench b;
  b.more = "  snowflake: {account: A-B, user: U, private_key_file: k}\n";
  b.configure(
      "    topology: {timezone: UTC, reconcile: 0 4 * * *}\n    outages: {timezone: UTC}\n    work_orders: "
      "{timezone: UTC}\n"
      "    circuits: {schedule: off}\n");
  b.db.run(
      "INSERT INTO gridlight.sync_run (layer, mode, status, started_at) VALUES ('topology', 'full', "
      "'success', '2026-01-01 "
      "03:00+00'), ('topology', 'changes', 'success', now() - interval '1 year')");
  b.db.run(
      "UPDATE gridlight.sync_run SET started_at = date_trunc('day', now()) - interval '1 hour' WHERE mode = "
      "'full'");
  b.db.run(
      "INSERT INTO gridlight.sync_run (layer, mode, status, started_at) VALUES ('outages', 'full', 'failed', "
      "now())");
  // At 05:00 today: topology was read in full yesterday at 23:00, outages ran this moment.
  const wall_time now =
      at(b.db, b.db.value("SELECT (date_trunc('day', now()) + interval '5 hours')::timestamp"));
  b.db.run(
      "UPDATE gridlight.sync_run SET started_at = date_trunc('day', now()) + interval '4 hours 58 minutes' "
      "WHERE layer = "
      "'outages'");
  const auto found = with_session(b, [&](auto executor, auto p) { return look(executor, p, b.plans, now); });
  REQUIRE_MESSAGE(found.has_value(), found.error().log_detail);
  CHECK(*found == "work_orders, topology in full, then work_orders");
}
