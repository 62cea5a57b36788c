// The keeper of the generalised tables in `gridlight serve`.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_cluster.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/text.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr const char* layers_yaml = R"(
layers:
  spots: {key: id, geometry_type: point, properties: [name], tiles: {detail: 12}}
  wires: {key: id, geometry_type: line, properties: [circuit], circuit: circuit, tiles: {detail: 11}}
  places: {key: id, geometry_type: point, properties: [name]}
)";

std::string written(const temp_folder& folder) {
  const auto file = folder.path() / "gridlight.yaml";
  std::ofstream{file} << layers_yaml;
  return file.string();
}

bool comes_true(std::chrono::milliseconds timeout, const std::function<bool()>& holds) {
  const auto start = steady_clock::now();
  while (!holds()) {
    if (steady_clock::now() - start > timeout) return false;
    std::this_thread::sleep_for(10ms);
  }
  return true;
}

double ms_since(steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

// Some thousand spots and wires, watched.
std::string tables_sql(int spots) {
  std::string sql =
      "CREATE TABLE spots (id text PRIMARY KEY, name text, geom geometry(Point, 4326));"
      "CREATE TABLE wires (id text PRIMARY KEY, circuit text, geom geometry(LineString, 4326));"
      "CREATE TABLE places (id text PRIMARY KEY, name text, geom geometry(Point, 4326));"
      "INSERT INTO spots SELECT 's' || i, 'name ' || i, ST_SetSRID(ST_MakePoint("
      "-95.5 + (i % 977) * 0.0005, 29.6 + (i % 1009) * 0.0005), 4326) FROM generate_series(1, " +
      std::to_string(spots) +
      ") i;"
      "INSERT INTO wires SELECT 'w' || i, 'c' || i % 20, ST_SetSRID(ST_MakeLine(ST_MakePoint("
      "-95.5 + (i % 97) * 0.005, 29.6 + (i % 101) * 0.005), ST_MakePoint(-95.49 + (i % 97) * 0.005,"
      "29.605 + (i % 101) * 0.005)), 4326) FROM generate_series(1, 2000) i;"
      "INSERT INTO places VALUES ('p', 'one', ST_SetSRID(ST_MakePoint(-95.3, 29.7), 4326));";
  for (const char* layer : {"spots", "wires", "places"}) {
    const std::string name = layer;
    sql += "CREATE INDEX ON " + name +
           " USING gist (geom);"
           "INSERT INTO gridlight.layer_state (layer, version, changed_at) VALUES ('" +
           name +
           "', 1, now());"
           "SELECT gridlight.watch('" +
           name + "', '" + name + "', 'geom');";
  }
  return sql;
}

struct world {
  explicit world(int spots = 5000) {
    const auto done = run_gridlight("--database-url '" + db.uri() + "' migrate 2>&1");
    REQUIRE_MESSAGE(done.status == 0, done.output);
    db.run(tables_sql(spots));
  }
  server_process::options options(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"--config", file};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return {.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}}, .arguments = std::move(arguments)};
  }
  /// All tables are of the layers' versions.
  bool current() const {
    return db.value(
               "SELECT count(*) FROM gridlight.tile_state JOIN gridlight.layer_state USING (layer, "
               "version)") == "2";
  }
  bool has(const std::string& sql) const { return db.value("SELECT EXISTS (" + sql + ")") == "t"; }
  std::string built_at(const std::string& layer) const {
    return db.value("SELECT built_at FROM gridlight.tile_state WHERE layer = '" + layer + "'");
  }
  /// Nothing of a build that was given up.
  void check_no_remains() const {
    CHECK(
        db.value(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'gridlight_tiles'::regnamespace AND relname "
            "LIKE '%.n%'") == "0");
    CHECK(comes_true(3s, [&] {
      return db.value(
                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                 "application_name = 'gridlight tiles'") == "0";
    }));
  }
  /// A build of 'wires' waits here, as one that takes long.
  std::string slow_sql(int seconds) const {
    return "DROP TABLE IF EXISTS gridlight_tiles.wires; DELETE FROM gridlight.tile_state WHERE layer = "
           "'wires';"
           "CREATE TYPE slow_text AS (v text);"
           "CREATE FUNCTION slow(slow_text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM "
           "pg_sleep(" +
           std::to_string(seconds) +
           "); RETURN $1.v; END $$;"
           "CREATE CAST (slow_text AS text) WITH FUNCTION slow(slow_text);"
           "ALTER TABLE wires ALTER circuit TYPE slow_text USING ROW(circuit)::slow_text;";
  }

  temp_folder folder;
  std::string file = written(folder);
  temp_db db;
};

int status_of(const server_process& server, const std::string& path) {
  return http_client{server.url()}.get(path).status;
}

constexpr const char* tile_path = "/api/postgres/tiles/spots/8/60/105";

}  // namespace

TEST_CASE("tiles keeper: what is missing is made at the start, and repaired within a second of a change") {
  world w;
  server_process server{w.options()};
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  CHECK_FALSE(w.has("SELECT FROM gridlight.tile_state WHERE layer = 'places'"));
  CHECK(comes_true(5s, [&] { return status_of(server, tile_path) == 200; }));
  double longest = 0;
  for (int i = 1; i <= 10; ++i) {
    const std::string layer = i % 2 ? "spots" : "wires";
    const auto start = steady_clock::now();
    w.db.run("UPDATE " + layer + " SET geom = ST_Translate(geom, 0.002, 0.001) WHERE id = '" +
             (i % 2 ? "s" : "w") + std::to_string(i * 7) + "'");
    REQUIRE(comes_true(10s, [&] { return w.current(); }));
    longest = std::max(longest, ms_since(start));
  }
  MESSAGE("longest " << longest << " ms");
  CHECK(longest < limit_ms(1000));
}

TEST_CASE(
    "tiles keeper: of two servers with other settings one leaves the tables to the other, and says so") {
  world w;
  const temp_folder other;
  std::string text = layers_yaml;
  text.replace(text.find("detail: 12"), 10, "detail: 10");
  const std::string file = (other.path() / "other.yaml").string();
  std::ofstream{file} << text;
  const std::string left = "it is left as it is for 5 min";
  auto first = w.options(), second = w.options();
  second.arguments = {"--config", file};
  first.allowed = second.allowed = {left};
  server_process a{first};
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  server_process b{second};
  REQUIRE(a.wait_for_log(left, 20s));
  std::this_thread::sleep_for(3s);
  const auto builds = [](const server_process& s) {
    const std::string log = s.log();
    int out = 0;
    for (auto i = log.find("tiles of spots: "); i != log.npos; i = log.find("tiles of spots: ", i + 1))
      ++out;
    return out;
  };
  CHECK(builds(a) == 1);
  CHECK(builds(b) == 1);
  CHECK_FALSE(contains(b.log(), left));
  // The other goes on to keep it.
  w.db.run("UPDATE spots SET geom = ST_Translate(geom, 0.002, 0.001) WHERE id = 's7'");
  CHECK(comes_true(10s, [&] { return w.current(); }));
  CHECK(builds(a) == 1);
}

TEST_CASE("tiles keeper: one by whose settings there is no table leaves alone the one that another makes") {
  world w;
  const temp_folder other;
  std::string text = layers_yaml;
  text.replace(text.find("detail: 12"), 10, "detail: 0");
  const std::string file = (other.path() / "other.yaml").string();
  std::ofstream{file} << text;
  const std::string left = "it is left as it is for 5 min";
  auto first = w.options(), second = w.options();
  second.arguments = {"--config", file};
  second.allowed = {left};
  const server_process a{first};
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  const server_process b{second};
  REQUIRE(b.wait_for_log(left, 20s));
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  const std::string built = w.built_at("spots");
  std::this_thread::sleep_for(4s);
  CHECK(w.built_at("spots") == built);
}

TEST_CASE("tiles keeper: the end of the server ends a long build, of which nothing is left") {
  world w;
  w.db.run(w.slow_sql(1));
  server_process server{w.options()};
  REQUIRE(comes_true(20s, [&] {
    return w.has(
        "SELECT FROM pg_stat_activity WHERE application_name = 'gridlight tiles' AND datname = "
        "current_database() AND wait_event = 'PgSleep'");
  }));
  const auto start = steady_clock::now();
  CHECK(server.stop() == 0);
  CHECK(ms_since(start) < 3000);
  w.check_no_remains();
  CHECK_FALSE(w.has("SELECT FROM gridlight.tile_state WHERE layer = 'wires'"));
}

TEST_CASE("tiles keeper: a role that may not write is told once what to grant, and tiles are served") {
  world w;
  temp_role reader{w.db};
  w.db.run("GRANT USAGE ON SCHEMA gridlight, gridlight_tiles, public TO " + reader.name() +
           "; GRANT SELECT ON ALL TABLES IN SCHEMA gridlight, public TO " + reader.name());
  auto options = w.options();
  options.environment["GRIDLIGHT_DATABASE_URL"] = reader.uri();
  options.allowed = {"database-unavailable", "the generalised tables of low zooms cannot be kept"};
  server_process server{options};
  REQUIRE(server.wait_for_log("GRANT USAGE, CREATE ON SCHEMA gridlight_tiles"));
  CHECK(comes_true(5s, [&] { return status_of(server, tile_path) == 200; }));
  w.db.run("UPDATE spots SET name = 'new' WHERE id = 's1'");
  std::this_thread::sleep_for(2s);
  const std::string log = server.log();
  const auto first = log.find("cannot be kept");
  CHECK(log.find("cannot be kept", first + 1) == log.npos);
  CHECK(status_of(server, tile_path) == 200);
}

TEST_CASE("tiles keeper: of two servers one builds, and both see it") {
  world w;
  server_process one{w.options()}, other{w.options()};
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  for (int i = 1; i <= 5; ++i) {
    w.db.run("UPDATE spots SET geom = ST_SetSRID(ST_MakePoint(-95.4, 29.7 + 0.001 * " + std::to_string(i) +
             "), 4326) WHERE id = 's1'");
    REQUIRE(comes_true(5s, [&] { return w.current(); }));
  }
  const auto body = [&](const server_process& s) { return http_client{s.url()}.get(tile_path).body; };
  CHECK(comes_true(5s, [&] { return !body(one).empty() && body(one) == body(other); }));
  const std::string before = w.built_at("spots");
  std::this_thread::sleep_for(1500ms);
  CHECK(w.built_at("spots") == before);
}

TEST_CASE("tiles keeper: tiles.build=false leaves them alone") {
  world w;
  server_process server{w.options({"--set", "tiles.build=false"})};
  server.allow("database-unavailable");  // until it has read the catalog
  CHECK(comes_true(5s, [&] { return status_of(server, tile_path) == 200; }));
  std::this_thread::sleep_for(2s);
  CHECK_FALSE(w.has("SELECT FROM gridlight.tile_state"));
}

TEST_CASE("tiles keeper: a layer that is loaded while it is built is built anew") {
  world w{60'000};
  std::ofstream rows{w.folder.path() / "spots.csv"};
  rows << "id,name,lon,lat\n";
  for (int i = 0; i < 4000; ++i)
    rows << "n" << i << ",new," << -95.5 + i % 63 * 0.005 << "," << 29.6 + i % 71 * 0.005 << "\n";
  rows.close();
  server_process server{w.options()};
  REQUIRE(comes_true(20s, [&] {
    return w.has(
        "SELECT FROM pg_stat_activity WHERE application_name = 'gridlight tiles' AND datname = "
        "current_database() AND query LIKE '%spots.n%'");
  }));
  const auto done = run_gridlight("--config '" + w.file + "' --database-url '" + w.db.uri() + "' load '" +
                                  (w.folder.path() / "spots.csv").string() + "' --yes --allow-shrink 2>&1");
  REQUIRE_MESSAGE(done.status == 0, done.output);
  REQUIRE(comes_true(20s, [&] { return w.current(); }));
  CHECK(w.db.value("SELECT sum(n) FROM gridlight_tiles.spots WHERE zoom = 5 AND home") == "4000");
}

TEST_CASE("tiles keeper: it goes on after the database was killed") {
  private_cluster cluster;
  temp_folder folder;
  const auto done = run_gridlight("--database-url '" + cluster.socket_uri() + "' migrate 2>&1");
  REQUIRE_MESSAGE(done.status == 0, done.output);
  // One statement after the other: value() reads one answer.
  cluster.value("DO $do$ BEGIN EXECUTE $sql$" + tables_sql(3000) + "$sql$; END $do$");
  cluster.value("CHECKPOINT");
  server_process server{
      {.environment = {{"GRIDLIGHT_DATABASE_URL", cluster.uri()}},
       .arguments = {"--config", written(folder)},
       .allowed = {"postgres: ", "the catalog could not", "could not be built", ": database-"}}};
  const auto current = [&] {
    try {
      return cluster.value(
                 "SELECT count(*) FROM gridlight.tile_state JOIN gridlight.layer_state USING (layer, "
                 "version)") == "2";
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  REQUIRE(comes_true(20s, current));
  cluster.kill_postmaster();
  cluster.start();
  cluster.value("UPDATE spots SET geom = ST_Translate(geom, 0.01, 0.01) WHERE id = 's5'");
  CHECK_FALSE(current());
  CHECK(comes_true(10s, current));
}
