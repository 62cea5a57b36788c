#include "sync/check.hpp"

#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "server/postgres/blocking.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;
using sync::check_report;

namespace {

config settings_for(const std::string& uri, const std::string& yaml = "") {
  auto c = parse_config(yaml, "t.yaml");
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  c->postgres.uri = secret{uri};
  return *std::move(c);
}

check_report check(const config& settings) {
  auto report = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<result<check_report>> {
        postgres::connect_options options;
        options.uri = settings.postgres.uri;
        auto db =
            co_await postgres::connection::open(executor, options, deadline_in(std::chrono::seconds{10}));
        if (!db) co_return db.error();
        co_return co_await sync::check_database(*db, settings);
      });
  REQUIRE_MESSAGE(report.has_value(), report.error().log_detail);
  return *std::move(report);
}

void migrate(const std::string& uri) {
  const auto done = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<result<std::vector<std::string>>> {
        postgres::connect_options options;
        options.uri = secret{uri};
        auto db =
            co_await postgres::connection::open(executor, options, deadline_in(std::chrono::seconds{10}));
        if (!db) co_return db.error();
        co_return co_await sync::apply_migrations(*db);
      });
  REQUIRE_MESSAGE(done.has_value(), done.error().log_detail);
}

std::string version_of(const temp_db& db, const std::string& layer) {
  return db.value("SELECT version FROM gridlight.layer_state WHERE layer = '" + layer + "'");
}

std::string texts(const std::vector<sync::finding>& all) {
  std::string out;
  for (const auto& f : all)
    out += f.layer + ": " + f.what + "\n" + f.remedy + "\n";
  return out;
}

// What the subcommand prints to stdout and stderr, and its exit code.
struct run_output {
  int code;
  std::string out, err;
};
run_output run(const config& settings, bool json) {
  std::ostringstream out, err;
  auto* const out_before = std::cout.rdbuf(out.rdbuf());
  auto* const err_before = std::cerr.rdbuf(err.rdbuf());
  const int code = sync::run_check(settings, {.json = json});
  std::cout.rdbuf(out_before);
  std::cerr.rdbuf(err_before);
  return {code, out.str(), err.str()};
}

}  // namespace

TEST_CASE("a migrated database is well, and its empty layers are only notes") {
  const test::temp_db db;
  migrate(db.uri());
  const auto report = check(settings_for(db.uri()));
  CHECK_MESSAGE(report.ok(), texts(report.problems));
  CHECK(report.layers.size() == 15);
  for (const auto& l : report.layers) {
    INFO(l.name);
    CHECK(l.rows == 0);
    CHECK_FALSE(l.rows_estimated);
    CHECK(l.version == 1);
    CHECK(l.indexes == "ok");
    CHECK(contains(texts(report.notes), l.name + ": has no rows"));
  }
  CHECK(report.schema.ends_with("migrations applied"));
  const auto setting = [&](std::string_view name) {
    const auto at = std::find_if(report.settings.begin(), report.settings.end(),
                                 [&](const auto& s) { return s.first == name; });
    return at == report.settings.end() ? std::string{} : at->second;
  };
  CHECK(setting("statement_timeout").starts_with("10s"));
  CHECK(setting("idle_in_transaction_session_timeout").starts_with("1min"));
  CHECK(setting("lock_timeout").starts_with("2s"));
  CHECK(setting("TimeZone") != "");

  const auto text = run(settings_for(db.uri()), false);
  CHECK(text.code == 0);
  CHECK(contains(text.out, "PostgreSQL"));
  CHECK(contains(text.out, "all is well\n"));
  const auto json = run(settings_for(db.uri()), true);
  CHECK(json.code == 0);
  const auto read = YAML::Load(json.out);
  CHECK(read["ok"].as<bool>());
  CHECK(read["layers"].size() == 15);
  CHECK(read["layers"][0]["rows"].as<int>() == 0);
  CHECK(read["database"]["PostGIS"].as<std::string>() != "missing");
  CHECK(read["problems"].size() == 0);
}

TEST_CASE("a database that was never migrated says what to do, once a layer") {
  const test::temp_db db;
  const auto report = check(settings_for(db.uri()));
  CHECK(report.problems.size() == 16);
  CHECK(contains(texts(report.problems), "run gridlight migrate"));
  CHECK(report.schema == "not there");
  CHECK(run(settings_for(db.uri()), false).code == 1);
  CHECK(contains(run(settings_for(db.uri()), false).out, "\n16 problems\n"));
}

TEST_CASE("an old and a changed schema") {
  const test::temp_db db;
  migrate(db.uri());
  db.run("UPDATE gridlight.schema_migration SET checksum = 'x' WHERE version = 1");
  CHECK(contains(texts(check(settings_for(db.uri())).problems), "001_bookkeeping.sql"));
  db.run("TRUNCATE gridlight.schema_migration");
  const auto report = check(settings_for(db.uri()));
  CHECK(contains(texts(report.problems),
                 "the schema is old: 001_bookkeeping.sql is not applied\nrun gridlight migrate"));
  CHECK(report.schema.starts_with("0 of "));
}

TEST_CASE("missing indexes come as statements, which work") {
  const test::temp_db db;
  migrate(db.uri());
  db.run(
      "DROP INDEX transformers_geom, transformers_geog; ALTER TABLE transformers DROP CONSTRAINT "
      "transformers_pkey;"
      "ALTER TABLE topology_connections_cache DROP CONSTRAINT topology_connections_cache_pkey");
  const auto report = check(settings_for(db.uri()));
  const auto has = [&](std::string_view remedy) {
    return std::any_of(report.problems.begin(), report.problems.end(),
                       [&](const auto& p) { return p.remedy == remedy; });
  };
  CHECK(report.problems.size() == 4);
  CHECK(has(R"(CREATE INDEX CONCURRENTLY ON "public"."transformers" USING gist ("geom");)"));
  CHECK(has(R"(CREATE INDEX CONCURRENTLY ON "public"."transformers" USING gist (("geom"::geography));)"));
  CHECK(has(R"(CREATE UNIQUE INDEX CONCURRENTLY ON "public"."transformers" ("transformer_id");)"));
  CHECK(has(R"(CREATE UNIQUE INDEX CONCURRENTLY ON "public"."topology_connections_cache" )"
            R"(("from_asset_id", "to_asset_id", "connection_type");)"));
  CHECK(report.layers[1].indexes == "missing");
  for (const auto& p : report.problems)
    db.run(p.remedy);
  CHECK_MESSAGE(check(settings_for(db.uri())).ok(), texts(check(settings_for(db.uri())).problems));
}

TEST_CASE("indexes of every kind of geometry, odd names included") {
  const test::temp_db db;
  db.run(R"(
    CREATE TABLE "Od d""s" ("Id" int NOT NULL, "Geo m" geometry(Point,4326));
    CREATE TABLE pairs (id int PRIMARY KEY, lon numeric, lat float8);
    CREATE TABLE geogs (id int PRIMARY KEY, geog geography(Point,4326));
    CREATE TABLE parts (id int, geom geometry(Point,4326)) PARTITION BY RANGE (id);
    CREATE TABLE half (id int PRIMARY KEY, geom geometry(Point,4326));
    CREATE INDEX ON half USING gist (geom) WHERE id > 5;
    CREATE INDEX ON half USING btree (id);
    CREATE INDEX ON half USING gist ((geom::geography));
    INSERT INTO "Od d""s" VALUES (1); INSERT INTO pairs VALUES (1, 1, 1); INSERT INTO geogs VALUES (1);
    INSERT INTO half VALUES (1))");
  const config settings = settings_for(db.uri(), R"(
layers:
  odd: {table: 'Od d"s', key: Id, geometry: Geo m, mode: attached}
  pairs: {key: id, geometry: {lon: lon, lat: lat}, mode: attached}
  geogs: {key: id, geometry: geog, mode: attached}
  parts: {key: id, mode: attached}
  half: {key: id, mode: attached}
)");
  const auto report = check(settings);
  CHECK(report.problems.size() == 3 + 2 + 2 + 3 + 1);
  CHECK(contains(texts(report.problems), R"(USING gist (("geog"::geometry));)"));
  CHECK(contains(texts(report.problems),
                 R"(CREATE INDEX ON "public"."parts" USING)"));               // partitioned: not CONCURRENTLY
  CHECK(contains(texts(report.notes), "the schema gridlight is not there"));  // attached layers need none
  CHECK(contains(texts(report.notes), "advisory"));
  for (const auto& p : report.problems)
    db.run(p.remedy);
  CHECK_MESSAGE(check(settings).ok(), texts(check(settings).problems));
}

TEST_CASE("a key that is not unique, or NULL, with and without indexes") {
  const test::temp_db db;
  db.run(R"(
    CREATE TABLE twice (id int, sub int); INSERT INTO twice VALUES (1, 1), (1, 1), (2, 1);
    CREATE TABLE nulls (id int); INSERT INTO nulls VALUES (NULL), (1);
    CREATE VIEW v AS SELECT * FROM twice; CREATE VIEW good AS SELECT DISTINCT * FROM twice;
    CREATE TABLE narrow (id int UNIQUE NOT NULL, sub int); INSERT INTO narrow VALUES (1, 1))");
  const auto report = check(settings_for(db.uri(), R"(
layers:
  twice: {key: [id, sub], geometry: none, mode: attached}
  nulls: {key: id, geometry: none, mode: attached}
  v: {key: id, geometry: none, mode: attached}
  good: {key: [id, sub], geometry: none, mode: attached}
  narrow: {key: [sub, id], geometry: none, mode: attached}
)"));
  const auto of = [&](const std::string& layer) {
    std::string out;
    for (const auto& p : report.problems)
      if (p.layer == layer) out += p.what + "|" + p.remedy + "\n";
    return out;
  };
  CHECK(contains(of("twice"), R"(the key ("id", "sub") is not unique)"));
  CHECK(contains(of("twice"), R"(SELECT "id", "sub", count(*) FROM "public"."twice")"));
  CHECK(contains(of("twice"), "CREATE UNIQUE INDEX CONCURRENTLY"));
  CHECK(contains(of("nulls"), "is NULL in some rows"));
  CHECK(contains(of("v"), "is not unique"));
  CHECK_FALSE(contains(of("v"), "CREATE UNIQUE INDEX"));
  CHECK(of("good").empty());
  CHECK(of("narrow").empty());
  CHECK(contains(texts(report.notes), "is a view; the tables below it must have the indexes"));
}

TEST_CASE("a role with few rights is told the GRANTs, and unknown is not zero") {
  const test::temp_db db;
  migrate(db.uri());
  const test::temp_role role{db};
  const config settings = settings_for(role.uri());
  const auto report = check(settings);
  CHECK(report.schema == "unknown (needs SELECT on gridlight.schema_migration)");
  CHECK(report.problems.size() == 16);
  CHECK(contains(texts(report.problems),
                 "GRANT SELECT ON \"public\".\"transformers\" TO \"" + role.name() + "\";"));
  for (const auto& l : report.layers) {
    CHECK_FALSE(l.rows.has_value());
    CHECK_FALSE(l.version.has_value());
    CHECK(l.indexes == "unknown");
  }
  const auto json = YAML::Load(sync::as_json(report));
  CHECK(json["layers"][0]["rows"].IsNull());
  CHECK(contains(sync::as_text(report), "unknown"));
  for (const auto& p : report.problems)
    db.run(p.remedy);
  CHECK_MESSAGE(check(settings).ok(), texts(check(settings).problems));
}

TEST_CASE("what only pg_read_all_stats may know is unknown, never 0") {
  const test::temp_db db;
  const test::temp_role role{db};
  const config settings = settings_for(role.uri(), "layers: {}");
  const auto of = [](const check_report& r, std::string_view name) {
    for (const auto& [key, value] : r.database)
      if (key == name) return value;
    return std::string{};
  };
  auto report = check(settings);
  CHECK(of(report, "longest transaction") == "unknown (needs pg_read_all_stats)");
  CHECK(of(report, "idle in transaction") == "unknown (needs pg_read_all_stats)");
  CHECK(std::stoi(of(report, "connections")) > 0);
  db.run("GRANT pg_read_all_stats TO " + role.name());
  report = check(settings);
  CHECK(of(report, "longest transaction").ends_with(" s"));
  CHECK(std::isdigit(of(report, "idle in transaction").at(0)) != 0);
}

TEST_CASE("triggers that a loader's DROP took along are missed, and put back by what is printed") {
  const test::temp_db db;
  migrate(db.uri());
  db.run(R"(
    CREATE TABLE copied (LIKE topology_connections_cache INCLUDING ALL); DROP TABLE topology_connections_cache;
    ALTER TABLE copied RENAME TO topology_connections_cache; DROP TRIGGER gridlight_update ON substations;
    CREATE SCHEMA theirs; CREATE TABLE theirs."Po les" (id int PRIMARY KEY, lon float8, lat float8);
    CREATE INDEX ON theirs."Po les" USING gist (ST_SetSRID(ST_MakePoint(lon, lat), 4326));
    CREATE INDEX ON theirs."Po les" USING gist ((ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geography)))");
  const config settings = settings_for(db.uri(), R"(
layers:
  substations: {key: substation_id}
  topology: {table: topology_connections_cache, key: [from_asset_id, to_asset_id, connection_type]}
  meters: {table: meter_locations_enhanced, key: meter_id}
  poles: {schema: theirs, table: Po les, key: id, geometry: {lon: lon, lat: lat}, mode: attached}
)");
  const auto report = check(settings);
  REQUIRE_MESSAGE(report.problems.size() == 2, texts(report.problems));
  CHECK(report.problems[1].remedy ==
        R"(SELECT gridlight.watch('topology', '"public"."topology_connections_cache"', )"
        R"('geom', '{from_circuit_id,to_circuit_id}');)");
  CHECK(contains(texts(report.notes), R"(SELECT gridlight.watch('poles', '"theirs"."Po les"', )"));
  for (const auto& f : report.problems)
    db.run(f.remedy);
  for (const auto& f : report.notes)
    if (contains(f.remedy, "gridlight.watch")) db.run(f.remedy);
  const auto after = check(settings);
  CHECK_MESSAGE(after.ok(), texts(after.problems));
  CHECK_FALSE(contains(texts(after.notes), "triggers"));
  CHECK_FALSE(contains(texts(after.notes), "advisory"));
  db.run(R"(INSERT INTO theirs."Po les" VALUES (1, 2, 3))");
  CHECK(db.value(
            "SELECT ST_AsText(envelope) FROM gridlight.layer_change WHERE layer = 'poles' AND version = 1") ==
        "POLYGON((2 3,2 3,2 3,2 3,2 3))");
}

TEST_CASE(
    "partitions without triggers, and a circuit that is not registered, are problems that the remedy mends") {
  const test::temp_db db;
  migrate(db.uri());
  db.run(R"(
    CREATE TABLE poles (id int PRIMARY KEY, feeder text, geom geometry(Point, 4326)) PARTITION BY RANGE (id);
    CREATE TABLE "poles One" PARTITION OF poles FOR VALUES FROM (0) TO (10);
    CREATE INDEX ON poles USING gist (geom); CREATE INDEX ON poles USING gist ((geom::geography));
    INSERT INTO gridlight.layer_state (layer, version, changed_at) VALUES ('poles', 5, now());
    SELECT gridlight.watch('poles', 'poles', 'geom'))");
  CHECK(version_of(db, "poles") == "6");  // what was written before it was watched, nobody knows
  const config settings = settings_for(
      db.uri(), "layers: {poles: {key: id, geometry: geom, properties: [feeder], circuit: feeder}}");
  auto report = check(settings);
  REQUIRE_MESSAGE(report.problems.size() == 1, texts(report.problems));
  CHECK(contains(report.problems[0].what, "is not registered with circuit column feeder"));
  CHECK(report.problems[0].remedy ==
        R"(SELECT gridlight.watch('poles', '"public"."poles"', 'geom', '{feeder}');)");
  db.run(report.problems[0].remedy);
  CHECK(version_of(db, "poles") == "6");
  db.run("CREATE TABLE later PARTITION OF poles FOR VALUES FROM (10) TO (20)");
  report = check(settings);
  REQUIRE_MESSAGE(report.problems.size() == 1, texts(report.problems));
  CHECK(contains(report.problems[0].what, "lacks the triggers"));
  CHECK(contains(report.problems[0].what, ": later"));
  db.run(report.problems[0].remedy);
  CHECK(version_of(db, "poles") == "7");
  report = check(settings);
  CHECK_MESSAGE(report.ok(), texts(report.problems));
}

TEST_CASE("somebody else's table in another SRID: what its owner can do, which works") {
  const test::temp_db db;
  const test::temp_role role{db};
  db.run(
      R"(CREATE SCHEMA theirs; CREATE TABLE theirs."Irish" (id int PRIMARY KEY, "Geo m" geometry(Point, 2157));
    INSERT INTO theirs."Irish" VALUES (1, ST_SetSRID(ST_MakePoint(600000, 750000), 2157));)"
      "GRANT USAGE ON SCHEMA theirs TO " +
      role.name() + "; GRANT SELECT ON theirs.\"Irish\" TO " + role.name());
  const auto report = check(settings_for(
      role.uri(),
      "layers: {irish: {schema: theirs, table: Irish, key: id, geometry: Geo m, mode: attached}}"));
  REQUIRE(report.problems.size() == 1);
  CHECK(contains(report.problems[0].what, "has SRID 2157; it must be 4326"));
  CHECK(contains(report.problems[0].remedy, "table: Irish_4326 and geometry: geom_4326"));
  std::string remedy = report.problems[0].remedy;
  for (auto at = remedy.find("CONCURRENTLY "); at != remedy.npos; at = remedy.find("CONCURRENTLY "))
    remedy.erase(at, 13);  // several statements at once are one transaction
  db.run(remedy);
  const auto after = check(settings_for(
      role.uri(),
      "layers: {irish: {schema: theirs, table: Irish_4326, key: id, geometry: geom_4326, mode: attached}}"));
  CHECK_MESSAGE(after.ok(), texts(after.problems));
  CHECK(after.layers.at(0).rows == 1);
  CHECK(contains(texts(after.notes), "advisory"));
  CHECK(db.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'Irish'") == "3");
}

TEST_CASE("without PostGIS") {
  const test::temp_db db;
  db.run("DROP EXTENSION postgis CASCADE");
  const auto report = check(settings_for(db.uri(), "layers: {}"));
  CHECK(contains(texts(report.problems), "CREATE EXTENSION postgis;"));
}

TEST_CASE("rows that cannot be counted in time are the planner's estimate, and said so") {
  check_report report;
  report.layers.push_back({"big", "managed", "public.big", 2670707, true, 7, "ok"});
  report.layers.push_back({"none", "attached", "public.none", {}, false, {}, "unknown"});
  CHECK(contains(sync::as_text(report), "about 2670707"));
  const auto json = YAML::Load(sync::as_json(report));
  CHECK(json["layers"][0]["rows_estimated"].as<bool>());
  CHECK(json["layers"][1]["version"].IsNull());
}

TEST_CASE("text is aligned, and what is odd in it cannot forge lines") {
  check_report report;
  report.layers.push_back({"é", "managed", "public.é", 1, false, 7, "ok"});
  report.layers.push_back({"longer", "managed", "public.x\n  y", 12345, false, 70, "ok"});
  report.problems.push_back({"é", "a\x1B[31m", "line 1\nline 2"});
  const auto text = sync::as_text(report);
  CHECK(contains(text, "  layer   mode     table            rows   version  indexes\n"));
  CHECK(contains(text, "  é       managed  public.é         1      7        ok\n"));
  CHECK(contains(text, "  longer  managed  public.x\\x0A  y  12345  70       ok\n"));
  CHECK(contains(text, "1 problem\n  - é: a\\x1B[31m\n      line 1\n      line 2\n"));
  CHECK(YAML::Load(sync::as_json(report))["problems"][0]["what"].as<std::string>() == "a\x1B[31m");
}

TEST_CASE("an unreachable database: what was tried, without password, and what to do") {
  const config settings = settings_for("postgresql://someone:hunter2@127.0.0.1:1/grid?connect_timeout=2");
  for (const bool json : {false, true}) {
    const auto ran = run(settings, json);
    CHECK(ran.code == 1);
    CHECK(contains(ran.err, "host=127.0.0.1 port=1 dbname=grid user=someone"));
    CHECK(contains(ran.err, "GRIDLIGHT_DATABASE_URL"));
    CHECK_FALSE(contains(ran.err + ran.out, "hunter2"));
    if (json) CHECK_FALSE(YAML::Load(ran.out)["ok"].as<bool>());
    if (!json) CHECK(ran.out.empty());
  }
}

TEST_CASE("what a connection would go to") {
  CHECK(sync::connection_target(secret{"host=a port=1 dbname=d user=u password=p"}) ==
        "host=a port=1 dbname=d user=u");
  CHECK_FALSE(contains(sync::connection_target(secret{"postgresql://u:p@a,b/d"}), ":p"));
  CHECK(contains(sync::connection_target(secret{"postgresql://u:p@a,b/d"}), "host=a,b"));
  CHECK(contains(sync::connection_target(secret{"service=grid"}), "service=grid"));
}
