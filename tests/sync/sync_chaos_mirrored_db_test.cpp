#include <doctest/doctest.h>

#include <random>
#include <thread>

#include "tests/support/soak.hpp"
#include "tests/sync/chaos_support.hpp"

using namespace gridlight;
using test::sync_bench;

namespace {

std::string sum(const test::temp_db& db, const std::string& table) {
  return db.value(
      "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")), '') "
      "FROM (SELECT substation_id, substation_name, latitude, longitude FROM " +
      table + ") t");
}

}  // namespace

// Sessions to the source and to the target are ended at any instant.
TEST_CASE("chaos, mirrored: after each run the table is the source's, or as it was") {
  const auto seed = test::chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=", seed);
  std::mt19937_64 random{seed};
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other, "batch_size: 100, min_share: 0, ");
  int next = 1, well = 0, failed = 0;
  const int rounds = test::count_of(10, 220);
  for (int round = 0; round < rounds; ++round) {
    INFO("round ", round);
    const int n = 1 + test::below(random, 2000);
    other.run("INSERT INTO stations SELECT 'S' || n, 'g" + std::to_string(round) +
              "', 29, -95 FROM generate_series(" + std::to_string(next) + ", " +
              std::to_string(next + n - 1) + ") n");
    next += n;
    other.run(
        "UPDATE stations SET latitude = CASE WHEN latitude > 80 THEN latitude - 60 ELSE latitude + 0.5 END "
        "WHERE substr(substation_id, 2)::int % " +
        std::to_string(1 + test::below(random, 40)) + " = 0");
    other.run("DELETE FROM stations WHERE substr(substation_id, 2)::int % 31 = " +
              std::to_string(test::below(random, 31)));
    const std::string before = sum(b.db, "places");
    const bool kills = test::below(random, 4) > 0, of_source = test::below(random, 2) > 0;
    const auto wait = std::chrono::milliseconds{test::below(random, 120)};
    std::thread killer{[&] {
      if (!kills) return;
      std::this_thread::sleep_for(wait);
      (of_source ? other : b.db)
          .run(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
              "application_name LIKE 'gridlight sync%'");
    }};
    sync::run_options how;
    how.token = b.take_lease();
    if (test::below(random, 6) == 0) b.take_lease();  // somebody else's turn, before this one is through
    const auto out = b.try_run("places", how);
    killer.join();
    const std::string now = sum(b.db, "places"), truth = sum(other, "stations");
    if (out) {
      ++well;
      CHECK(now == truth);
      continue;
    }
    ++failed;
    INFO(out.error().detail, " | ", out.error().log_detail);
    // A session that is ended with its commit under way has committed or not.
    CHECK((now == before || now == truth));
  }
  const auto last = b.run("places");
  CHECK(sum(b.db, "places") == sum(other, "stations"));
  CHECK(b.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'running'") == "0");
  CHECK(b.left_over() == "0");
  MESSAGE(well, " runs did well, ", failed, " failed");
}
