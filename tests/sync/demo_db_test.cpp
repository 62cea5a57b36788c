#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/demo/demo_data.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight;
using namespace gridlight::sync;

namespace {

config settings_for(const test::temp_db& db) {
  config settings;
  settings.postgres.uri = secret{db.uri()};
  return settings;
}

struct outcome {
  int code;
  std::string said;
};

// What a command says through the streams.
template <class Command>
outcome listen(Command command) {
  std::ostringstream said;
  std::streambuf* const out = std::cout.rdbuf(said.rdbuf());
  std::streambuf* const err = std::cerr.rdbuf(said.rdbuf());
  const int code = command();
  std::cout.rdbuf(out);
  std::cerr.rdbuf(err);
  return {code, said.str()};
}

outcome migrate(const test::temp_db& db) {
  return listen([&] { return run_migrate(settings_for(db), {}); });
}

outcome demo(const test::temp_db& db, demo_options options) {
  return listen([&] { return run_demo_data(settings_for(db), options); });
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// Every row of every layer as one checksum.
std::string checksum(const test::temp_db& db) {
  std::string sums;
  for (const auto& row :
       db.rows("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind ="
               " 'r' AND relname <> 'spatial_ref_sys' ORDER BY 1"))
    sums += db.value("SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM " + row[0] +
                     " t") +
            " ";
  return sums;
}

}  // namespace

TEST_CASE("demo-data fills every layer with sound geometry, linked ids and figures that agree") {
  const test::temp_db db;
  REQUIRE(migrate(db).code == 0);
  const outcome made = demo(db, {.scale = 0.02, .seed = 3});
  REQUIRE_MESSAGE(made.code == 0, made.said);
  CHECK(has(made.said, "buildings: 53,414 rows"));

  const auto none = [&](const std::string& what, const std::string& sql) {
    CAPTURE(what);
    CHECK(db.value("SELECT count(*) FROM " + sql) == "0");
  };
  none("invalid buildings", "building_footprints WHERE NOT ST_IsValid(geom)");
  none("invalid water", "osm_water WHERE NOT ST_IsValid(geom) OR acres <= 0");
  none("invalid hulls", "circuit_service_areas WHERE geom IS NULL OR NOT ST_IsValid(geom)");
  none("buildings in each other",
       "building_footprints a JOIN building_footprints b ON a.geom && b.geom AND"
       " a.building_id < b.building_id AND ST_Intersects(a.geom, b.geom)");
  none("buildings in water", "building_footprints a JOIN osm_water b ON ST_Intersects(a.geom, b.geom)");
  none("lines through buildings",
       "building_footprints a JOIN grid_power_lines b ON ST_Intersects(a.geom, b.geom) AND"
       " b.voltage_class <> 'HIGH'");
  none("trees at another distance",
       "vegetation_risk v LEFT JOIN grid_power_lines l ON l.line_id = v.nearest_line_id"
       " WHERE l.line_id IS NULL OR abs(ST_Distance(v.geom::geography, l.geom::geography)"
       " - v.distance_to_line_m) > 0.1");
  none("trees with a nearer line",
       "vegetation_risk v WHERE EXISTS (SELECT FROM grid_power_lines l WHERE l.line_id <>"
       " v.nearest_line_id AND ST_DWithin(l.geom::geography, v.geom::geography,"
       " v.distance_to_line_m - 0.1))");
  none("meters without transformer",
       "meter_locations_enhanced m LEFT JOIN transformers t USING (transformer_id)"
       " WHERE t.feeder_id IS DISTINCT FROM m.circuit_id");
  none("customers without meter",
       "customers_spatial c LEFT JOIN meter_locations_enhanced m USING (meter_id)"
       " WHERE m.transformer_id IS DISTINCT FROM c.transformer_id");
  none("connections that end nowhere",
       "topology_connections_cache t LEFT JOIN grid_assets_cache a ON a.asset_id ="
       " t.from_asset_id LEFT JOIN grid_assets_cache b ON b.asset_id = t.to_asset_id"
       " WHERE NOT ST_Equals(ST_MakeLine(a.geom, b.geom), t.geom) OR a IS NULL OR b IS NULL");
  none("outage counts that disagree",
       "circuit_status_realtime c WHERE outage_count <> (SELECT count(*) FROM"
       " outage_restoration_tracker o WHERE o.circuit_id = c.circuit_id AND o.status <>"
       " 'RESTORED')");
  none("risk that grows with distance",
       "vegetation_risk a JOIN vegetation_risk b ON a.distance_to_line_m -"
       " a.canopy_radius_m > b.distance_to_line_m - b.canopy_radius_m AND"
       " a.risk_level = 'critical' AND b.risk_level <> 'critical'");
  CHECK(db.value("SELECT count(DISTINCT risk_level) FROM vegetation_risk") == "4");
  CHECK(db.value("SELECT count(DISTINCT status) FROM outage_restoration_tracker") == "5");
  CHECK(db.value("SELECT count(DISTINCT status) FROM work_orders") == "5");
  CHECK(
      db.value(
          "SELECT count(*) > 0 FROM customers_spatial WHERE full_name LIKE '%ñ%' OR full_name LIKE '%''%'") ==
      "t");
  CHECK(
      db.value(
          "SELECT count(DISTINCT s) FROM (SELECT CASE WHEN bool_or(avg_load_percent > 85 OR avg_health_score "
          "< 50)"
          " THEN 'c' WHEN bool_or(avg_load_percent > 70 OR avg_health_score < 70) THEN 'w'"
          " WHEN count(avg_load_percent) = 0 THEN 'u' ELSE 'g' END AS s FROM circuit_status_realtime GROUP BY"
          " substation_id) q") == "4");
}

TEST_CASE("demo-data states what it wrote: counts, bounds, versions, a mark; and keeps indexes and grants") {
  const test::temp_db db;
  REQUIRE(migrate(db).code == 0);
  const std::string indexes =
      "SELECT string_agg(indexdef, '|' ORDER BY indexdef) FROM pg_indexes WHERE schemaname = 'public'";
  const std::string before = db.value(indexes);
  const std::string constraints =
      "SELECT string_agg(conrelid::regclass || conname || pg_get_constraintdef(oid), '|' ORDER BY"
      " conname) FROM pg_constraint WHERE connamespace = 'public'::regnamespace";
  const std::string constraints_before = db.value(constraints);
  db.run("GRANT SELECT ON public.transformers TO PUBLIC");
  REQUIRE(demo(db, {.scale = 0.002, .seed = 5}).code == 0);

  CHECK(db.value(indexes) == before);
  CHECK(db.value(constraints) == constraints_before);
  CHECK(db.value("SELECT reloptions::text FROM pg_class WHERE relname = 'circuit_status_realtime'") ==
        "{fillfactor=70}");
  CHECK(db.value("SELECT has_table_privilege('pg_monitor', 'public.transformers', 'SELECT')") == "t");
  CHECK(db.value("SELECT has_table_privilege('pg_monitor', 'public.meter_locations_enhanced', 'SELECT')") ==
        "f");
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_state WHERE version = 2 AND row_count > 0 AND bounds "
                 "IS NOT NULL") == "14");
  CHECK(db.value("SELECT row_count = (SELECT count(*) FROM topology_connections_cache) FROM "
                 "gridlight.layer_state WHERE"
                 " layer = 'topology'") == "t");
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE version = 2") == "15");
  CHECK(db.value("SELECT count(*) FROM pg_trigger WHERE tgfoid = 'gridlight.note_change'::regproc") == "60");
  CHECK(db.value("SELECT bool_and(s.version = (d.versions ->> s.layer)::bigint) FROM gridlight.layer_state s,"
                 " gridlight.demo_data d WHERE d.versions ? s.layer") == "t");
  CHECK(db.value(
            "SELECT count(*) FROM circuit_status_realtime c LEFT JOIN gridlight.circuit_condition k USING"
            " (circuit_id) WHERE k.condition IS DISTINCT FROM CASE WHEN EXISTS (SELECT FROM"
            " outage_restoration_tracker o WHERE o.circuit_id = c.circuit_id AND o.status <> 'RESTORED') THEN"
            " 'outage' ELSE gridlight.judge(avg_load_percent, avg_health_score) END") == "0");
  CHECK(db.rows("SELECT scale, seed FROM gridlight.demo_data") ==
        std::vector<std::vector<std::string>>{{"0.002", "5"}});
  CHECK(db.value("SELECT to_regnamespace('gridlight_demo') IS NULL") == "t");
  CHECK(db.value("SELECT reltuples > 0 FROM pg_class WHERE relname = 'building_footprints'") == "t");
}

TEST_CASE("the same seed gives the same rows, in any database; a second run replaces the first") {
  const test::temp_db one, two;
  REQUIRE(migrate(one).code == 0);
  REQUIRE(migrate(two).code == 0);
  REQUIRE(demo(one, {.scale = 0.003, .seed = 1}).code == 0);
  REQUIRE(demo(one, {.scale = 0.001, .seed = 9, .yes = true}).code == 0);
  REQUIRE(demo(two, {.scale = 0.001, .seed = 9}).code == 0);
  CHECK(checksum(one) == checksum(two));
  CHECK(one.value("SELECT count(*) FROM substations") == "1");
}

TEST_CASE("demo-data --if-empty fills what is empty, and leaves what is not") {
  const test::temp_db db;
  REQUIRE(migrate(db).code == 0);
  REQUIRE(demo(db, {.scale = 0.001, .seed = 9, .if_empty = true}).code == 0);
  db.run("UPDATE substations SET substation_name = 'mine'");
  const auto before = checksum(db);
  CHECK(demo(db, {.scale = 0.001, .seed = 8, .if_empty = true}).code == 0);
  CHECK(checksum(db) == before);
}

TEST_CASE("demo-data refuses rows that it did not write, unless told to overwrite them") {
  const test::temp_db db;
  const outcome bare = demo(db, {.scale = 0.001});
  CHECK(bare.code == 1);
  CHECK(has(bare.said, "gridlight migrate"));

  REQUIRE(migrate(db).code == 0);
  db.run("INSERT INTO osm_water (id) VALUES (1)");
  const outcome refused = demo(db, {.scale = 0.001});
  CHECK(refused.code == 1);
  CHECK(has(refused.said, "demo-data did not write: water (1 rows);"));
  CHECK(has(refused.said, "--overwrite"));
  CHECK(demo(db, {.scale = 0.001, .yes = true}).code == 1);
  CHECK(db.value("SELECT count(*) FROM osm_water") == "1");
  CHECK(demo(db, {.scale = 0.001, .yes = true, .overwrite = true}).code == 0);

  db.run("INSERT INTO substations (substation_id) VALUES ('by hand')");
  CHECK(has(demo(db, {.scale = 0.001, .yes = true}).said, "substations ("));
  db.run("DELETE FROM substations WHERE substation_id = 'by hand'");
  db.run("UPDATE gridlight.layer_state SET version = version + 1 WHERE layer = 'meters'");
  CHECK(has(demo(db, {.scale = 0.001, .yes = true}).said, "meters ("));
}

TEST_CASE("demo-data checks its scale before it connects, and leaves the old rows when it cannot swap") {
  for (const double scale : {0.0, -1.0, 0.0009, 1.01, std::numeric_limits<double>::quiet_NaN()})
    CHECK(listen([&] { return run_demo_data(config{}, {.scale = scale}); }).code == 2);

  const test::temp_db db;
  REQUIRE(migrate(db).code == 0);
  REQUIRE(demo(db, {.scale = 0.001, .seed = 1}).code == 0);
  const std::string before = checksum(db);
  db.run("CREATE VIEW public.ours AS SELECT * FROM public.transformers");
  const outcome stuck = demo(db, {.scale = 0.002, .seed = 2, .yes = true});
  CHECK(stuck.code == 1);
  CHECK(has(stuck.said, "ours"));
  CHECK(db.value("SELECT to_regnamespace('gridlight_demo') IS NULL") == "t");
  db.run("DROP VIEW public.ours");
  CHECK(checksum(db) == before);
}
