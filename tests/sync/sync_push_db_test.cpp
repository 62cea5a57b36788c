#include <doctest/doctest.h>

#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::snow_sync;

namespace {

const std::string push =
    "    work: {mode: push, layer: work_orders, target: WORK, watermark: updated_at, batch_size: 7, overlap: "
    "1s,"
    " max_errors: 1}\n";

void make(snow_sync& s) {
  s.run(
      "CREATE TABLE WORK (WORK_ORDER_ID VARCHAR NOT NULL PRIMARY KEY, STATUS VARCHAR(8), PRIORITY VARCHAR, "
      "LATITUDE FLOAT, "
      "SCHEDULED_START TIMESTAMP_LTZ, UPDATED_AT TIMESTAMP_NTZ, NOTE VARCHAR)");
}

std::string there(snow_sync& s) {
  return s.snow.db().value(
      "SELECT count(*) || ' ' || md5(string_agg(ROW(work_order_id, status, priority, latitude, "
      "scheduled_start, updated_at)::text, '|' ORDER BY work_order_id COLLATE \"C\")) FROM " +
      s.snow.table("WORK"));
}
std::string here(const snow_sync& s) {
  return s.bench.db.value(
      "SELECT count(*) || ' ' || md5(string_agg(ROW(work_order_id, status, priority, latitude, "
      "scheduled_start, updated_at AT TIME ZONE 'UTC')::text, '|' ORDER BY work_order_id)) FROM "
      "work_orders");
}

}  // namespace

TEST_CASE("push: rows go to Snowflake by pages, changed ones again, and nothing twice") {
  snow_sync s{push};
  make(s);
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, status, priority, latitude, scheduled_start, updated_at) "
      "SELECT 'W' || "
      "n, 'OPEN', CASE WHEN n % 3 > 0 THEN E'a\"\\\\b''' || n END, n / 7.0, '2026-01-01 12:00+01', "
      "'2026-01-01 00:00:00.123456+00'::timestamptz + n / 5 * interval '1 minute' FROM generate_series(1, "
      "50) n");
  const auto first = s.bench.run("work");
  CHECK(first.did == "pushed");
  CHECK(first.read == 50);
  CHECK(first.updated == 50);
  CHECK(there(s) == here(s));
  CHECK(s.bench.last_run("mode, direction, status, rows_read, rows_written") == "push push success 50 50");
  CHECK(s.mark() == "1767226200123456000");
  CHECK(s.bench.version("work_orders") != "");

  const auto again = s.bench.run("work");
  CHECK(again.read == 1);  // the overlap
  CHECK(again.did == "nothing changed");
  s.bench.db.run(
      "UPDATE work_orders SET status = 'DONE', updated_at = '2026-02-01' WHERE work_order_id IN ('W1', "
      "'W2')");
  s.bench.db.run("INSERT INTO work_orders (work_order_id, updated_at) VALUES ('new', '2026-02-01 01:00+00')");
  CHECK(s.bench.run("work").updated == 3);
  CHECK(there(s) == here(s));
}

TEST_CASE("push: a row that Snowflake refuses is told of, the others go") {
  snow_sync s{push};
  s.run(
      "CREATE TABLE WORK (WORK_ORDER_ID VARCHAR NOT NULL PRIMARY KEY, PRIORITY NUMBER(5,1), UPDATED_AT "
      "TIMESTAMP_NTZ)");
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, priority, updated_at) SELECT 'W' || n, CASE n WHEN 11 THEN "
      "'high' ELSE n / 2.0 || '' "
      "END, '2026-01-01' FROM generate_series(1, 20) n");
  const auto out = s.bench.run("work");
  CHECK(out.rejected == 1);
  CHECK(s.snow.value("SELECT COUNT(*) FROM WORK WHERE PRIORITY > 9.6") == "1");
  CHECK(s.snow.value("SELECT COUNT(*) FROM WORK") == "19");
  CHECK(s.bench.db.value("SELECT key || reason FROM gridlight.sync_error").find("W11Snowflake: ") == 0);
  s.bench.db.run("UPDATE work_orders SET priority = 'low' WHERE work_order_id = 'W12'");
  const std::string mark = s.mark();
  CHECK(s.bench.fail("work").find("2 bad rows where at most 1 may be") != std::string::npos);
  CHECK(s.mark() == mark);
}

TEST_CASE("push: what was sent before the lease was lost is sent again, and the mark stays") {
  snow_sync s{push};
  make(s);
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, updated_at) SELECT 'W' || n, '2026-01-01' FROM "
      "generate_series(1, 20) n");
  sync::run_options old;
  old.token = s.bench.take_lease();
  s.bench.take_lease();
  CHECK(s.bench.fail("work", old).find("another instance") != std::string::npos);
  CHECK(s.mark() == "NULL");
  CHECK(s.bench.run("work").read == 20);
  CHECK(there(s) == here(s));
}

TEST_CASE("push: a row of the future keeps no later change from being sent") {
  snow_sync s{push};
  make(s);
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, updated_at) SELECT 'W' || n, now() - interval '1 hour' FROM "
      "generate_series(1, 20) n");
  s.bench.run("work");
  s.bench.db.run("UPDATE work_orders SET updated_at = '2099-01-01' WHERE work_order_id = 'W5'");
  const auto far = s.bench.run("work");
  CHECK(far.updated == 1);
  REQUIRE(far.warnings.size() == 1);
  CHECK(far.warnings[0].find("2099-01-01") != std::string::npos);
  CHECK(std::stoll(s.mark()) < 4'000'000'000'000'000'000);
  s.bench.db.run(
      "UPDATE work_orders SET status = 'DONE', updated_at = now() - interval '1 minute' WHERE work_order_id "
      "= 'W1'; "
      "INSERT INTO work_orders (work_order_id, updated_at) VALUES ('new', now() - interval '1 minute')");
  CHECK(s.bench.run("work").updated == 2);
  CHECK(there(s) == here(s));
  // A mark that was taken before this was seen to.
  s.bench.db.run("UPDATE gridlight.sync_watermark SET last_watermark = 4070908800000000000");
  s.bench.db.run(
      "UPDATE work_orders SET status = 'OPEN', updated_at = now() - interval '1 second' WHERE work_order_id "
      "= 'W2'");
  CHECK(s.bench.run("work").updated == 1);
  CHECK(there(s) == here(s));
  CHECK(std::stoll(s.mark()) < 4'000'000'000'000'000'000);
}

TEST_CASE("push: rows without a watermark go with a full run, and are told of by others") {
  snow_sync s{push};
  make(s);
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, status, updated_at) SELECT 'W' || n, 'OPEN', CASE WHEN n > 30 "
      "THEN "
      "'2026-01-01'::timestamptz END FROM generate_series(1, 50) n");
  const auto first = s.bench.run("work");
  CHECK(first.read == 50);
  CHECK(first.warnings.empty());
  CHECK(there(s) == here(s));
  s.bench.db.run("UPDATE work_orders SET status = 'DONE' WHERE work_order_id IN ('W3', 'W9', 'W30')");
  const auto some = s.bench.run("work");
  CHECK(some.did == "nothing changed");
  REQUIRE(some.warnings.size() == 1);
  CHECK(some.warnings[0] == "30 rows have no updated_at: only a full run sends what changes in them");
  sync::run_options full;
  full.full = true;
  const auto all = s.bench.run("work", full);
  CHECK(all.read == 50);
  CHECK(all.updated == 3);
  CHECK(all.warnings.empty());
  CHECK(there(s) == here(s));
}
