#include <doctest/doctest.h>

#include "tests/sync/changes_support.hpp"

using namespace gridlight;
using test::last;
using test::migrate;
using test::version;

namespace {

using table = std::vector<std::vector<std::string>>;

const std::string good =
    "INSERT INTO circuit_status_realtime (circuit_id, avg_load_percent, avg_health_score)"
    " VALUES ('c1', 40, 90), ('c2', 40, 90)";
const std::string features =
    "INSERT INTO topology_connections_cache (from_asset_id, to_asset_id, connection_type, from_circuit_id,"
    " to_circuit_id, from_longitude, from_latitude, to_longitude, to_latitude) VALUES"
    " ('a', 'b', 't', 'c1', 'c1', 1, 1, 2, 2), ('b', 'c', 't', 'c1', 'c2', 3, 3, 4, 4);"
    "INSERT INTO grid_power_lines (line_id, circuit_id, geom) VALUES"
    " ('l', 'c2', ST_GeomFromText('LINESTRING(5 5, 6 6)', 4326))";

std::string box(int from, int to) {
  const std::string a = std::to_string(from), b = std::to_string(to);
  return "((" + a + " " + a + "," + a + " " + b + "," + b + " " + b + "," + b + " " + a + "," + a + " " + a +
         "))";
}

std::string condition(const test::temp_db& db, const std::string& circuit) {
  return db.value("SELECT condition FROM gridlight.circuit_condition WHERE circuit_id = '" + circuit + "'");
}

}  // namespace

TEST_CASE(
    "a circuit's condition is its load's, its health's and its outages' class; only another class is a "
    "change") {
  const test::temp_db db;
  migrate(db);
  db.run(features);
  db.run(good);
  CHECK(condition(db, "c1") == "good");
  const std::int64_t start = version(db, "circuit_condition");
  const std::string of_c1 = "MULTIPOLYGON(" + box(1, 2) + "," + box(3, 4) + ")";
  db.run("UPDATE circuit_status_realtime SET avg_load_percent = avg_load_percent + 20");
  CHECK(version(db, "circuit_condition") == start);
  CHECK(version(db, "circuits") == 3);
  db.run("UPDATE circuit_status_realtime SET avg_load_percent = 70.5 WHERE circuit_id = 'c1'");
  CHECK(condition(db, "c1") == "warning");
  CHECK(version(db, "circuit_condition") == start + 1);
  CHECK(last(db, "circuit_condition") == of_c1);
  db.run(
      "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o', 'c1', NULL), "
      "('p', 'c1', 'ACTIVE')");
  CHECK(condition(db, "c1") == "outage");
  CHECK(last(db, "circuit_condition") == of_c1);
  db.run("UPDATE outage_restoration_tracker SET status = 'RESTORED' WHERE outage_id = 'o'");
  db.run("UPDATE circuit_status_realtime SET avg_load_percent = 99 WHERE circuit_id = 'c1'");
  CHECK(version(db, "circuit_condition") == start + 2);
  db.run("DELETE FROM outage_restoration_tracker");
  CHECK(condition(db, "c1") == "critical");
  CHECK(version(db, "circuit_condition") == start + 3);
  // There and back in one transaction is no change.
  db.run(
      "BEGIN; UPDATE circuit_status_realtime SET avg_health_score = 10; UPDATE circuit_status_realtime SET"
      " avg_health_score = 90; COMMIT");
  CHECK(version(db, "circuit_condition") == start + 3);
  db.run("TRUNCATE circuit_status_realtime");
  CHECK(condition(db, "c1") == "unknown");
  CHECK(last(db, "circuit_condition") ==
        "MULTIPOLYGON(" + box(1, 2) + "," + box(3, 4) + "," + box(5, 6) + ")");
  CHECK(db.value("SELECT count(*) FROM gridlight.circuit_touched") == "0");
}

TEST_CASE("the limits are those of the API") {
  const test::temp_db db;
  migrate(db);
  CHECK(
      db.rows(
          "SELECT gridlight.judge(NULL, NULL), gridlight.judge('NaN', 'Infinity'), gridlight.judge(70, 70),"
          " gridlight.judge(70.1, NULL), gridlight.judge(NULL, 69.9), gridlight.judge(85, 50), "
          "gridlight.judge(85.1, 99),"
          " gridlight.judge(1, 49.9), gridlight.judge('NaN', 90)") ==
      table{{"unknown", "unknown", "good", "warning", "warning", "warning", "critical", "critical", "good"}});
}

TEST_CASE("a database of the schema before, with rows, is brought up with its conditions") {
  const test::temp_db db;
  migrate(db, sync::known_migrations().first(4));
  db.run(features);
  db.run(good);
  db.run(
      "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o', 'c2', 'ACTIVE');"
      "DROP TABLE osm_water; DROP TABLE vegetation_risk; CREATE TABLE vegetation_risk (other int)");
  migrate(db);
  CHECK(db.rows("SELECT * FROM gridlight.circuit_condition ORDER BY 1") ==
        table{{"c1", "good"}, {"c2", "outage"}});
  CHECK(version(db, "circuits") == 1);
  CHECK(db.value("SELECT count(*) FROM gridlight.watched") == "13");
  db.run("UPDATE circuit_status_realtime SET avg_load_percent = 99");
  CHECK(condition(db, "c1") == "critical");
  db.run(
      "INSERT INTO ami_realtime SELECT WHERE false; CREATE TABLE ami_now PARTITION OF ami_realtime FOR "
      "VALUES FROM"
      " ('2020-01-01') TO ('2020-01-02'); INSERT INTO ami_realtime VALUES ('m', '2020-01-01 10:00+00', 1, "
      "1)");
  CHECK(last(db, "ami") == "POLYGON EMPTY");
}

TEST_CASE("circuits and service areas are touched by their circuit's condition, as lines are") {
  const test::temp_db db;
  const auto add = [&] {
    db.run(
        "INSERT INTO circuit_status_realtime (circuit_id, avg_load_percent, avg_health_score, centroid_lon, "
        "centroid_lat) VALUES ('c1', 40, 90, 7, 8), ('c2', 40, 90, 1, 1);"
        "INSERT INTO circuit_service_areas (circuit_id, geom) VALUES ('c1', ST_MakeEnvelope(10, 10, 12, 12, "
        "4326)), ('c2', ST_MakeEnvelope(20, 20, 21, 21, 4326))");
  };
  const auto newest = sync::known_migrations();
  SUBCASE("in a new database") {
    migrate(db);
    add();
  }
  SUBCASE("in one that was brought up, where what was drawn before is drawn anew") {
    migrate(db, newest.first(7));
    add();
    const std::int64_t before = version(db, "circuit_condition");
    const std::int64_t of_circuits = version(db, "circuits");
    migrate(db);
    CHECK(version(db, "circuit_condition") == before + 1);
    CHECK(last(db, "circuit_condition") == "everything");
    CHECK(version(db, "circuits") == of_circuits);
  }
  const std::int64_t start = version(db, "circuit_condition");
  db.run(
      "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o', 'c1', 'ACTIVE')");
  CHECK(version(db, "circuit_condition") == start + 1);
  CHECK(last(db, "circuit_condition") ==
        "MULTIPOLYGON(((7 8,7 8,7 8,7 8,7 8)),((10 10,10 12,12 12,12 10,10 10)))");
}
