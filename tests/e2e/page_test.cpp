// The map page, in Debian's Chromium; what is driven and looked at stands in tests/browser.
#include <doctest/doctest.h>

#include "tests/support/browser.hpp"
#include "tests/support/command.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::test;

namespace {

// One of full size takes a while.
void make_grid(const temp_db& db, const std::string& scale) {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  REQUIRE(binary != nullptr);
  for (const std::string& command : {std::string{"migrate"}, "demo-data --scale " + scale + " --seed 7"}) {
    const auto done = run_command("cd / && env -i PATH=/usr/bin:/bin timeout 900 '" + std::string{binary} +
                                  "' --database-url '" + db.uri() + "' " + command + " 2>&1");
    CAPTURE(done.output);
    REQUIRE(done.status == 0);
  }
}

}  // namespace

TEST_CASE("the map starts, pans, zooms, switches layers, hears of changes, and outlives its server") {
  const browser_tests tests;
  if (!tests.can_run()) return;
  const temp_db db;
  make_grid(db, "0.02");
  const auto seen = tests.run("map.mjs '" + db.uri() + "'");
  CAPTURE(seen.output);
  CHECK(seen.status == 0);
}

TEST_CASE("the map's first picture is quick and small, and its memory does not grow" *
          doctest::skip(!soaking())) {
  const browser_tests tests;
  if (!tests.can_run()) return;
  const temp_db db;
  make_grid(db, "1");
  const auto seen = tests.run("map_figures.mjs '" + db.uri() + "'");
  MESSAGE(seen.output);
  CHECK(seen.status == 0);
}
