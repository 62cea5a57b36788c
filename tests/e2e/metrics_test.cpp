// /metrics of the real binary, after requests of all kinds, as Prometheus itself reads it.
#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;

TEST_CASE("promtool finds nothing to say about /metrics") {
  if (run_command("command -v promtool").status != 0) {
    MESSAGE("skipped: promtool (Debian package prometheus) is not installed");
    return;
  }
  demo_server server;
  http_client client{server.url()};
  for (const char* target :
       {"/api/postgres/layers/transformers/within?lon=-95.37&lat=29.76&radius_m=500", "/nothing",
        "/api/postgres/layers/transformers/within?lon=x", "/api/postgres/substations/status"})
    client.get(target);
  client.request("BREW", "/");
  const temp_folder folder;
  const auto file = folder.path() / "metrics";
  std::ofstream{file} << client.get("/metrics").body;
  const auto said = run_command("promtool check metrics <'" + file.string() + "' 2>&1");
  CHECK_MESSAGE(said.status == 0, said.output);
  CHECK(said.output.empty());
}
