#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight;
using namespace gridlight::sync;
using boost::asio::awaitable;

namespace {

using names = std::vector<std::string>;

result<names> migrate(const test::temp_db& db, std::span<const migration> known = known_migrations()) {
  config::postgres_settings settings;
  settings.uri = secret{db.uri()};
  return postgres::run_blocking([&](boost::asio::any_io_executor executor) -> awaitable<result<names>> {
    auto connection = co_await open_for_command(executor, settings, "migrate");
    if (!connection) co_return connection.error();
    co_return co_await apply_migrations(*connection, known);
  });
}

bool run_psql(const test::temp_db& db, const std::string& script) {
  const std::string path = "/tmp/" + db.value("SELECT current_database()") + ".sql";
  std::ofstream{path} << script;
  const std::string command = "psql -X -q -f " + path + " \"" + db.uri() + "\" >/dev/null";
  const int status = std::system(command.c_str());
  std::remove(path.c_str());
  return status == 0;
}

const std::string layer_tables =
    "SELECT count(*) FROM gridlight.layer_state WHERE version = 1 AND changed_at IS NOT NULL";

}  // namespace

TEST_CASE("migrate builds the schema once and finds nothing to do the second time") {
  const test::temp_db db;
  const auto first = migrate(db);
  REQUIRE_MESSAGE(first.has_value(), first.error().log_detail);
  CHECK(first->size() == known_migrations().size());
  CHECK(db.value("SELECT max(version) FROM gridlight.schema_migration") ==
        std::to_string(expected_schema_version()));
  CHECK(db.value(layer_tables) == "16");
  const auto second = migrate(db);
  REQUIRE(second.has_value());
  CHECK(second->empty());
}

TEST_CASE("many processes may migrate at once; each migration is applied by one of them") {
  const test::temp_db db;
  std::vector<result<names>> answers(6, failure{errc::internal, "not run"});
  std::vector<std::thread> threads;
  for (auto& answer : answers)
    threads.emplace_back([&] { answer = migrate(db); });
  for (auto& thread : threads)
    thread.join();
  std::size_t applied = 0;
  for (const auto& answer : answers) {
    REQUIRE_MESSAGE(answer.has_value(), answer.error().log_detail);
    applied += answer->size();
  }
  CHECK(applied == known_migrations().size());
}

TEST_CASE("a file changed after it was applied, and a newer database, are refused by name") {
  const test::temp_db db;
  REQUIRE(migrate(db).has_value());
  db.run("UPDATE gridlight.schema_migration SET checksum = 'other' WHERE version = 2");
  const auto changed = migrate(db);
  REQUIRE_FALSE(changed.has_value());
  CHECK(changed.error().detail.find("002_static_layers.sql") != std::string::npos);

  const auto known = known_migrations();
  db.run("UPDATE gridlight.schema_migration SET checksum = '" + known[1].checksum + "' WHERE version = 2");
  REQUIRE(migrate(db).has_value());
  db.run("INSERT INTO gridlight.schema_migration (version, checksum) VALUES (900, 'x')");
  const auto newer = migrate(db);
  REQUIRE_FALSE(newer.has_value());
  CHECK(newer.error().detail.find("900") != std::string::npos);
}

TEST_CASE("a migration that fails leaves nothing of itself and can be repaired") {
  const test::temp_db db;
  const auto known = known_migrations();
  std::vector<migration> broken{known[0],
                                {2, "002_bad.sql", "CREATE TABLE public.half (x int); SELECT nope;", "b"}};
  const auto failed = migrate(db, broken);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().detail.find("002_bad.sql") != std::string::npos);
  CHECK(failed.error().log_detail.find("nope") != std::string::npos);
  CHECK(db.value("SELECT to_regclass('public.half') IS NULL") == "t");
  CHECK(db.value("SELECT string_agg(version::text, ',') FROM gridlight.schema_migration") == "1");

  broken[1].text = "CREATE TABLE public.half (x int);";
  const auto repaired = migrate(db, broken);
  REQUIRE(repaired.has_value());
  CHECK(*repaired == names{"002_bad.sql"});
}

TEST_CASE("the printed script does the same by psql, twice, from any state, and lets the role read") {
  const test::temp_db db;
  const std::string role = db.value("SELECT current_database() || ' rôle'");
  db.run("CREATE ROLE \"" + role + "\"");
  REQUIRE(migrate(db, known_migrations().first(2)).has_value());
  CHECK(run_psql(db, migration_script(role)));
  CHECK(run_psql(db, migration_script(role)));
  CHECK(db.value(layer_tables) == "16");
  const auto rest = migrate(db);
  REQUIRE(rest.has_value());
  CHECK(rest->empty());

  db.run("SET ROLE \"" + role + "\"; SELECT FROM public.substations; SELECT FROM gridlight.layer_state");
  db.run("CREATE TABLE gridlight_tiles.later (x int); SET ROLE \"" + role +
         "\"; SELECT FROM gridlight_tiles.later; SELECT FROM gridlight.circuit_condition");
  CHECK_THROWS(
      db.run("SET ROLE \"" + role + "\"; INSERT INTO public.substations (substation_id) VALUES ('x')"));
  db.run("DROP OWNED BY \"" + role + "\"; DROP ROLE \"" + role + "\"");
}

TEST_CASE(
    "every layer with a geometry has an index on it and on its geography; every table has a primary key") {
  const test::temp_db db;
  REQUIRE(migrate(db).has_value());
  CHECK(db.value("SELECT count(*) FROM geometry_columns g WHERE f_table_schema = 'public' AND "
                 "f_geometry_column = 'geom'"
                 " AND NOT EXISTS (SELECT FROM pg_indexes i WHERE i.tablename = g.f_table_name"
                 "                 AND i.indexdef LIKE '%USING gist (geom)')") == "0");
  CHECK(db.value("SELECT count(*) FROM geometry_columns WHERE f_table_schema = 'public' AND "
                 "f_geometry_column = 'geom'") == "14");
  CHECK(db.value("SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"
                 " AND indexdef LIKE '%USING gist (((geom)::geography))'") == "14");
  CHECK(
      db.value("SELECT string_agg(c.oid::regclass::text, ',') FROM pg_class c JOIN pg_namespace n ON n.oid = "
               "c.relnamespace WHERE n.nspname IN ('public', 'gridlight') AND c.relkind IN ('r', 'p')"
               " AND c.relname <> 'spatial_ref_sys' AND NOT EXISTS (SELECT FROM pg_constraint k"
               " WHERE k.conrelid = c.oid AND k.contype = 'p')") == "NULL");
}

TEST_CASE("a generated geometry follows its coordinates, and is null when one is") {
  const test::temp_db db;
  REQUIRE(migrate(db).has_value());
  db.run(
      "INSERT INTO public.substations (substation_id, latitude, longitude) VALUES ('a', 29.76, -95.37), "
      "('b', 1, NULL)");
  db.run(
      "INSERT INTO public.topology_connections_cache (from_asset_id, to_asset_id, connection_type, "
      "from_latitude,"
      " from_longitude, to_latitude, to_longitude) VALUES ('a', 'b', 't', 1, 2, 3, 4)");
  CHECK(db.value("SELECT ST_AsEWKT(geom) FROM public.substations WHERE substation_id = 'a'") ==
        "SRID=4326;POINT(-95.37 29.76)");
  CHECK(db.value("SELECT geom IS NULL FROM public.substations WHERE substation_id = 'b'") == "t");
  CHECK(db.value("SELECT ST_AsEWKT(geom) FROM public.topology_connections_cache") ==
        "SRID=4326;LINESTRING(2 1,4 3)");
}

TEST_CASE("sync_status and sync_summary tell of recent runs") {
  const test::temp_db db;
  REQUIRE(migrate(db).has_value());
  CHECK(db.value("SELECT count(*) FROM gridlight.sync_summary") == "0");
  db.run(
      "INSERT INTO gridlight.sync_run (layer, mode, status, started_at, finished_at, rows_written) VALUES"
      " ('outages', 'full', 'success', now() - interval '2 min', now() - interval '1 min', 10),"
      " ('outages', 'full', 'failed', now() - interval '20 s', now(), 0),"
      " ('outages', 'full', 'success', now() - interval '9 days', now() - interval '9 days', 99)");
  db.run(
      "INSERT INTO gridlight.sync_run (layer, mode) SELECT 'circuits', 'watermark' FROM generate_series(1, "
      "120)");
  CHECK(db.rows("SELECT runs, successes, failures, mean_duration_s, rows_written FROM gridlight.sync_summary "
                "WHERE layer ="
                " 'outages'") == std::vector<names>{{"2", "1", "1", "40", "10"}});
  CHECK(db.value("SELECT count(*) FROM gridlight.sync_status") == "100");
}
