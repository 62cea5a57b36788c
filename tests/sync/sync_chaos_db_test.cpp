#include <doctest/doctest.h>

#include <random>

#include "tests/support/soak.hpp"
#include "tests/sync/chaos_support.hpp"

using namespace gridlight;
using test::snow_sync;

namespace {

// Runs over one table in one mode, with something wrong in most of them.
struct chaos {
  snow_sync s;
  std::mt19937_64 random;
  const bool deletes;
  int next_row = 1, well = 0, failed = 0;

  chaos(const std::string& table, std::uint64_t seed, bool with_deletes)
      : s(table, test::small_partitions()), random(seed), deletes(with_deletes) {
    s.snow.faults().seed(seed);
  }

  int below(int n) { return test::below(random, n); }

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
      s.snow.db().run("UPDATE " + table +
                      " t SET to_latitude = CASE WHEN to_latitude > 80 THEN to_latitude - 60 ELSE "
                      "to_latitude + 0.5 END, last_updated = m.at + interval '1 second' FROM "
                      "(SELECT max(last_updated) AS at FROM " +
                      table + ") m WHERE " + some);
    if (deletes && below(2) > 0) s.snow.db().run("DELETE FROM " + table + " WHERE " + some);
  }

  std::string marks() const {
    return s.bench.db.value(
        "SELECT coalesce(max(last_watermark)::text, 'none') FROM gridlight.sync_watermark");
  }

  void round() {
    change_rows();
    s.snow.faults().clear();
    for (int n = below(4); n > 0; --n)
      s.snow.faults().add(test::any_fault(random));
    sync::run_options how;
    how.allow_shrink = true;
    how.full = below(6) == 0;
    how.token = s.bench.take_lease();
    if (below(6) == 0) s.bench.take_lease();  // somebody else's turn, before this one is through
    const std::string before = s.served_sum(), mark = marks();
    const auto out = test::run_amid_faults(s, how);
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
    const auto last = test::run_amid_faults(s, how);
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
  c.all(test::count_of(5, 220));
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
