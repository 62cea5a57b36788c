#include <doctest/doctest.h>

#include <sstream>

#include "sync/sync_command.hpp"
#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::did;
using test::printed;
using test::snow_sync;

TEST_CASE("what discover prints makes tables, and keeps them") {
  snow_sync s{"    topology: {timezone: UTC}\n"};
  s.run(
      "CREATE TABLE POLES (POLE_ID NUMBER(12,0) NOT NULL, HEIGHT NUMBER(6,2), MADE_OF VARCHAR, IN_USE "
      "BOOLEAN, SET_ON DATE, "
      "UPDATED_AT TIMESTAMP_NTZ, PLACE GEOGRAPHY, MORE VARIANT)");
  s.snow.db().run("INSERT INTO " + s.snow.table("POLES") +
                  " VALUES (1, 12.5, 'wood', true, '2001-02-03', '2026-01-01 00:00:01', 'POINT(-95 29)', "
                  "'{\"a\": [1, null]}'), "
                  "(2, NULL, NULL, NULL, NULL, '2026-01-01 00:00:02', NULL, NULL)");
  const std::string text = printed([&] { return sync::run_sync_discover(s.bench.settings, {}); }, 0);
  INFO(text);
  // The DDL, without its comment marks, runs; the YAML is a configuration.
  std::istringstream lines{text};
  std::string ddl, yaml;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# CREATE") || line.starts_with("#   "))
      ddl += line.substr(2) + "\n";
    else if (line.starts_with("    "))
      yaml += line + "\n";
  }
  s.bench.db.run(ddl);
  s.bench.configure(yaml);
  CHECK(s.bench.plans.at(0).mode() == sync_mode::watermark);
  CHECK(did(s.bench.run("poles")) == "merged +2 ~0 -0 =2");
  CHECK(s.bench.db.value(
            "SELECT concat_ws(' ', pole_id, height, made_of, in_use, set_on, updated_at AT TIME ZONE 'UTC', "
            "ST_AsText(place), more) FROM poles WHERE pole_id = 1") ==
        "1 12.50 wood t 2001-02-03 2026-01-01 00:00:01 POINT(-95 29) {\"a\": [1, null]}");
  CHECK(did(s.bench.run("poles")) == "nothing changed +0 ~0 -0 =2");
  CHECK(printed([&] { return sync::run_sync_discover(s.bench.settings, {"NOWHERE"}); }, 1).find("NOWHERE") !=
        std::string::npos);
}

TEST_CASE("discover: names that want quotes, two that become one, and a table that cannot be described") {
  snow_sync s{"    topology: {timezone: UTC}\n"};
  const std::string columns = " (ID NUMBER(12,0) NOT NULL, WHAT VARCHAR)";
  for (const char* name : {"\"mIXED cASE\"", "POLES", "\"poles\""})
    s.run("CREATE TABLE " + std::string{name} + columns);
  s.run("INSERT INTO \"mIXED cASE\" (ID, WHAT) VALUES (1, 'one')");
  s.run("INSERT INTO POLES (ID, WHAT) VALUES (1, 'upper')");
  s.run("INSERT INTO \"poles\" (ID, WHAT) VALUES (1, 'lower')");
  s.snow.db().run("CREATE VIEW " + s.snow.table("BROKEN") + " AS SELECT 1 / 0 AS a");
  const std::string text = printed([&] { return sync::run_sync_discover(s.bench.settings, {}); }, 1);
  INFO(text);
  CHECK(text.find("# BROKEN: it could not be described\n") != std::string::npos);
  CHECK(text.find("gridlight sync discover: ") != std::string::npos);
  CHECK(text.find("      source: '\"mIXED cASE\"'\n") != std::string::npos);
  std::istringstream lines{text};
  std::string ddl, yaml;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# CREATE") || line.starts_with("#   "))
      ddl += line.substr(2) + "\n";
    else if (line.starts_with("    "))
      yaml += line + "\n";
  }
  s.bench.db.run(ddl);
  s.bench.configure(yaml);
  for (const std::string name : {"mixed_case", "poles", "poles_2"})
    CHECK(did(s.bench.run(name)) == "merged +1 ~0 -0 =1");
  CHECK(s.bench.db.value(
            "SELECT string_agg(what, ' ' ORDER BY what) FROM (SELECT what FROM mixed_case UNION ALL SELECT "
            "what FROM poles UNION ALL SELECT what FROM poles_2) t") == "lower one upper");
}

TEST_CASE("a named zone of times without one is Snowflake's to know") {
  snow_sync s{"    topology: {mode: full, timezone: America/Chicago}\n"};
  s.make_topology();
  s.connect(1, 1);
  s.snow.db().run("UPDATE " + s.snow.table("FLUX_OPS_CENTER_TOPOLOGY") +
                  " SET last_updated = '2026-07-01 12:00'");
  s.bench.run("topology");
  CHECK(s.bench.db.value("SELECT last_updated AT TIME ZONE 'UTC' FROM topology_connections_cache") ==
        "2026-07-01 17:00:00");
}
