#pragma once

#include "tests/support/snowflake/topology.hpp"
#include "tests/sync/sync_support.hpp"

namespace gridlight::test {

/// An emulated Snowflake, and a database that is kept from it.
struct snow_sync {
  snowflake_source snow;
  sync_bench bench;

  explicit snow_sync(const std::string& tables, snowflake::settings how = {}) : snow(std::move(how)) {
    bench.more = snowflake_yaml(snow);
    bench.configure(tables);
  }
  void run(const std::string& sql) { snow.run(sql); }

  void make_topology() { test::make_topology(snow); }
  void connect(int from, int to) const { test::connect(snow, from, to); }
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
