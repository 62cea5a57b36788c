// The panels of Ask, what the map says of faults, and the status page, in Debian's Chromium; what is driven
// stands in tests/browser.
#include <doctest/doctest.h>

#include "tests/support/browser.hpp"
#include "tests/support/command.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::test;

namespace {

void passes(const std::string& script) {
  const browser_tests tests;
  if (!tests.can_run()) return;
  const temp_db db;
  for (const char* command : {" migrate", " demo-data --scale 0.02 --seed 7"})
    REQUIRE(run_gridlight("--database-url '" + db.uri() + "'" + command + " 2>&1").status == 0);
  const auto seen = tests.run(script + " '" + db.uri() + "'");
  CAPTURE(seen.output);
  CHECK(seen.status == 0);
}

}  // namespace

TEST_CASE("the panels of Ask answer searches, clicks, drags, areas and keys, and say what is wrong") {
  passes("ask.mjs");
}

TEST_CASE("the map page says what it does not know, and does not pass a part for the whole") {
  passes("faults.mjs");
}

TEST_CASE("the status page shows figures that move, and says when the server is gone and is back") {
  passes("status.mjs");
}

TEST_CASE("the map takes keys, small screens, lost mice and pasted addresses as they are meant") {
  passes("use.mjs");
}
