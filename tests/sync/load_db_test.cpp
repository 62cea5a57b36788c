#include "sync/load/load.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/migrate.hpp"
#include "tests/support/shapes.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/sync/load_support.hpp"

using namespace gridlight;
namespace fs = std::filesystem;

namespace {

// A database with the schema, a folder for files, and what the command said.
struct loading {
  test::temp_db db;
  fs::path folder = fs::temp_directory_path() / ("gridlight_load_" + std::to_string(::getpid()));
  config settings;
  std::string out, err;

  loading() {
    fs::create_directories(folder);
    auto read = parse_config("", "test");
    REQUIRE(read.has_value());
    settings = *read;
    settings.postgres.uri = secret{db.uri()};
    const bool migrated = postgres::run_blocking([&](auto executor) { return migrate(executor); });
    REQUIRE(migrated);
  }
  ~loading() { fs::remove_all(folder); }

  boost::asio::awaitable<bool> migrate(boost::asio::any_io_executor executor) {
    auto session = co_await sync::open_for_command(executor, settings.postgres, "test");
    if (!session) co_return false;
    const auto done = co_await sync::apply_migrations(*session);
    co_return done.has_value();
  }

  std::string file(const std::string& name, const std::string& text) {
    const fs::path path = folder / name;
    std::ofstream{path, std::ios::binary} << text;
    return path.string();
  }

  int load(sync::load_options options) {
    std::ostringstream said, printed;
    auto* cerr = std::cerr.rdbuf(said.rdbuf());
    auto* cout = std::cout.rdbuf(printed.rdbuf());
    const int code = sync::run_load(settings, options);
    std::cerr.rdbuf(cerr);
    std::cout.rdbuf(cout);
    err = said.str();
    out = printed.str();
    return code;
  }
  int load(std::string path) { return load(options(std::move(path))); }

  static sync::load_options options(std::string path) {
    sync::load_options o;
    o.files = {std::move(path)};
    o.yes = o.allow_shrink = true;  // what is asked is for tests/e2e/guards_test.cpp
    return o;
  }

  bool said(std::string_view what) const {
    const bool found = err.find(what) != std::string::npos;
    if (!found) MESSAGE(err);
    return found;
  }
};

const std::string header =
    "substation_id,substation_name,latitude,longitude,capacity_mva,commissioned_date,geom\n";
const std::string one =
    "SUB-1,\"Bellaire, "
    "\"\"west\"\"\",29.7,-95.4,120.5,1987-05-01,0101000020E61000009A99999999D957C03333333333B33D40\n";
const std::string two = "SUB-2,,29.8,-95.5,,,\n";

}  // namespace

TEST_CASE("a production export replaces the layer, in one step and with a new version") {
  loading t;
  REQUIRE(t.load(t.file("substations.csv.gz", test::packed(header + one + two))) == 0);
  CHECK(t.db.rows(
            "SELECT substation_id, substation_name, capacity_mva, commissioned_date, ST_AsText(geom) FROM "
            "substations ORDER BY 1") ==
        std::vector<std::vector<std::string>>{
            {"SUB-1", "Bellaire, \"west\"", "120.5", "1987-05-01", "POINT(-95.4 29.7)"},
            {"SUB-2", "NULL", "NULL", "NULL", "POINT(-95.5 29.8)"}});
  CHECK(t.db.value(
            "SELECT version || ' ' || row_count || ' ' || ST_AsText(bounds) FROM gridlight.layer_state WHERE "
            "layer = 'substations'") ==
        "2 2 POLYGON((-95.5 29.7,-95.5 29.8,-95.4 29.8,-95.4 29.7,-95.5 29.7))");
  CHECK(t.said("substations: 2 rows read, 2 stored, 0 rejected"));
  // The second change is of what was there and what is there now.
  REQUIRE(t.load(t.file("substations.csv", header + "SUB-9,n,30,-95,,,\n")) == 0);
  CHECK(t.db.value("SELECT count(*) FROM substations") == "1");
  CHECK(t.db.value("SELECT version || ' ' || ST_AsText(envelope) FROM gridlight.layer_change WHERE layer = "
                   "'substations' "
                   "ORDER BY version DESC LIMIT 1") ==
        "3 POLYGON((-95.5 29.7,-95.5 30,-95 30,-95 29.7,-95.5 29.7))");
  CHECK(t.db.value("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = "
                   "'substations'") == "substations_geog substations_geom substations_pkey");
  CHECK(t.db.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'gridlight\\_%'") == "0");
  CHECK(
      t.db.value("SELECT string_agg(status || rows_written, ' ' ORDER BY run_id) FROM gridlight.sync_run") ==
      "success2 success1");
}

TEST_CASE("a loaded table tells of its changes as before, and circuits are judged by what was loaded") {
  loading t;
  const std::string circuits = "circuit_id,avg_load_percent\nc1,";
  REQUIRE(t.load(t.file("circuit_status_realtime.csv", circuits + "90\n")) == 0);
  const std::string condition = "SELECT condition FROM gridlight.circuit_condition WHERE circuit_id = 'c1'";
  CHECK(t.db.value(condition) == "critical");
  t.db.run("UPDATE circuit_status_realtime SET avg_load_percent = 75");
  CHECK(t.db.value(condition) == "warning");
  CHECK(t.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'circuits'") == "3");
  REQUIRE(t.load(t.file("circuit_status_realtime.csv", circuits + "1\n")) == 0);
  CHECK(t.db.value(condition) == "good");
  CHECK(t.db.rows("SELECT layer, version FROM gridlight.layer_state WHERE version > 1 ORDER BY 1") ==
        std::vector<std::vector<std::string>>{{"circuit_condition", "4"}, {"circuits", "4"}});
  CHECK(t.db.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'circuit_status_realtime'::regclass") ==
        "4");
}

TEST_CASE("bad rows: all are counted and named, and nothing changes above the limit") {
  loading t;
  REQUIRE(t.load(t.file("substations.csv", header + one)) == 0);
  const std::string bad =
      header + one +
      "SUB-2,b,ninety,1,,,\n,c,1,1,,,\nSUB-4,d,1,1,,2024-02-30,\nSUB-1,e,2,2,,,\nSUB-5,f,3,3,,,POINT(3 4)\n";
  auto options = loading::options(t.file("substations.csv", bad));
  CHECK(t.load(options) == 1);
  CHECK(t.said("substations.csv:3: latitude: \"ninety\" is not a number"));
  CHECK(t.said("substations.csv:4: substation_id: is missing"));
  CHECK(t.said("substations.csv:5: commissioned_date: \"2024-02-30\" is not a date"));
  CHECK(t.said("3 bad rows where at most 0 are accepted"));
  CHECK(t.db.value("SELECT string_agg(substation_name, '') FROM substations") == "Bellaire, \"west\"");
  CHECK(t.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'substations'") == "2");
  CHECK(t.db.value("SELECT status || rows_rejected FROM gridlight.sync_run ORDER BY run_id DESC LIMIT 1") ==
        "failed3");

  options.max_errors = 3;  // one too few: the duplicate is found later
  CHECK(t.load(options) == 1);
  CHECK(t.said("substations.csv:6: duplicate \"substation_id\" \"SUB-1\" (first in "));
  CHECK(t.said("substations.csv:2)"));
  CHECK(t.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'substations'") == "2");

  options.max_errors = 4;
  CHECK(t.load(options) == 0);
  CHECK(t.said("substations.csv:7: note: its geometry is 111"));
  CHECK(t.said("6 rows read, 2 stored, 4 rejected"));
  CHECK(t.db.value("SELECT string_agg(substation_id || ST_AsText(geom), ' ' ORDER BY 1) FROM (SELECT * FROM "
                   "substations ORDER BY 1) s") == "SUB-1POINT(-95.4 29.7) SUB-5POINT(3 3)");
  CHECK(
      t.db.value(
              "SELECT string_agg(concat_ws('|', key, reason, payload->>'line'), ' ' ORDER BY error_id) FROM "
              "gridlight.sync_error")
          .ends_with("SUB-1|duplicate \"substation_id\" \"SUB-1\" (first in " + options.files[0] + ":2)|6"));
}

TEST_CASE("duplicates: the last stays when that is asked for") {
  loading t;
  auto options = loading::options(
      t.file("substations.csv", header + "a,1,1,1,,,\nb,2,2,2,,,\na,3,3,3,,,\na,4,4,4,,,\n"));
  options.duplicates = sync::duplicate_rule::last;
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.said("2 stored, 0 rejected, 2 replaced"));
  CHECK(t.db.value("SELECT string_agg(substation_id || substation_name, ' ' ORDER BY 1) FROM (SELECT * FROM "
                   "substations "
                   "ORDER BY 1) s") == "a4 b2");
}

TEST_CASE("what does not fit is refused before anything is read into the database") {
  loading t;
  CHECK(t.load(t.file("substations.csv", "substation_id,colour\n1,red\n")) == 1);
  CHECK(t.said("no column for colour"));
  CHECK(t.load(t.file("nothing.csv", "a\n1\n")) == 1);
  CHECK(t.said("no layer has a table \"nothing\""));
  CHECK(t.load("/nonexistent/substations.csv") == 1);
  CHECK(t.said("cannot be opened"));
  const std::string cut = test::packed(header + one + two);
  CHECK(t.load(t.file("substations.csv.gz", cut.substr(0, cut.size() - 9))) == 1);
  CHECK(t.said("cut off"));
  t.db.run(
      "CREATE MATERIALIZED VIEW v AS SELECT * FROM substations; CREATE PUBLICATION w FOR TABLE substations");
  CHECK(t.load(t.file("substations.csv", header + one)) == 1);
  CHECK(t.said("materialized view v, publication w"));
  CHECK(t.db.value("SELECT count(*) FROM substations") == "0");
  CHECK(t.db.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'gridlight\\_%'") == "0");
}

TEST_CASE("grants, comments, checks, triggers and storage parameters are carried over") {
  loading t;
  t.db.run(
      "DO $$ BEGIN CREATE ROLE gridlight_test_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
      "GRANT SELECT ON substations TO gridlight_test_reader; GRANT UPDATE (capacity_mva) ON substations TO "
      "PUBLIC;"
      "COMMENT ON TABLE substations IS 'it''s ours'; COMMENT ON COLUMN substations.geom IS 'place';"
      "ALTER TABLE substations SET (fillfactor = 70), ADD CONSTRAINT big CHECK (capacity_mva > 5);"
      "CREATE UNIQUE INDEX \"Odd \"\"name\" ON substations (lower(substation_name)) WHERE capacity_mva > 100;"
      "CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER told AFTER INSERT ON substations FOR EACH STATEMENT EXECUTE FUNCTION nothing()");
  const std::string look =
      "SELECT relacl::text || reloptions::text || obj_description(oid) || (SELECT "
      "string_agg(attacl::text, '') FROM pg_attribute WHERE attrelid = c.oid) || "
      "(SELECT string_agg(pg_get_indexdef(indexrelid), ';' ORDER BY indexrelid::regclass::text) FROM "
      "pg_index WHERE indrelid = c.oid) "
      "|| "
      "(SELECT string_agg(pg_get_triggerdef(t.oid), ';') FROM pg_trigger t WHERE tgrelid = c.oid) || "
      "(SELECT string_agg(conname || pg_get_constraintdef(k.oid), ';' ORDER BY conname) FROM pg_constraint k "
      "WHERE "
      "conrelid = c.oid) || "
      "col_description(c.oid, 9) FROM pg_class c WHERE oid = 'substations'::regclass";
  const std::string before = t.db.value(look);
  REQUIRE(t.load(t.file("substations.csv", header + one)) == 0);
  CHECK(t.db.value(look) == before);
  CHECK(t.load(t.file("substations.csv", header + one + "SUB-2,b,1,1,4,,\n")) == 1);
  CHECK(t.said("substations.csv:3: violates big"));
  t.db.run("DROP OWNED BY gridlight_test_reader; DROP ROLE gridlight_test_reader");
}

TEST_CASE("one load of a layer at a time; what a dead one left is cleared away") {
  loading t;
  t.db.run(
      "INSERT INTO gridlight.sync_run (layer, mode) VALUES ('substations', 'load');"
      "CREATE TABLE gridlight_new_1 (a int); CREATE TABLE gridlight_new_99 (a int)");
  REQUIRE(t.load(t.file("substations.csv", header + one)) == 0);
  CHECK(t.db.value("SELECT to_regclass('gridlight_new_1')") == "NULL");
  CHECK(t.db.value("SELECT to_regclass('gridlight_new_99')") == "gridlight_new_99");  // nobody's run
  CHECK(t.db.value("SELECT status || error FROM gridlight.sync_run WHERE run_id = 1") == "failedinterrupted");

  std::atomic<bool> locked{false}, done{false};
  std::thread other{[&] {
    // The lock lives as long as the session: one statement that takes it and then sleeps.
    std::thread waker{[&] {
      while (t.db.value(
                 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM "
                 "pg_database WHERE datname = current_database())") == "0")
        std::this_thread::yield();
      locked = true;
    }};
    t.db.run(
        "SELECT pg_advisory_lock(hashtext('gridlight load'), hashtext('substations')); SELECT pg_sleep(1)");
    waker.join();
    done = true;
  }};
  while (!locked)
    std::this_thread::yield();
  CHECK(t.load(t.file("substations.csv", header + two)) == 1);
  CHECK_FALSE(done);
  other.join();
  CHECK(t.said("another load of substations is running"));
}

TEST_CASE("readers see all of the old rows or all of the new, and the swap waits for a long one") {
  loading t;
  std::string small = header, large = header;
  for (int i = 0; i < 100; ++i)
    small += "s" + std::to_string(i) + ",a,1,1,,,\n";
  for (int i = 0; i < 200; ++i)
    large += "s" + std::to_string(i) + ",b,2,2,,,\n";
  REQUIRE(t.load(t.file("substations.csv", small)) == 0);
  std::atomic<bool> stop{false};
  std::atomic<int> looks{0}, wrong{0};
  std::thread reader{[&] {
    while (!stop) {
      const auto n =
          t.db.value("SELECT count(*) || min(substation_name) || max(substation_name) FROM substations");
      if (n != "100aa" && n != "200bb") ++wrong;
      ++looks;
    }
  }};
  std::thread slow{
      [&] { t.db.run("BEGIN; SELECT count(*) FROM substations; SELECT pg_sleep(0.7); COMMIT"); }};
  while (looks < 3)
    std::this_thread::yield();
  for (const std::string& text : {large, small, large})
    CHECK(t.load(t.file("substations.csv", text)) == 0);
  stop = true;
  reader.join();
  slow.join();
  CHECK(wrong == 0);
  CHECK(looks > 10);
  CHECK(t.db.value("SELECT count(*) FROM substations") == "200");
}

TEST_CASE("a table that is altered during its load is left alone") {
  loading t;
  const std::string path = (t.folder / "substations.csv").string();
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::thread writer{[&] {
    std::ofstream out{path, std::ios::binary};
    out << header << one << std::flush;
    // The load has read the table's shape when its staging table is there.
    while (t.db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query "
                      "LIKE 'COPY%'") == "0")
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    t.db.run("CREATE VIEW late AS SELECT * FROM substations");
  }};
  CHECK(t.load(path) == 1);
  writer.join();
  CHECK(t.said("was altered during the load"));
  CHECK(t.db.value("SELECT count(*) FROM late") == "0");
  CHECK(t.db.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'gridlight\\_%'") == "0");
}

TEST_CASE("random values arrive as Postgres itself reads their texts") {
  loading t;
  const std::uint64_t seed = test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const auto digits = [&](std::size_t most) {
    std::string out;
    for (std::size_t n = 1 + random() % most; n > 0; --n)
      out += static_cast<char>('0' + random() % 10);
    return out;
  };
  std::string water = "id,name,acres\n", lines = "line_id,line_type,line_length_m,circuit_id,created_at\n";
  for (int i = 0; i < 1000; ++i) {
    std::string number = (random() % 2 == 0 ? "-" : "") + digits(9);
    if (random() % 3 != 0) number += "." + digits(8);
    if (random() % 8 == 0) number += "e-" + std::to_string(random() % 12);
    water += std::to_string(i) + "," + number + "," + number + "\n";
    char time[64];
    std::snprintf(time, sizeof time, "%04d-%02d-%02d %02d:%02d:%02d.%s%c%02d",
                  static_cast<int>(1 + random() % 9999), static_cast<int>(1 + random() % 12),
                  static_cast<int>(1 + random() % 28), static_cast<int>(random() % 24),
                  static_cast<int>(random() % 60), static_cast<int>(random() % 60), digits(6).c_str(),
                  random() % 2 == 0 ? '+' : '-', static_cast<int>(random() % 15));
    lines += std::to_string(i) + "," + number + "," + number + "," + time + "," + time + "\n";
  }
  REQUIRE_MESSAGE(t.load(t.file("osm_water.csv", water)) == 0, t.err);
  REQUIRE_MESSAGE(t.load(t.file("grid_power_lines.csv", lines)) == 0, t.err);
  CHECK(t.db.value(
            "SELECT count(*) FROM osm_water WHERE acres::text IS DISTINCT FROM name::numeric(12,2)::text") ==
        "0");
  CHECK(t.db.value(
            "SELECT count(*) FROM grid_power_lines WHERE line_length_m IS DISTINCT FROM line_type::float8 OR "
            "created_at IS DISTINCT FROM circuit_id::timestamptz") == "0");
  CHECK(t.db.value("SELECT count(*) FROM grid_power_lines") == "1000");
}

TEST_CASE("several files, a folder, renames, features with their own geometry") {
  loading t;
  const fs::path sub = t.folder / "exports";
  fs::create_directories(sub);
  std::ofstream{sub / "osm_water.geojsonl"}
      << R"({"type":"Feature","id":2,"properties":{"name":"b","acres":1.005},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}})"
      << "\n"
      << R"({"type":"Feature","id":3,"properties":{"osm_id":7},"geometry":{"type":"LineString","coordinates":[[0,0],[1,0]]}})";
  std::ofstream{sub / "substations.geojson"}
      << R"({"type":"FeatureCollection","features":[{"type":"Feature","properties":{"substation_id":"x"},"geometry":{"type":"Point","coordinates":[5,6]}}]})";
  std::ofstream{sub / "README.txt"} << "not for us";
  REQUIRE(t.load(sub.string()) == 0);
  CHECK(t.db.rows("SELECT id, osm_id, name, acres, GeometryType(geom) FROM osm_water ORDER BY 1") ==
        std::vector<std::vector<std::string>>{{"2", "NULL", "b", "1.01", "POLYGON"},
                                              {"3", "7", "NULL", "NULL", "LINESTRING"}});
  CHECK(t.db.value("SELECT longitude || ' ' || latitude || ST_AsText(geom) FROM substations") ==
        "5 6POINT(5 6)");

  auto options = loading::options(t.file("a.csv", "code,x,y\n1,1,2\n"));
  options.files.push_back(t.file("b.csv", "lat,lon,code,extra\n3,4,2,z\n"));
  options.layer = "substations";
  options.map = {{"substation_id", "code"}};
  options.ignore_extra = true;
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.db.value("SELECT string_agg(substation_id || ST_AsText(geom), ' ' ORDER BY substation_id) FROM "
                   "substations") == "1POINT(1 2) 2POINT(4 3)");
  options.files.push_back(t.file("c.csv", "code,lat,lon\n1,3,4\n"));
  CHECK(t.load(options) == 1);
  CHECK(t.said("c.csv:2: duplicate"));
  CHECK(t.said("a.csv:2)"));
}

TEST_CASE("a new layer: names, types, key and geometry from the file, and its entry for the catalog") {
  loading t;
  auto options = loading::options(t.file("Grid Poles.csv",
                                         "poleId,Höhe m,built,seen,live,zip,lon,lat,note\n"
                                         "7,1.5,2001-01-01,2024-05-01T10:00:00+02:00,true,07302,1,2,\n"
                                         "8,2,,,FALSE,10001,3,4,\"x\"\"y\"\n"));
  options.create = true;
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.out ==
        "  grid_poles:\n    title: Grid poles\n    key: pole_id\n    geometry_type: point\n"
        "    properties: [h_he_m, built, seen, live, zip, note]\n");
  CHECK(
      t.db.value(
          "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) FROM "
          "pg_attribute WHERE attrelid = 'grid_poles'::regclass AND attnum > 0") ==
      "pole_id bigint, h_he_m double precision, built date, seen timestamp with time zone, live boolean, zip "
      "text, lon "
      "double precision, lat double precision, note text, geom geometry(Point,4326)");
  CHECK(t.db.value("SELECT ST_AsText(geom) || note || zip FROM grid_poles WHERE pole_id = 8") ==
        "POINT(3 4)x\"y10001");
  CHECK(t.db.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'grid_poles'") == "3");
  CHECK(t.db.value("SELECT row_count FROM gridlight.layer_state WHERE layer = 'grid_poles'") == "2");
  CHECK(t.db.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'grid_poles'::regclass") == "4");
  CHECK(t.db.value("SELECT relation || geometry FROM gridlight.watched WHERE layer = 'grid_poles'") ==
        "public.grid_poles\"geom\"");
  const std::string entry = t.out;
  CHECK(t.load(options) == 1);
  CHECK(t.said("exists"));

  // With its entry in the catalog it is a layer like any other.
  auto more = parse_config("layers:\n" + entry, "test");
  REQUIRE(more.has_value());
  more->postgres.uri = t.settings.postgres.uri;
  t.settings = *more;
  options.create = false;
  options.layer = "grid_poles";
  options.files = {t.file("p.csv", "pole_id,lon,lat\n1,1,1\n")};
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.db.value(
            "SELECT version || ' ' || row_count FROM gridlight.layer_state WHERE layer = 'grid_poles'") ==
        "2 1");
}

TEST_CASE("a new layer without a key gets one, in the order of the file, also when loaded again") {
  loading t;
  auto options = loading::options(t.file(
      "trees.geojsonl",
      R"({"type":"Feature","properties":{"city_id":1,"Name":"a","tags":{"k":1}},"geometry":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}})"
      "\n"
      R"({"type":"Feature","properties":{"city_id":1,"Name":"b"},"geometry":{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]]]}})"));
  options.create = true;
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.out ==
        "  trees:\n    title: Trees\n    key: id\n    geometry_type: polygon\n    properties: [city_id, "
        "name, tags]\n");
  CHECK(t.db.value("SELECT string_agg(id || name, ' ' ORDER BY id) FROM trees") == "1a 2b");
  auto more = parse_config("layers:\n" + t.out, "test");
  REQUIRE(more.has_value());
  more->postgres.uri = t.settings.postgres.uri;
  t.settings = *more;
  options.create = false;
  REQUIRE_MESSAGE(t.load(options) == 0, t.err);
  CHECK(t.db.value("SELECT string_agg(id || name, ' ' ORDER BY id) FROM trees") == "1a 2b");
}
