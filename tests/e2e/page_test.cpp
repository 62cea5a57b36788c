// The map page, in Debian's Chromium; what is driven and looked at stands in tests/browser.
#include <doctest/doctest.h>

#include "tests/support/browser.hpp"
#include "tests/support/command.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::test;

namespace {

void make_grid(const temp_db& db, const char* scale) {
  for (const std::string& command :
       {std::string{" migrate"}, " demo-data --scale " + std::string{scale} + " --seed 7"})
    REQUIRE(run_gridlight("--database-url '" + db.uri() + "'" + command + " 2>&1").status == 0);
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
