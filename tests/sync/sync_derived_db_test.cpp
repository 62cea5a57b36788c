#include <doctest/doctest.h>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::sync_bench;

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
