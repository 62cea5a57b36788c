#include <doctest/doctest.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "tests/support/command.hpp"
#include "tests/support/soak.hpp"
#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::did;
using test::snow_sync;

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

const std::string columns =
    "from_asset_id, to_asset_id, from_circuit_id, to_circuit_id, from_latitude, from_longitude, to_latitude, "
    "to_longitude, "
    "connection_type, last_updated";

// What psql needs for the same rows, into a table with the same indexes.
double copy_seconds(const snow_sync& s) {
  const auto& db = s.bench.db;
  db.run("CREATE TABLE copied (LIKE topology_connections_cache INCLUDING ALL)");
  const std::string file = (std::filesystem::temp_directory_path() / "gridlight_bulk.csv").string();
  const auto psql = [&](const std::string& command) {
    const auto out =
        test::run_command("psql -X -q -v ON_ERROR_STOP=1 \"" + db.uri() + "\" -c \"" + command + "\" 2>&1");
    CHECK_MESSAGE(out.status == 0, out.output);
  };
  psql("\\copy (SELECT " + columns + " FROM topology_connections_cache) TO '" + file + "' CSV");
  const double out = seconds_of([&] { psql("\\copy copied (" + columns + ") FROM '" + file + "' CSV"); });
  std::filesystem::remove(file);
  return out;
}

}  // namespace

// The sizes of production in a soak, else a tenth.
TEST_CASE("a full refresh at the size of the topology, and a small change in it") {
  snow_sync s{"    topology: {timezone: UTC}\n"};
  s.make_topology();
  const int rows = test::soaking() ? 153'592 : 15'359;
  s.connect(1, rows);
  sync::run_outcome first;
  const double full = seconds_of([&] { first = s.bench.run("topology"); });
  CHECK(did(first) == "swapped +" + std::to_string(rows) + " ~0 -0 =" + std::to_string(rows));
  CHECK(s.served_sum() == s.source_sum());
  const double copied = copy_seconds(s);
  s.snow.db().run(
      "UPDATE " + s.snow.table("FLUX_OPS_CENTER_TOPOLOGY") +
      " SET from_latitude = 30, last_updated = now() WHERE substr(from_asset_id, 2)::int <= 1000");
  sync::run_outcome some;
  const double increment = seconds_of([&] { some = s.bench.run("topology"); });
  CHECK(some.did == "merged");
  CHECK(s.served_sum() == s.source_sum());
  MESSAGE(rows, " rows: full ", full, " s (from the emulator), psql ", copied, " s; ", some.read, " changes ",
          increment, " s");
  if (!test::soaking()) return;
  CHECK(increment < 1.0);
}

TEST_CASE("a full refresh from another Postgres keeps up with psql") {
  snow_sync s{"    topology: {timezone: UTC}\n"};
  s.make_topology();
  const int rows = test::soaking() ? 153'592 : 15'359;
  s.connect(1, rows);
  s.bench.configure(
      "    topology: {mode: mirrored, batch_size: 5000, timezone: UTC, source: "
      "'\"gridlight.public\".flux_ops_center_topology', "
      "connection: " +
      test::in_quotes(s.snow.db().uri()) + "}\n");
  double full = 0;
  full = seconds_of([&] { s.bench.run("topology"); });
  CHECK(s.served_sum() == s.source_sum());
  const double copied = copy_seconds(s);
  MESSAGE(rows, " rows: full ", full, " s, psql ", copied, " s: ", copied / full,
          " times the rows a second of psql");
  if (test::soaking()) CHECK(copied / full > 0.6);
}
