#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "geo/tile.hpp"
#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/snowflake/topology.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/tile_reader.hpp"

using namespace gridlight;
using namespace std::chrono_literals;

namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool has(const test::http_reply& reply, const std::string& asset) {
  if (reply.status != 200) return false;
  for (const test::tile_layer& l : test::read_tile(reply.body))
    for (const test::tile_feature& f : l.features)
      for (const auto& [key, value] : f.tags)
        if (key == "from_asset_id" && std::get<std::string>(value) == asset) return true;
  return false;
}

}  // namespace

// The way of a row, from the commit in the source to the tile on a map that is asked over and over.
TEST_CASE("what changes in Snowflake is in a tile within 2 s of the run's commit, and within 65 s in all") {
  test::snowflake_source snow;
  test::make_topology(snow);
  test::connect(snow, 1, 1000);
  const test::temp_db db;
  const test::temp_folder folder;
  const std::string config = (folder.path() / "gridlight.yaml").string();
  std::ofstream{config} << "sync:\n" + test::snowflake_yaml(snow) +
                               "  tables:\n    topology: {timezone: UTC, schedule: " +
                               (test::soaking() ? "1m" : "2s") + "}\n    outages: {enabled: false}\n" +
                               "    work_orders: {enabled: false}\n    circuits: {enabled: false}\n";
  REQUIRE(
      test::run_gridlight("--config " + config + " --database-url '" + db.uri() + "' migrate 2>&1").status ==
      0);
  test::server_process server{{{{"GRIDLIGHT_DATABASE_URL", db.uri()}, {"GRIDLIGHT_CONFIG", config}}, {}, {}}};
  REQUIRE(server.wait_for_log("catalog: "));
  const geo::tile t = geo::tile_at({-95.0005, 29.0005}, 15);
  const std::string path = "/api/postgres/tiles/topology/" + std::to_string(t.z) + "/" + std::to_string(t.x) +
                           "/" + std::to_string(t.y);
  test::http_client client{server.url()};
  const auto wait_for = [&](const std::string& asset) {
    for (const double end = now_s() + 90; now_s() < end; std::this_thread::sleep_for(10ms))
      if (has(client.get(path), asset)) return now_s();
    return 0.0;
  };
  REQUIRE(wait_for("A1") > 0);
  double longest = 0, longest_after_commit = 0;
  const int rounds = test::count_of(2, 5);
  for (int n = 1001; n <= 1000 + rounds; ++n) {
    const double changed = now_s();
    test::connect(snow, n, n);
    const double seen = wait_for("A" + std::to_string(n));
    REQUIRE(seen > 0);
    const double committed = std::stod(db.value(
        "SELECT extract(epoch FROM max(finished_at)) FROM gridlight.sync_run WHERE status = 'success' AND "
        "rows_written > 0"));
    longest = std::max(longest, seen - changed);
    longest_after_commit = std::max(longest_after_commit, seen - committed);
  }
  MESSAGE("in a tile ", longest, " s after the change at most, ", longest_after_commit,
          " s after the run's commit");
  CHECK(longest_after_commit < 2.0);
  CHECK(longest < 65.0);
}
