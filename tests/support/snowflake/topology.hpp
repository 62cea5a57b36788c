#pragma once

#include <string>

#include "tests/support/snowflake/source.hpp"

namespace gridlight::test {

/// `sync.snowflake` of a gridlight.yaml that reads from it, below a line `sync:`.
inline std::string snowflake_yaml(const snowflake_source& snow) {
  const auto setting = [](const std::string& key, const std::string& value) {
    std::string out = "    ";
    out.append(key).append(": '");
    for (const char c : value)
      out.append(c == '\'' ? 2 : 1, c);
    return out.append("'\n");
  };
  return "  snowflake:\n" + setting("host", snow.host()) + setting("port", std::to_string(snow.port())) +
         setting("account", snow.account()) + setting("user", snow.user()) +
         setting("private_key_file", snow.key_file()) + setting("ca_file", snow.ca_file()) +
         setting("warehouse", snow.warehouse()) + setting("role", snow.role()) +
         setting("database", snow.database()) + setting("schema", snow.schema());
}

/// The source of layer topology, its changes tracked.
inline void make_topology(snowflake_source& snow) {
  snow.run(
      "CREATE TABLE FLUX_OPS_CENTER_TOPOLOGY (FROM_ASSET_ID VARCHAR(40) NOT NULL, TO_ASSET_ID VARCHAR(40) "
      "NOT NULL, FROM_CIRCUIT_ID VARCHAR, TO_CIRCUIT_ID VARCHAR, FROM_LATITUDE FLOAT, FROM_LONGITUDE FLOAT, "
      "TO_LATITUDE FLOAT, TO_LONGITUDE FLOAT, CONNECTION_TYPE VARCHAR(20) NOT NULL, LAST_UPDATED "
      "TIMESTAMP_NTZ, PRIMARY KEY (FROM_ASSET_ID, TO_ASSET_ID, CONNECTION_TYPE)) CHANGE_TRACKING = TRUE");
}

/// Connections A1 to B1 and so on, from number `from` to `to`: each a millionth of a degree further north
/// than the last, of 29° north and 95° west.
inline void connect(const snowflake_source& snow, int from, int to) {
  snow.db().run(
      "SET search_path = \"gridlight.public\", public; INSERT INTO flux_ops_center_topology SELECT 'A' || "
      "n, 'B' || n, 'C' || n % 50, 'C' || n % 50, 29 + n * 1e-6, -95, 29 + n * 1e-6, -95.001, 'CABLE', "
      "'2026-01-01 00:00:00'::timestamp + n * interval '1 second' FROM generate_series(" +
      std::to_string(from) + ", " + std::to_string(to) + ") n");
}

}  // namespace gridlight::test
