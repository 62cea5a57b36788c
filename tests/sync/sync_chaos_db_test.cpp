#include <doctest/doctest.h>

#include <random>

#include "sync/source_snowflake.hpp"
#include "tests/support/soak.hpp"
#include "tests/sync/snowflake_journey.hpp"
#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::snow_sync;
using fault = test::snowflake::fault;
using route = test::snowflake::route;

namespace {

// Runs over one table in one mode, with something wrong in most of them.
struct chaos {
  snow_sync s;
  std::mt19937_64 random;
  const bool deletes;
  int next_row = 1, well = 0, failed = 0;

  chaos(const std::string& table, std::uint64_t seed, bool with_deletes)
      : s(table, small_partitions()), random(seed), deletes(with_deletes) {
    s.snow.faults().seed(seed);
  }

  static test::snowflake::settings small_partitions() {
    test::snowflake::settings out;
    out.first_rows = 20;
    out.partition_rows = 40;
    return out;
  }

  int below(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); }

  boost::asio::awaitable<result<sync::run_outcome>> go(boost::asio::any_io_executor executor,
                                                       sync::run_options how) {
    auto db = co_await sync::open_for_command(executor, s.bench.settings.postgres, "sync");
    if (!db) co_return db.error();
    auto client = sync::snowflake::client::make(executor, test::quick(s.snow), s.snow.key_pair());
    if (!client) co_return client.error();
    const auto from = sync::from_client(std::move(*client));
    co_return co_await sync::run_table(*db, *from, s.bench.plans.at(0), std::move(how));
  }
  result<sync::run_outcome> run(sync::run_options how) {
    return postgres::run_blocking([&](boost::asio::any_io_executor executor) { return go(executor, how); });
  }

  void change_rows() {
    const std::string table = s.snow.table("FLUX_OPS_CENTER_TOPOLOGY"),
                      some =
                          "(substr(from_asset_id, 2)::int * " + std::to_string(3 + below(50)) + ") % 23 = 0";
    if (below(3) > 0) {
      const int n = 1 + below(150);
      s.connect(next_row, next_row + n - 1);
      next_row += n;
    }
    // A change moves the watermark on, as those who write such a table see to.
    if (below(3) > 0)
      s.snow.db().run(
          "UPDATE " + table +
          " t SET to_latitude = to_latitude + 0.5, last_updated = m.at + interval '1 second' FROM "
          "(SELECT max(last_updated) AS at FROM " +
          table + ") m WHERE " + some);
    if (deletes && below(2) > 0) s.snow.db().run("DELETE FROM " + table + " WHERE " + some);
  }

  fault any_fault() {
    using k = fault::kind;
    constexpr k kinds[] = {k::status,          k::status,       k::html,
                           k::empty,           k::cut,          k::truncated_gzip,
                           k::wrong_partition, k::added_column, k::dropped_column,
                           k::short_partition, k::wrong_count,  k::truncated_result};
    constexpr route routes[] = {route::any, route::submit, route::poll, route::partition};
    constexpr int statuses[] = {500, 503, 429, 401, 408, 422};
    fault f;
    f.what = kinds[below(static_cast<int>(std::size(kinds)))];
    f.on = routes[below(4)];
    f.after = below(2) > 0;
    f.times = 1 + below(3);
    f.probability = 0.2 + 0.2 * below(5);
    f.status = statuses[below(6)];
    if (f.status == 401) f.code = "390144";
    if (f.status == 429) f.code = "390505";
    f.bytes = static_cast<std::size_t>(below(3000));
    return f;
  }

  std::string marks() const {
    return s.bench.db.value(
        "SELECT coalesce(max(last_watermark)::text, 'none') FROM gridlight.sync_watermark");
  }

  void round() {
    change_rows();
    s.snow.faults().clear();
    for (int n = below(4); n > 0; --n)
      s.snow.faults().add(any_fault());
    sync::run_options how;
    how.allow_shrink = true;
    how.full = below(6) == 0;
    how.token = s.bench.take_lease();
    if (below(6) == 0) s.bench.take_lease();  // somebody else's turn, before this one is through
    const std::string before = s.served_sum(), mark = marks();
    const auto out = run(how);
    if (out) {
      ++well;
      CHECK(s.served_sum() == s.source_sum());
      CHECK(s.bench.last_run("status") == "success");
      return;
    }
    ++failed;
    INFO(out.error().detail, " | ", out.error().log_detail);
    CHECK(s.served_sum() == before);
    CHECK(marks() == mark);
    CHECK(s.bench.last_run("status, error IS NOT NULL") == "failed t");
  }

  void all(int rounds) {
    s.make_topology();
    s.connect(1, 100);
    next_row = 101;
    for (int i = 0; i < rounds; ++i) {
      INFO("round ", i);
      round();
    }
    s.snow.faults().clear();
    sync::run_options how;
    how.allow_shrink = true;
    how.token = s.bench.take_lease();
    const auto last = run(how);
    REQUIRE_MESSAGE(last.has_value(), last.error().detail);
    CHECK(s.served_sum() == s.source_sum());
    CHECK(s.bench.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'running'") == "0");
    CHECK(s.bench.left_over() == "0");
  }
};

void try_mode(const std::string& table, bool deletes) {
  const auto seed = test::chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=", seed);
  chaos c{table, seed, deletes};
  c.all(test::count_of(5, 330));
  MESSAGE(c.well, " runs did well, ", c.failed, " failed");
}

}  // namespace

TEST_CASE("chaos, full: after each run the table is the source's, or as it was") {
  try_mode("    topology: {mode: full, timezone: UTC}\n", true);
}

TEST_CASE("chaos, changes: after each run the table is the source's, or as it was") {
  try_mode("    topology: {mode: changes, timezone: UTC}\n", true);
}

TEST_CASE("chaos, watermark: after each run the table is the source's, or as it was") {
  try_mode("    topology: {mode: watermark, watermark: LAST_UPDATED, overlap: 30s, timezone: UTC}\n", false);
}
