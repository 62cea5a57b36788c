// The panels and the status page of the map page, in a browser.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"

using namespace gridlight::test;

namespace {

// The folder of the browser's scripts; empty, with a message, when there is nothing to run them with.
std::string browser_folder() {
  const char* root = std::getenv("GRIDLIGHT_SOURCE_DIR");
  REQUIRE(root != nullptr);
  const std::string folder = std::string{root} + "/tests/browser";
  if (run_command("command -v node && command -v npm && command -v chromium").status != 0) {
    MESSAGE("skipped: node, npm or chromium is missing");
    return {};
  }
  if (run_command("cd '" + folder +
                  "' && { [ -d node_modules/playwright-core ] || timeout 120 npm ci "
                  "--ignore-scripts --no-audit --no-fund; } 2>&1")
          .status != 0) {
    MESSAGE("skipped: npm ci cannot install playwright-core");
    return {};
  }
  return folder;
}

}  // namespace

TEST_CASE("the panels of Ask answer clicks, drags, areas, searches and keys, under the policy") {
  const std::string folder = browser_folder();
  if (folder.empty()) return;
  const demo_server s;
  const auto seen = run_command("cd '" + folder + "' && timeout 240 node ask.mjs " + s.url() + " 2>&1");
  CAPTURE(seen.output);
  CHECK(seen.status == 0);
}

TEST_CASE("the status page shows figures that move, and says when the server is gone and is back") {
  const std::string folder = browser_folder();
  if (folder.empty()) return;
  demo_server s;
  const std::string port = s.url().substr(s.url().rfind(':') + 1);
  std::unique_ptr<server_process> second;
  std::FILE* script =
      popen(("cd '" + folder + "' && timeout 240 node status.mjs " + s.url() + " 2>&1").c_str(), "r");
  REQUIRE(script != nullptr);
  std::string output;
  char line[4096];
  while (std::fgets(line, sizeof line, script) != nullptr) {
    output += line;
    if (std::strcmp(line, "stop\n") == 0) s.process().kill();
    if (std::strcmp(line, "start\n") == 0)
      second = std::make_unique<server_process>(server_process::options{
          .environment = {{"GRIDLIGHT_DATABASE_URL", s.db().uri()}}, .arguments = {"--port", port}});
  }
  CAPTURE(output);
  CHECK(pclose(script) == 0);
  CHECK(output.find("seen\n") != output.npos);
  CHECK(second != nullptr);
}
