#include "sync/sync_command.hpp"
#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::printed;
using test::snow_sync;

namespace {

std::string explained(const snow_sync& s, const std::string& table) {
  return printed([&] { return sync::run_sync_explain(s.bench.settings, table); }, 0);
}

}  // namespace

TEST_CASE("explain of changes: how many rows, what would change, and that history is gone") {
  snow_sync s{"    topology: {mode: changes, timezone: UTC}\n"};
  s.make_topology();
  s.connect(1, 20);
  CHECK(explained(s, "topology")
            .find("would change     20 rows read, 20 inserted, 0 updated, 0 deleted, 0 rejected\n") !=
        std::string::npos);
  s.bench.run("topology");
  s.connect(21, 22);
  const std::string some = explained(s, "topology");
  INFO(some);
  CHECK(some.find("would change     2 rows read, 2 inserted, 0 updated, 0 deleted, 0 rejected\n") !=
        std::string::npos);
  CHECK(some.find("reads all") == std::string::npos);
  CHECK(s.bench.db.value("SELECT count(*) FROM topology_connections_cache") == "20");
  CHECK(s.bench.db.value("SELECT count(*) FROM gridlight.sync_run") == "1");
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY SET CHANGE_TRACKING = FALSE");
  const std::string all = explained(s, "topology");
  INFO(all);
  CHECK(all.find("reads all        what changed since the mark is not known") != std::string::npos);
  CHECK(all.find("would change     22 rows read, 2 inserted,") != std::string::npos);
}

TEST_CASE("explain of a push: where rows go, and how many") {
  snow_sync s{
      "    work: {mode: push, layer: work_orders, target: WORK, watermark: updated_at, overlap: 1s}\n"};
  s.run(
      "CREATE TABLE WORK (WORK_ORDER_ID VARCHAR NOT NULL PRIMARY KEY, STATUS VARCHAR, UPDATED_AT "
      "TIMESTAMP_NTZ)");
  s.bench.db.run(
      "INSERT INTO work_orders (work_order_id, status, updated_at) SELECT 'W' || n, 'OPEN', "
      "'2026-01-01'::timestamptz + n "
      "* interval '1 minute' FROM generate_series(1, 50) n");
  const std::string first = explained(s, "work");
  INFO(first);
  CHECK(first.find("goes to          WORK\n") != std::string::npos);
  CHECK(first.find("next run         all rows: there is no mark yet\n") != std::string::npos);
  CHECK(first.find("would send       50 rows\n") != std::string::npos);
  s.bench.run("work");
  s.bench.db.run("UPDATE work_orders SET updated_at = '2026-02-01' WHERE work_order_id IN ('W1', 'W2')");
  const std::string next = explained(s, "work");
  INFO(next);
  CHECK(next.find("rows whose updated_at is at or above the mark, less 1s\n") != std::string::npos);
  CHECK(next.find("would send       3 rows\n") != std::string::npos);  // the last one again
  CHECK(s.snow.db().value("SELECT count(*) FROM " + s.snow.table("WORK") +
                          " WHERE updated_at > '2026-01-15'") == "0");
}
