#include <doctest/doctest.h>

#include <random>

#include "tests/support/soak.hpp"
#include "tests/sync/chaos_support.hpp"

using namespace gridlight;
using test::snow_sync;

namespace {

std::string there(snow_sync& s, const std::string& where = "true") {
  return s.snow.db().value(
      "SELECT count(*) || ' ' || coalesce(md5(string_agg(ROW(work_order_id, status, updated_at)::text, '|' "
      "ORDER "
      "BY work_order_id COLLATE \"C\")), '') FROM " +
      s.snow.table("WORK") + " WHERE " + where);
}
std::string here(const snow_sync& s) {
  return s.bench.db.value(
      "SELECT count(*) || ' ' || coalesce(md5(string_agg(ROW(work_order_id, status, updated_at AT TIME ZONE "
      "'UTC')::text, '|' ORDER BY work_order_id)), '') FROM work_orders");
}
std::string mark(const snow_sync& s) {
  return s.bench.db.value("SELECT max(last_watermark) FROM gridlight.sync_watermark");
}
// Rows of the target that are not, word for word, rows that we had before or have now.
std::string strangers(snow_sync& s, const std::string& known) {
  return s.snow.db().value("SELECT count(*) FROM " + s.snow.table("WORK") +
                           " WHERE work_order_id || ':' || status NOT IN (" + known + ")");
}
std::string rows_of(const snow_sync& s) {
  return s.bench.db.value(
      "SELECT coalesce(string_agg(quote_literal(work_order_id || ':' || status), ','), '''''') FROM "
      "work_orders");
}

}  // namespace

// A merge that was sent twice, or whose answer was lost, must leave each row once; what was not told to have
// arrived is sent again.
TEST_CASE("chaos, push: after each run Snowflake has our rows, or only such as we had; none twice") {
  const auto seed = test::chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=", seed);
  std::mt19937_64 random{seed};
  snow_sync s{
      "    work: {mode: push, layer: work_orders, target: WORK, watermark: updated_at, batch_size: 17, "
      "overlap: 1s}\n",
      test::small_partitions()};
  s.snow.faults().seed(seed);
  // Without a key: Snowflake enforces none.
  s.run("CREATE TABLE WORK (WORK_ORDER_ID VARCHAR NOT NULL, STATUS VARCHAR(30), UPDATED_AT TIMESTAMP_NTZ)");
  int next = 1, well = 0, failed = 0;
  std::string known;
  const int rounds = test::count_of(5, 220);
  for (int round = 0; round < rounds; ++round) {
    INFO("round ", round);
    const std::string stamp =
        "'2026-01-01'::timestamptz + " + std::to_string(round) + " * interval '1 minute'";
    const int n = 1 + test::below(random, 60);
    s.bench.db.run("INSERT INTO work_orders (work_order_id, status, updated_at) SELECT 'W' || n, 'g" +
                   std::to_string(round) + "', " + stamp + " FROM generate_series(" + std::to_string(next) +
                   ", " + std::to_string(next + n - 1) + ") n");
    next += n;
    s.bench.db.run("UPDATE work_orders SET status = 'g" + std::to_string(round) + "', updated_at = " + stamp +
                   " WHERE substr(work_order_id, 2)::int % 23 = " + std::to_string(test::below(random, 23)));
    known += (known.empty() ? "" : ",") + rows_of(s);
    s.snow.faults().clear();
    for (int faults = test::below(random, 4); faults > 0; --faults)
      s.snow.faults().add(test::any_fault(random));
    sync::run_options how;
    how.token = s.bench.take_lease();
    if (test::below(random, 6) == 0)
      s.bench.take_lease();  // somebody else's turn, before this one is through
    const std::string before = mark(s);
    const auto out = test::run_amid_faults(s, how);
    CHECK(s.snow.db().value("SELECT count(*) - count(DISTINCT work_order_id) FROM " + s.snow.table("WORK")) ==
          "0");
    if (out) {
      ++well;
      CHECK(there(s) == here(s));
      known = rows_of(s);
      continue;
    }
    ++failed;
    INFO(out.error().detail, " | ", out.error().log_detail);
    CHECK(mark(s) == before);
    CHECK(strangers(s, known) == "0");
    CHECK(s.bench.last_run("status, error IS NOT NULL") == "failed t");
  }
  s.snow.faults().clear();
  sync::run_options how;
  how.token = s.bench.take_lease();
  REQUIRE(test::run_amid_faults(s, how).has_value());
  CHECK(there(s) == here(s));
  MESSAGE(well, " runs did well, ", failed, " failed");
}
