#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/soak.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::sync_bench;

TEST_CASE(
    "readers see one generation of the rows, all of them, while full refreshes swap and merge below them") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other);
  const int rows = 5000, rounds = test::count_of(6, 60);
  const auto fill = [&](int generation, const std::string& which) {
    other.run("UPDATE stations SET substation_name = 'g" + std::to_string(generation) + "' WHERE " + which);
  };
  other.run("INSERT INTO stations SELECT 'S' || n, 'g0', 29, -95 FROM generate_series(1, " +
            std::to_string(rows) + ") n");
  b.run("places");
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0}, wrong{0};
  double longest = 0;
  std::thread reader{[&] {
    while (!stop) {
      const auto start = std::chrono::steady_clock::now();
      // A few rows are of one generation, all others too.
      const std::string seen = b.db.value(
          "SELECT count(*) || ' ' || count(DISTINCT substation_name) FILTER (WHERE substation_id < 'S11') || "
          "' ' || count(DISTINCT "
          "substation_name) FILTER (WHERE substation_id >= 'S11') FROM places");
      longest = std::max(
          longest,
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
      if (seen != std::to_string(rows) + " 1 1") ++wrong;
      ++looks;
    }
  }};
  int swapped = 0, merged = 0;
  for (int round = 1; round <= rounds; ++round) {
    // All rows differ: swapped. Those of a few: merged, in one transaction.
    const bool few = round % 2 == 0;
    fill(round, few ? "substation_id < 'S11'" : "true");
    const auto out = b.run("places");
    (out.did == "swapped" ? swapped : merged) += 1;
  }
  stop = true;
  reader.join();
  MESSAGE(looks.load(), " looks, the longest ", longest, " ms; ", swapped, " swaps, ", merged, " merges");
  CHECK(wrong == 0);
  CHECK(looks > rounds);
  CHECK(swapped > 0);
  CHECK(merged > 0);
}
