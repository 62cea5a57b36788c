#include <doctest/doctest.h>

#include "sync/load/load.hpp"
#include "sync/sync_command.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::sync_bench;

namespace {

// Three circuits of 20 assets each, and what the circuits say of themselves.
void make_sources(const test::temp_db& other) {
  other.run(
      "CREATE TABLE things AS SELECT 'A' || n AS asset_id, 'meter' AS asset_type, 29 + n * 0.001::float8 AS "
      "latitude, -95 + (n % 7) * 0.001::float8 AS longitude, 'C' || n % 3 AS circuit_id FROM "
      "generate_series(1, 60) n; "
      "CREATE TABLE circuits AS SELECT 'C' || n AS circuit_id, 'S' || n AS substation_id, 10 * n AS "
      "customers_served "
      "FROM generate_series(0, 2) n");
}
std::string tables(const test::temp_db& other) {
  const std::string from = ", connection: " + test::in_quotes(other.uri()) + "}\n";
  return "    assets: {mode: mirrored, source: public.things, columns: [asset_id, asset_type, latitude, "
         "longitude, "
         "circuit_id]" +
         from +
         "    circuits: {mode: mirrored, transform: SELECT * FROM public.circuits, min_share: 0, columns: "
         "[circuit_id, "
         "substation_id, "
         "customers_served]" +
         from;
}
std::string areas(const sync_bench& b) {
  return b.db.value(
      "SELECT string_agg(concat_ws(' ', circuit_id, substation_id, customer_count, asset_count), ', ' ORDER "
      "BY "
      "circuit_id) FROM circuit_service_areas");
}

}  // namespace

TEST_CASE("service areas follow the circuits that a run changes, and keep their shape") {
  test::temp_db other;
  make_sources(other);
  sync_bench b{tables(other)};
  b.run("assets");
  CHECK(areas(b) == "C0 20, C1 20, C2 20");
  b.run("circuits");
  CHECK(areas(b) == "C0 S0 0 20, C1 S1 10 20, C2 S2 20 20");
  const std::string version = b.version("service_areas");
  const std::string untouched = "SELECT xmin FROM circuit_service_areas WHERE circuit_id = 'C2'";
  const std::string before = b.db.value(untouched);
  other.run(
      "UPDATE circuits SET customers_served = 4242, substation_id = 'SUB-X' WHERE circuit_id = 'C1'; DELETE "
      "FROM "
      "circuits WHERE circuit_id = 'C0'");
  b.run("circuits");
  CHECK(areas(b) == "C0 20, C1 SUB-X 4242 20, C2 S2 20 20");
  CHECK(b.version("service_areas") == std::to_string(std::stoi(version) + 1));
  CHECK(b.db.value(untouched) == before);
  CHECK(b.db.value("SELECT bool_and(ST_Covers(s.geom, a.geom)) FROM grid_assets_cache a JOIN "
                   "circuit_service_areas s USING (circuit_id)") == "t");
  b.run("circuits");
  CHECK(b.version("service_areas") == std::to_string(std::stoi(version) + 1));
}

TEST_CASE(
    "service areas that could not follow do so with the next run, of whatever table, though it changes "
    "nothing") {
  test::temp_db other;
  make_sources(other);
  other.run("CREATE TABLE orders AS SELECT 'W1' AS work_order_id");
  sync_bench b{tables(other) +
               "    work_orders: {mode: mirrored, source: public.orders, where: 'true', columns: "
               "[work_order_id], connection: " +
               test::in_quotes(other.uri()) + "}\n"};
  b.run("work_orders");
  const std::string debts =
      "SELECT count(*) FROM gridlight.sync_watermark WHERE source_table LIKE '% of %' AND last_status = "
      "'error'";
  for (const std::string payer : {"circuits", "assets", "work_orders"}) {
    INFO(payer);
    b.db.run("ALTER TABLE circuit_service_areas ADD CONSTRAINT none CHECK (asset_count < 0) NOT VALID");
    const std::string before = areas(b);
    other.run(
        "UPDATE things SET latitude = latitude + 0.5, circuit_id = circuit_id || 'x'; UPDATE circuits SET "
        "circuit_id = circuit_id || 'x', customers_served = customers_served + 1");
    for (const std::string table : {"assets", "circuits"}) {
      const auto out = b.run(table);
      CHECK(out.written() > 0);
      REQUIRE(out.warnings.size() == 1);
      CHECK(out.warnings[0].find("the service areas are not yet made") == 0);
    }
    CHECK(areas(b) == before);
    CHECK(b.db.value(debts) == "2");
    b.db.run("ALTER TABLE circuit_service_areas DROP CONSTRAINT none");
    const auto paid = b.run(payer);
    CHECK(paid.did == "nothing changed");
    CHECK(paid.warnings.empty());
    CHECK(b.db.value(debts) == "0");
    CHECK(areas(b) != before);
    CHECK(b.db.value("SELECT bool_and(ST_Covers(s.geom, a.geom)) FROM grid_assets_cache a JOIN "
                     "circuit_service_areas s USING (circuit_id)") == "t");
    CHECK(
        b.db.value(
            "SELECT count(*) FROM circuit_service_areas s JOIN circuit_status_realtime c USING (circuit_id) "
            "WHERE s.customer_count = c.customers_served") == "3");
    const std::string version = b.version("service_areas");
    b.run(payer);
    CHECK(b.version("service_areas") == version);
  }
}

TEST_CASE("service areas follow the assets that a run changes, each circuit its own") {
  test::temp_db other;
  other.run(
      "CREATE TABLE things AS SELECT 'A' || n AS asset_id, CASE WHEN n % 2 = 0 THEN 'meter' ELSE "
      "'transformer' END AS "
      "asset_type, 29 + n * 0.001::float8 AS latitude, -95 + (n % 7) * 0.001::float8 AS longitude, 'C' || n "
      "% 3 AS "
      "circuit_id FROM generate_series(1, 60) n");
  sync_bench b{
      "    assets: {mode: mirrored, source: public.things, columns: [asset_id, asset_type, latitude, "
      "longitude, "
      "circuit_id], connection: " +
      test::in_quotes(other.uri()) + "}\n"};
  b.db.run(
      "INSERT INTO circuit_status_realtime (circuit_id, substation_id, customers_served) VALUES ('C1', 'S1', "
      "10)");
  b.run("assets");
  const std::string all =
      "SELECT string_agg(concat_ws(' ', circuit_id, substation_id, customer_count, asset_count, "
      "transformer_count, "
      "meter_count), ', ' ORDER BY circuit_id) FROM circuit_service_areas";
  CHECK(b.db.value(all) == "C0 20 10 10, C1 S1 10 20 10 10, C2 20 10 10");
  CHECK(b.db.value("SELECT bool_and(ST_Covers(s.geom, a.geom)) FROM grid_assets_cache a JOIN "
                   "circuit_service_areas s USING "
                   "(circuit_id)") == "t");
  const std::string version = b.version("service_areas");
  b.run("assets");
  CHECK(b.version("service_areas") == version);
  const std::string untouched = "SELECT xmin FROM circuit_service_areas WHERE circuit_id = 'C2'";
  const std::string before = b.db.value(untouched);
  other.run(
      "UPDATE things SET latitude = 40 WHERE asset_id = 'A1'; DELETE FROM things WHERE circuit_id = 'C0' AND "
      "asset_id > 'A3'");
  sync::run_options shrink;
  shrink.allow_shrink = true;
  b.run("assets", shrink);
  CHECK(b.version("service_areas") == std::to_string(std::stoi(version) + 1));
  CHECK(b.db.value("SELECT ST_YMax(geom) FROM circuit_service_areas WHERE circuit_id = 'C1'") == "40");
  CHECK(b.db.value(untouched) == before);
}

TEST_CASE("service areas follow a rollback of assets and of circuits") {
  test::temp_db other;
  make_sources(other);
  other.run(
      "INSERT INTO circuits SELECT 'D' || n FROM generate_series(1, 2000) n; INSERT INTO things SELECT 'B' "
      "|| n, "
      "'meter', 30, -94, 'C1' FROM generate_series(1, 2000) n");
  sync_bench b{};
  // Tables are replaced by those that are read in full.
  for (const auto& [from, to] :
       {std::pair{"things", "grid_assets_cache"}, {"circuits", "circuit_status_realtime"}})
    for (const auto& column :
         b.db.rows("SELECT format('ALTER TABLE %I ADD IF NOT EXISTS %I %s', '" + std::string{from} +
                   "', attname, format_type(atttypid, atttypmod)) FROM pg_attribute WHERE attrelid = "
                   "'" +
                   to + "'::regclass AND attnum > 0 AND attgenerated = ''"))
      other.run(column.at(0));
  const std::string from = ", min_share: 0, connection: " + test::in_quotes(other.uri()) + "}\n";
  b.configure("    assets: {mode: mirrored, source: public.things" + from +
              "    circuits: {mode: mirrored, transform: SELECT * FROM public.circuits" + from);
  b.run("assets");
  b.run("circuits");
  const std::string before = areas(b);
  other.run("UPDATE circuits SET customers_served = 7; UPDATE things SET circuit_id = 'C2', latitude = 31");
  for (const std::string table : {"assets", "circuits"})
    CHECK(b.run(table).did == "swapped");
  CHECK(areas(b) == "C2 S2 7 2060");
  const auto roll_back = [&](const std::string& layer) {
    sync::rollback_options options;
    options.layer = layer;
    options.yes = true;
    return test::printed([&] { return sync::run_rollback(b.settings, options); }, 0);
  };
  roll_back("assets");
  CHECK(areas(b) == "C0 S0 7 20, C1 S1 7 2020, C2 S2 7 20");
  CHECK(b.db.value("SELECT bool_and(ST_Covers(s.geom, a.geom)) FROM grid_assets_cache a JOIN "
                   "circuit_service_areas s USING (circuit_id)") == "t");
  b.db.run("ALTER TABLE circuit_service_areas ADD CONSTRAINT none CHECK (asset_count < 0) NOT VALID");
  CHECK(roll_back("circuits").find("gridlight rollback: the service areas are not yet made") !=
        std::string::npos);
  b.db.run("ALTER TABLE circuit_service_areas DROP CONSTRAINT none");
  CHECK(areas(b) != before);
  b.run("assets", {.full = false, .allow_shrink = true});
  CHECK(b.db.value("SELECT string_agg(DISTINCT customer_count::text, ',') FROM circuit_service_areas") ==
        "20");
}

TEST_CASE("service areas follow what is loaded from files; what could not be made is by the next load") {
  const test::temp_db other;
  sync_bench b{tables(other)};
  test::temp_folder folder;
  const auto load = [&](const std::string& layer, const std::string& rows) {
    const std::string path = (folder.path() / "rows.csv").string();
    std::ofstream{path} << rows;
    sync::load_options options;
    options.files = {path};
    options.layer = layer;
    options.yes = options.allow_shrink = true;
    return test::printed([&] { return sync::run_load(b.settings, options); }, 0);
  };
  load("assets",
       "asset_id,asset_type,latitude,longitude,circuit_id\nA1,meter,29,-95,C1\nA2,meter,29.5,-95,C1\n");
  CHECK(areas(b) == "C1 2");
  load("circuits", "circuit_id,substation_id,customers_served\nC1,S1,8\n");
  CHECK(areas(b) == "C1 S1 8 2");
  b.db.run("ALTER TABLE circuit_service_areas ADD CONSTRAINT none CHECK (asset_count < 0) NOT VALID");
  const std::string one = "asset_id,asset_type,latitude,longitude,circuit_id\nA1,meter,29,-95,C2\n";
  CHECK(load("assets", one).find("gridlight load: the service areas are not yet made") != std::string::npos);
  CHECK(areas(b) == "C1 S1 8 2");
  b.db.run("ALTER TABLE circuit_service_areas DROP CONSTRAINT none");
  load("circuits", "circuit_id,substation_id,customers_served\nC2,S2,9\n");
  CHECK(areas(b) == "C2 S2 9 1");
}
