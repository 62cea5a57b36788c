#include <doctest/doctest.h>

#include <thread>

#include "sync/requests.hpp"
#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::did;
using test::snow_sync;

namespace {

const std::string topology = "    topology: {timezone: UTC}\n";
const std::string marked =
    "    topology: {mode: watermark, watermark: LAST_UPDATED, overlap: 10s, timezone: UTC}\n";

std::string in_source(const std::string& sql) {
  return "SET search_path = \"gridlight.public\", public; " + sql;
}

}  // namespace

TEST_CASE("changes: a full run first, then what changed, deletes and moved keys included") {
  snow_sync s{topology};
  s.make_topology();
  s.connect(1, 3000);
  CHECK(did(s.bench.run("topology")) == "swapped +3000 ~0 -0 =3000");
  CHECK(s.bench.last_run("mode, status") == "full success");
  CHECK(s.served_sum() == s.source_sum());
  const std::string version = s.bench.version("topology");

  CHECK(did(s.bench.run("topology")) == "nothing changed +0 ~0 -0 =3000");
  CHECK(s.bench.last_run("mode, status, rows_read") == "changes success 0");
  CHECK(s.bench.version("topology") == version);

  s.run("DELETE FROM FLUX_OPS_CENTER_TOPOLOGY WHERE FROM_ASSET_ID IN ('A1', 'A2')");
  s.run("UPDATE FLUX_OPS_CENTER_TOPOLOGY SET FROM_LATITUDE = 30 WHERE FROM_ASSET_ID = 'A3'");
  s.run("UPDATE FLUX_OPS_CENTER_TOPOLOGY SET FROM_ASSET_ID = 'Z4' WHERE FROM_ASSET_ID = 'A4'");
  s.connect(3001, 3003);
  CHECK(did(s.bench.run("topology")) == "merged +4 ~1 -3 =3001");
  CHECK(s.served_sum() == s.source_sum());
  CHECK(s.bench.version("topology") == std::to_string(std::stoi(version) + 1));
  CHECK(s.bench.last_run("mode, status, rows_written, rows_deleted") == "changes success 5 3");

  // Came and went between two looks: in no list, and nowhere.
  s.connect(4000, 4000);
  s.run("DELETE FROM FLUX_OPS_CENTER_TOPOLOGY WHERE FROM_ASSET_ID = 'A4000'");
  CHECK(did(s.bench.run("topology")) == "nothing changed +0 ~0 -0 =3001");
}

TEST_CASE("changes: a key that is there twice while its row is replaced stays as long as one of them does") {
  snow_sync s{topology};
  s.make_topology();
  s.connect(1, 50);
  s.bench.run("topology");
  const std::string from = "FROM FLUX_OPS_CENTER_TOPOLOGY WHERE FROM_ASSET_ID ";
  const std::string latitude =
      "SELECT from_latitude FROM topology_connections_cache WHERE from_asset_id = 'A7'";
  const auto insert = [&](const std::string& at) {
    s.run(
        "INSERT INTO FLUX_OPS_CENTER_TOPOLOGY SELECT FROM_ASSET_ID, TO_ASSET_ID, FROM_CIRCUIT_ID, "
        "TO_CIRCUIT_ID, " +
        at + ", FROM_LONGITUDE, TO_LATITUDE, TO_LONGITUDE, CONNECTION_TYPE, LAST_UPDATED " + from +
        "= 'A7' LIMIT 1");
  };
  // The new row, a run, and then the old one's end.
  insert("40");
  CHECK(did(s.bench.run("topology")) == "merged +0 ~1 -0 =50");
  s.run("DELETE " + from + "= 'A7' AND FROM_LATITUDE < 40");
  s.run("DELETE " + from + "= 'A9'");
  CHECK(did(s.bench.run("topology")) == "merged +0 ~0 -1 =49");
  CHECK(s.bench.last_run("mode") == "changes");
  CHECK(s.bench.db.value(latitude) == "40");
  CHECK(s.served_sum() == s.source_sum());
  // It is the new one that goes: the old one is served again.
  insert("41");
  s.bench.run("topology");
  CHECK(s.bench.db.value(latitude) == "41");
  s.run("DELETE " + from + "= 'A7' AND FROM_LATITUDE = 41");
  CHECK(did(s.bench.run("topology")) == "merged +0 ~1 -0 =49");
  CHECK(s.served_sum() == s.source_sum());
  insert("42");
  s.bench.run("topology");
  s.run("DELETE " + from + "= 'A7'");
  CHECK(did(s.bench.run("topology")) == "merged +0 ~0 -1 =48");
  CHECK(s.served_sum() == s.source_sum());
}

TEST_CASE("changes: where history is gone, all rows are read") {
  snow_sync s{topology};
  s.make_topology();
  s.connect(1, 100);
  s.bench.run("topology");
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY SET CHANGE_TRACKING = FALSE");
  s.connect(101, 110);
  s.run("DELETE FROM FLUX_OPS_CENTER_TOPOLOGY WHERE FROM_ASSET_ID = 'A1'");
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY SET CHANGE_TRACKING = TRUE");
  CHECK(did(s.bench.run("topology")) == "merged +10 ~0 -1 =109");
  CHECK(s.bench.last_run("mode, status") == "full success");
  CHECK(s.served_sum() == s.source_sum());
  s.connect(111, 112);
  s.bench.run("topology");
  CHECK(s.served_sum() == s.source_sum());
}

TEST_CASE("changes: that there is no history at all is told of, from the second run that misses it on") {
  snow_sync s{topology};
  s.make_topology();
  s.connect(1, 10);
  s.bench.run("topology");
  s.bench.run("topology");
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY SET CHANGE_TRACKING = FALSE");
  const auto once = s.bench.run("topology");
  CHECK(once.mode == "full");
  CHECK(once.warnings.empty());
  for (int i = 0; i < 2; ++i) {
    const auto again = s.bench.run("topology");
    CHECK(again.mode == "full");
    REQUIRE(again.warnings.size() == 1);
    CHECK(again.warnings[0].find("the source keeps no history of FLUX_OPS_CENTER_TOPOLOGY") == 0);
  }
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY SET CHANGE_TRACKING = TRUE");
  s.bench.run("topology");
  const auto well = s.bench.run("topology");
  CHECK(well.mode == "changes");
  CHECK(well.warnings.empty());
}

TEST_CASE(
    "watermark: what grew is merged, late rows within the overlap too, and deletes at the next full run") {
  snow_sync s{marked};
  s.make_topology();
  s.connect(1, 100);
  CHECK(did(s.bench.run("topology")) == "merged +100 ~0 -0 =100");
  CHECK(s.bench.last_run("mode") == "full");
  CHECK(s.mark() == "1767225700000000000");  // 2026-01-01 00:01:40
  CHECK(did(s.bench.run("topology")) == "nothing changed +0 ~0 -0 =100");
  CHECK(s.bench.last_run("mode, rows_read") == "watermark 11");  // the overlap, both ends included

  s.connect(101, 104);
  s.snow.db().run(in_source(
      "INSERT INTO flux_ops_center_topology SELECT 'LATE', to_asset_id, from_circuit_id, to_circuit_id, 1, "
      "1, "
      "1, 2, connection_type, last_updated FROM flux_ops_center_topology WHERE from_asset_id = 'A95'; "
      "DELETE FROM flux_ops_center_topology WHERE from_asset_id = 'A5'; UPDATE flux_ops_center_topology SET "
      "from_latitude = 40, last_updated = '2026-01-01 00:01:43.5' WHERE from_asset_id = 'A7'"));
  CHECK(did(s.bench.run("topology")) == "merged +5 ~1 -0 =105");
  CHECK(s.mark() == "1767225704000000000");
  CHECK(s.served_sum() != s.source_sum());  // A5 is still there
  sync::run_options full;
  full.full = true;
  CHECK(did(s.bench.run("topology", full)) == "merged +0 ~0 -1 =104");
  CHECK(s.served_sum() == s.source_sum());
}

TEST_CASE("watermark: a row of the future keeps no later change from being read, and is told of") {
  for (const std::string zone : {"UTC", "America/Chicago", "'-06:00'"}) {
    INFO(zone);
    snow_sync s{"    topology: {mode: watermark, watermark: LAST_UPDATED, overlap: 10s, timezone: " + zone +
                "}\n"};
    s.make_topology();
    s.connect(1, 20);
    s.bench.run("topology");
    // The source's clock as its writers see it.
    const std::string now = zone == "UTC"               ? "(now() AT TIME ZONE 'UTC')"
                            : zone == "America/Chicago" ? "(now() AT TIME ZONE 'America/Chicago')"
                                                        : "(now() AT TIME ZONE interval '-06:00')";
    const auto touch = [&](const std::string& id, const std::string& at) {
      s.snow.db().run(
          in_source("UPDATE flux_ops_center_topology SET from_latitude = from_latitude + 0.25, "
                    "last_updated = " +
                    at + " WHERE from_asset_id = '" + id + "'"));
    };
    touch("A5", "'2099-01-01'");
    auto out = s.bench.run("topology");
    CHECK(did(out) == "merged +0 ~1 -0 =20");
    REQUIRE(out.warnings.size() == 1);
    CHECK(out.warnings[0].find("the greatest LAST_UPDATED is 2099-01-01") == 0);
    CHECK(s.mark() == "1767225620000000000");
    for (const std::string id : {"A1", "A2", "A3", "A4"}) {
      touch(id, now + " - interval '1 second'");
      CHECK(did(s.bench.run("topology")) == "merged +0 ~1 -0 =20");
    }
    // A writer's clock that is a little fast is nothing to tell of, and loses nothing.
    touch("A5", now + " + interval '5 seconds'");
    out = s.bench.run("topology");
    CHECK(did(out) == "merged +0 ~1 -0 =20");
    CHECK(out.warnings.empty());
    // A mark that was taken before this was seen to.
    s.bench.db.run("UPDATE gridlight.sync_watermark SET last_watermark = 4070908800000000000");
    touch("A6", now + " - interval '1 minute'");
    CHECK(did(s.bench.run("topology")) == "merged +0 ~1 -0 =20");
    CHECK(s.bench.last_run("mode") == "full");
    CHECK(std::stoll(s.mark()) < 4'000'000'000'000'000'000);
    CHECK(s.snow.db().value("SELECT string_agg(from_latitude::text, ' ' ORDER BY from_asset_id) FROM " +
                            s.snow.table("FLUX_OPS_CENTER_TOPOLOGY")) ==
          s.bench.db.value("SELECT string_agg(from_latitude::text, ' ' ORDER BY from_asset_id) FROM "
                           "topology_connections_cache"));
  }
}

TEST_CASE("watermark: it moves in the transaction of the rows, or not at all") {
  snow_sync s{marked};
  s.make_topology();
  s.connect(1, 10);
  s.bench.run("topology");
  const std::string mark = s.mark();
  s.connect(11, 20);
  sync::run_options old;
  old.token = s.bench.take_lease();
  s.bench.take_lease();
  CHECK(s.bench.fail("topology", old).find("another instance") != std::string::npos);
  CHECK(s.mark() == mark);
  CHECK(s.bench.db.value("SELECT last_status FROM gridlight.sync_watermark") == "error");
  CHECK(s.bench.db.value("SELECT count(*) FROM topology_connections_cache") == "10");
  s.bench.run("topology");
  CHECK(s.served_sum() == s.source_sum());
}

TEST_CASE("rows that cannot be counted after a run are not said to be none") {
  snow_sync s{marked};
  s.make_topology();
  s.connect(1, 100);
  s.bench.run("topology");
  s.connect(101, 101);
  // Somebody who wants the table for himself gets it when the run has committed.
  std::thread somebody;
  sync::run_options how;
  how.progress = [&](std::string_view phase, std::int64_t) {
    if (phase != "merging") return;
    somebody = std::thread{
        [&] { s.bench.db.run("BEGIN; LOCK TABLE topology_connections_cache; SELECT pg_sleep(4); COMMIT"); }};
    const std::string waits =
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = "
        "'topology_connections_cache'::regclass";
    while (s.bench.db.value(waits) != "1")
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
  };
  const auto out = s.bench.run("topology", how);
  somebody.join();
  CHECK(out.written() == 1);
  CHECK(!out.final_count);
  CHECK(sync::outcome_json(out) == R"({"status":"success","rows_synced":1,"final_count":null})");
  CHECK(s.bench.run("topology").final_count == 101);
}

TEST_CASE("times without a zone are refused until the plan says of which") {
  snow_sync s{"    topology: {mode: full}\n"};
  s.make_topology();
  s.connect(1, 10);
  CHECK(s.bench.fail("topology").find("LAST_UPDATED is a time without a zone: say in timezone") !=
        std::string::npos);
  s.bench.configure("    topology: {mode: full, timezone: '-06:00'}\n");
  s.bench.run("topology");
  CHECK(s.bench.db.value("SELECT min(last_updated) AT TIME ZONE 'UTC' FROM topology_connections_cache") ==
        "2026-01-01 06:00:01");
}

TEST_CASE("the built-in tables, on sources as the data model has them") {
  snow_sync s{
      "    topology: {timezone: UTC}\n    outages: {timezone: UTC}\n    work_orders: {timezone: UTC}\n"
      "    circuits: {timezone: UTC}\n"};
  s.make_topology();
  s.connect(1, 5);
  s.run(
      "CREATE TABLE OUTAGE_RESTORATION_TRACKER (OUTAGE_ID VARCHAR, CIRCUIT_ID VARCHAR, SUBSTATION_ID "
      "VARCHAR, OUTAGE_TYPE "
      "VARCHAR, CAUSE_CATEGORY VARCHAR, START_TIME TIMESTAMP_NTZ, ESTIMATED_RESTORATION TIMESTAMP_NTZ, "
      "ACTUAL_RESTORATION "
      "TIMESTAMP_NTZ, CUSTOMERS_AFFECTED NUMBER, CUSTOMERS_RESTORED NUMBER, STATUS VARCHAR, PRIORITY "
      "VARCHAR, "
      "CREW_ASSIGNED VARCHAR, LATITUDE FLOAT, LONGITUDE FLOAT, CREATED_AT TIMESTAMP_NTZ, UPDATED_AT "
      "TIMESTAMP_NTZ)");
  s.run(
      "INSERT INTO OUTAGE_RESTORATION_TRACKER (OUTAGE_ID, CIRCUIT_ID, STATUS, START_TIME, LATITUDE, "
      "LONGITUDE) VALUES "
      "('O1', 'C1', 'ACTIVE', '2020-01-01', 29, -95), ('O2', 'C1', 'RESTORED', '2020-01-01', 29, -95), "
      "('O3', 'C2', 'PENDING', '2026-01-01', 29, -95)");
  s.run(
      "CREATE TABLE WORK_ORDERS (WORK_ORDER_ID VARCHAR, WORK_ORDER_TYPE VARCHAR, PRIORITY VARCHAR, STATUS "
      "VARCHAR, "
      "ASSIGNED_CREW VARCHAR, CIRCUIT_ID VARCHAR, SUBSTATION_ID VARCHAR, TRANSFORMER_ID VARCHAR, DESCRIPTION "
      "VARCHAR, "
      "SCHEDULED_START TIMESTAMP_NTZ, SCHEDULED_END TIMESTAMP_NTZ, ACTUAL_START TIMESTAMP_NTZ, ACTUAL_END "
      "TIMESTAMP_NTZ, "
      "LATITUDE FLOAT, LONGITUDE FLOAT, CREATED_AT TIMESTAMP_NTZ, UPDATED_AT TIMESTAMP_NTZ)");
  s.run(
      "INSERT INTO WORK_ORDERS (WORK_ORDER_ID, STATUS, SCHEDULED_START) VALUES ('W1', 'DONE', '2020-01-01'), "
      "('W2', 'OPEN', '2020-01-01')");
  s.run(
      "CREATE TABLE CIRCUIT_METADATA (CIRCUIT_ID VARCHAR, CIRCUIT_NAME VARCHAR, SUBSTATION_ID VARCHAR, "
      "SUBSTATION_NAME "
      "VARCHAR, VOLTAGE_CLASS VARCHAR, STATUS VARCHAR, AVG_LOAD_PERCENT FLOAT, AVG_HEALTH_SCORE FLOAT, "
      "CUSTOMERS_SERVED "
      "NUMBER, CENTROID_LAT FLOAT, CENTROID_LON FLOAT, LAST_UPDATED TIMESTAMP_NTZ)");
  s.run(
      "INSERT INTO CIRCUIT_METADATA (CIRCUIT_ID, CIRCUIT_NAME, AVG_LOAD_PERCENT) VALUES ('C1', 'one', 10), "
      "('C3', 'three', "
      "90)");
  CHECK(did(s.bench.run("topology")) == "merged +5 ~0 -0 =5");
  CHECK(did(s.bench.run("outages")) == "merged +2 ~0 -0 =2");
  CHECK(did(s.bench.run("work_orders")) == "merged +1 ~0 -0 =1");
  CHECK(did(s.bench.run("circuits")) == "merged +2 ~0 -0 =2");
  CHECK(s.bench.db.value("SELECT string_agg(circuit_id || outage_count, ' ' ORDER BY circuit_id) FROM "
                         "circuit_status_realtime") == "C11 C30");
  CHECK(s.bench.db.value("SELECT string_agg(circuit_id || ' ' || condition, ', ' ORDER BY circuit_id) FROM "
                         "gridlight.circuit_condition") == "C1 outage, C2 outage, C3 critical");
  s.run("DELETE FROM OUTAGE_RESTORATION_TRACKER");
  CHECK(did(s.bench.run("outages")) == "merged +0 ~0 -2 =0");
  // Rows that are there, of which none comes: nothing is changed for that.
  s.run("DELETE FROM CIRCUIT_METADATA");
  CHECK(s.bench.fail("circuits").find("min_share") != std::string::npos);
}

TEST_CASE("what the source says wrong is an error that says so, and changes nothing") {
  snow_sync s{topology};
  CHECK(s.bench.fail("topology").find("does not exist") != std::string::npos);
  s.make_topology();
  s.connect(1, 50);
  s.bench.run("topology");
  s.run("ALTER TABLE FLUX_OPS_CENTER_TOPOLOGY DROP COLUMN TO_CIRCUIT_ID");
  CHECK(s.bench.fail("topology").find("the source has no column to_circuit_id") != std::string::npos);
  CHECK(s.bench.db.value("SELECT count(*) FROM topology_connections_cache") == "50");
}
