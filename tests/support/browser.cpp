#include "tests/support/browser.hpp"

#include <doctest/doctest.h>

#include "embedded/page.hpp"

namespace gridlight::test {

browser_tests::browser_tests() {
  const char* root = std::getenv("GRIDLIGHT_SOURCE_DIR");
  if (root == nullptr) throw std::runtime_error{"GRIDLIGHT_SOURCE_DIR is not set: run tests by ./dev test"};
  folder_ = std::string{root} + "/tests/browser";
}

bool browser_tests::can_run() const {
  if (run_command("command -v node && command -v npm && command -v chromium").status != 0) {
    MESSAGE("skipped: node, npm or chromium is missing");
    return false;
  }
  if (embedded::page.empty()) {
    MESSAGE("skipped: the program was built without its page");
    return false;
  }
  if (run_command(
          "cd '" + folder_ +
          "' && { [ -d node_modules/playwright-core ] || timeout 120 npm ci --ignore-scripts --no-audit "
          "--no-fund; } 2>&1")
          .status != 0) {
    MESSAGE("skipped: npm ci cannot install playwright-core");
    return false;
  }
  return true;
}

command_outcome browser_tests::run(const std::string& line) const {
  return run_command("cd '" + folder_ + "' && timeout 240 node " + line + " 2>&1");
}

}  // namespace gridlight::test
