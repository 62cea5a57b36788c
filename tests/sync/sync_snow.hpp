#pragma once

#include "tests/support/snowflake/source.hpp"
#include "tests/sync/sync_support.hpp"

namespace gridlight::test {

/// An emulated Snowflake, and a database that is kept from it.
struct snow_sync {
  snowflake_source snow;
  sync_bench bench;

  explicit snow_sync(const std::string& tables, snowflake::settings how = {}) : snow(std::move(how)) {
    bench.more = "  snowflake:\n" + setting("host", snow.host()) +
                 setting("port", std::to_string(snow.port())) + setting("account", snow.account()) +
                 setting("user", snow.user()) + setting("private_key_file", snow.key_file()) +
                 setting("ca_file", snow.ca_file()) + setting("warehouse", snow.warehouse()) +
                 setting("role", snow.role()) + setting("database", snow.database()) +
                 setting("schema", snow.schema());
    bench.configure(tables);
  }
  static std::string setting(const std::string& key, const std::string& value) {
    return "    " + key + ": " + in_quotes(value) + "\n";
  }
  void run(const std::string& sql) { snow.run(sql); }

  void make_topology() {
    run("CREATE TABLE FLUX_OPS_CENTER_TOPOLOGY (FROM_ASSET_ID VARCHAR(40) NOT NULL, TO_ASSET_ID VARCHAR(40) "
        "NOT NULL, "
        "FROM_CIRCUIT_ID VARCHAR, TO_CIRCUIT_ID VARCHAR, FROM_LATITUDE FLOAT, FROM_LONGITUDE FLOAT, "
        "TO_LATITUDE FLOAT, "
        "TO_LONGITUDE FLOAT, CONNECTION_TYPE VARCHAR(20) NOT NULL, LAST_UPDATED TIMESTAMP_NTZ, PRIMARY KEY "
        "(FROM_ASSET_ID, TO_ASSET_ID, CONNECTION_TYPE)) CHANGE_TRACKING = TRUE");
  }
  /// Rows numbered from…to.
  void connect(int from, int to) {
    snow.db().run(
        "SET search_path = \"gridlight.public\", public; INSERT INTO flux_ops_center_topology SELECT 'A' || "
        "n, 'B' "
        "|| n, 'C' || n % 50, 'C' || n % 50, 29 + n * 1e-6, -95, 29 + n * 1e-6, -95.001, 'CABLE', "
        "'2026-01-01 00:00:00'::timestamp + n * interval '1 second' FROM generate_series(" +
        std::to_string(from) + ", " + std::to_string(to) + ") n");
  }
  std::string source_sum() const {
    return snow.db().value(
        "SELECT count(*) || md5(string_agg(ROW(t.*)::text, '|' ORDER BY t::text COLLATE \"C\")) FROM "
        "\"gridlight.public\".flux_ops_center_topology t");
  }
  std::string served_sum() const {
    return bench.db.value(
        "SELECT count(*) || md5(string_agg(r::text, '|' ORDER BY r::text COLLATE \"C\")) FROM (SELECT "
        "ROW(from_asset_id, "
        "to_asset_id, from_circuit_id, to_circuit_id, from_latitude, from_longitude, to_latitude, "
        "to_longitude, "
        "connection_type, last_updated AT TIME ZONE 'UTC') AS r FROM topology_connections_cache) s");
  }
  std::string mark() const { return bench.db.value("SELECT last_watermark FROM gridlight.sync_watermark"); }
};

}  // namespace gridlight::test
