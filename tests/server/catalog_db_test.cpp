#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "server/postgres/connection.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

result<catalog> try_read(const std::string& uri, const std::vector<layer_config>& declared) {
  return postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<result<catalog>> {
        postgres::connect_options options;
        options.uri = secret{uri};
        const deadline until = deadline_in(std::chrono::seconds{10});
        auto db = co_await postgres::connection::open(executor, options, until);
        if (!db) co_return db.error();
        co_return co_await read_catalog(*db, declared, until);
      });
}

catalog read(const std::string& uri, const std::vector<layer_config>& declared) {
  auto c = try_read(uri, declared);
  REQUIRE_MESSAGE(c.has_value(), c.error().log_detail);
  return *std::move(c);
}

// Layers from the lines under `layers:`.
std::vector<layer_config> layers(const std::string& yaml) {
  auto c = parse_config("layers:\n" + yaml, "t.yaml");
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  return c->layers;
}

// Triggers as gridlight.watch puts them on the table l.
constexpr std::string_view tells_sql = R"(
CREATE FUNCTION gridlight.note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER i AFTER INSERT ON l FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change();
CREATE TRIGGER u AFTER UPDATE ON l FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change();
CREATE TRIGGER d AFTER DELETE ON l FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change();
CREATE TRIGGER t AFTER TRUNCATE ON l FOR EACH STATEMENT EXECUTE FUNCTION gridlight.note_change();
)";

catalog read_one(const test::temp_db& db, const std::string& body) {
  return read(db.uri(), layers("  l: {" + body + "}\n"));
}

std::string reason(const test::temp_db& db, const std::string& body) {
  const catalog c = read_one(db, body);
  CHECK(c.layers().empty());
  CHECK(c.find("l") == nullptr);
  REQUIRE(c.broken().size() == 1);
  CHECK(c.broken()[0].name == "l");
  return c.broken()[0].reason;
}

std::vector<std::string> names(const std::vector<property>& properties) {
  std::vector<std::string> out;
  for (const property& p : properties)
    out.push_back(p.name);
  return out;
}

}  // namespace

TEST_CASE("no layers, no table, no schema") {
  const test::temp_db db;
  CHECK(read(db.uri(), {}).layers().empty());
  CHECK(reason(db, "key: id") == "public.l does not exist; run gridlight migrate, or load the layer");
  CHECK(reason(db, "key: id, mode: attached, schema: Nowhere") == "Nowhere.l does not exist");
  CHECK(contains(reason(db, R"(key: id, schema: 'a"b\', table: 'é,{}')"), "does not exist"));
  db.run("CREATE SEQUENCE l");
  CHECK(contains(reason(db, "key: id"), "does not exist"));  // no relation that has rows
}

TEST_CASE("every column type is read natively or as text") {
  const test::temp_db db;
  db.run(R"(
    CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN kilo AS float8; CREATE DOMAIN kilokilo AS kilo;
    CREATE TABLE l (id bigint PRIMARY KEY, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric(12,2),
      t text, v varchar(9), c char(3), d date, ts timestamp, tz timestamptz, u uuid, j json, jb jsonb,
      e mood, a int[], iv interval, ip inet, by bytea, dom kilo, dom2 kilokilo, "Odd ""name""" text,
      geom geometry(Point,4326), other geometry))");
  const catalog c = read_one(db, "key: id");
  REQUIRE(c.layers().size() == 1);
  const layer& l = *c.find("l");
  CHECK(names(l.key) == std::vector<std::string>{"id"});
  CHECK(l.key[0].json_type == "integer");
  CHECK(names(l.properties) == std::vector<std::string>{"b",  "i2", "i4", "i8",  "f4",   "f8",
                                                        "n",  "t",  "v",  "c",   "d",    "ts",
                                                        "tz", "u",  "j",  "jb",  "e",    "a",
                                                        "iv", "ip", "by", "dom", "dom2", "Odd \"name\""});
  const auto as = [&](std::string_view column) {
    const auto at = std::find_if(l.properties.begin(), l.properties.end(),
                                 [&](const auto& p) { return p.name == column; });
    REQUIRE(at != l.properties.end());
    return std::string{at->cast_to_text ? "text of " : ""} + std::string{at->json_type} + " " +
           std::string{at->format} + " " + std::to_string(at->type);
  };
  CHECK(as("b") == "boolean  16");
  CHECK(as("i2") == "integer  21");
  CHECK(as("i4") == "integer  23");
  CHECK(as("i8") == "integer  20");
  CHECK(as("f4") == "number  700");
  CHECK(as("f8") == "number  701");
  CHECK(as("n") == "number  1700");
  CHECK(as("t") == "string  25");
  CHECK(as("v") == "string  1043");
  CHECK(as("c") == "string  1042");
  CHECK(as("d") == "string date 1082");
  CHECK(as("ts") == "string date-time 1114");
  CHECK(as("tz") == "string date-time 1184");
  CHECK(as("u") == "string uuid 2950");
  CHECK(as("j") == "object  114");
  CHECK(as("jb") == "object  3802");
  for (const char* text : {"e", "a", "iv", "ip", "by", "dom2"})
    CHECK(as(text) == "text of string  25");
  CHECK(as("dom") == "number  701");
  CHECK_FALSE(l.geography);
  CHECK(l.srid == 4326);
  CHECK(l.estimated_rows == 0);
  CHECK_FALSE(l.versioned);
}

TEST_CASE("declared properties keep their order; key columns may be among them") {
  const test::temp_db db;
  db.run("CREATE TABLE l (a text, b int, c date, geom geometry(Geometry,4326), PRIMARY KEY (b, a))");
  const catalog c = read_one(db, "key: [b, a], properties: [c, a]");
  CHECK(names(c.find("l")->key) == std::vector<std::string>{"b", "a"});
  CHECK(names(c.find("l")->properties) == std::vector<std::string>{"c", "a"});
}

TEST_CASE("what does not fit has a precise reason") {
  const test::temp_db db;
  db.run("CREATE TABLE l (id int, name text, lon text, lat float8, geom geometry(Point,3857))");
  CHECK(reason(db, "key: no") ==
        "public.l has no column no, which is its key; it has id, name, lon, lat, geom");
  CHECK(contains(reason(db, "key: id, geometry: shape"), "no column shape, which is its geometry"));
  CHECK(contains(reason(db, "key: id, geometry: none, properties: [name, nome]"),
                 "no column nome, which is one of its"));
  CHECK(contains(reason(db, "key: id, geometry: none, personal: [nome]"),
                 "no column nome, which is declared personal"));
  CHECK(reason(db, "key: id") == "geom of public.l has SRID 3857; it must be 4326");
  CHECK(contains(reason(db, "key: id, geometry: name"),
                 "name of public.l is text, neither geometry nor geography"));
  CHECK(
      contains(reason(db, "key: id, geometry: {lon: lon, lat: lat}"), "lon of public.l is text, no number"));
  CHECK(contains(reason(db, "key: id, geometry: {lon: x, lat: lat}"),
                 "no column x, which is its longitude or latitude"));
}

TEST_CASE("a column that cannot hold the declared kind") {
  const test::temp_db db;
  db.run("CREATE TABLE l (id int, geom geometry(MultiLineStringZ,4326), p geography(Point))");
  CHECK(reason(db, "key: id, geometry_type: point") ==
        "geom of public.l is geometry(MultiLineStringZ,4326), but the layer's geometry_type is point");
  CHECK(
      contains(reason(db, "key: id, geometry: p, geometry_type: polygon"), "is geography(Point,4326), but"));
  CHECK(read_one(db, "key: id, geometry_type: line").layers().size() == 1);
  CHECK(read_one(db, "key: id, geometry_type: mixed").layers().size() == 1);
  const catalog geography = read_one(db, "key: id, geometry: p, geometry_type: point");
  CHECK(geography.find("l")->geography);
  CHECK(geography.find("l")->srid == 4326);
}

TEST_CASE("a geometry column without SRID is that of its rows") {
  const test::temp_db db;
  db.run("CREATE TABLE l (id int, geom geometry, geog geography)");
  CHECK(read_one(db, "key: id").find("l")->srid == 4326);  // no rows yet
  CHECK(read_one(db, "key: id, geometry: geog").find("l")->geography);
  db.run("INSERT INTO l VALUES (0, NULL, NULL), (1, ST_SetSRID(ST_MakePoint(1, 2), 4326), NULL)");
  CHECK(read_one(db, "key: id").find("l")->srid == 4326);
  db.run("TRUNCATE l; INSERT INTO l VALUES (1, ST_MakePoint(1, 2))");
  CHECK(contains(reason(db, "key: id"), "geom of public.l has SRID 0"));
}

TEST_CASE("views, materialised views, partitioned tables, pairs of columns, none") {
  const test::temp_db db;
  db.run(R"(
    CREATE TABLE base (id text PRIMARY KEY, x float8, y numeric, geom geometry(Point,4326));
    CREATE VIEW v AS SELECT id, geom, x FROM base;
    CREATE VIEW made AS SELECT id, ST_SetSRID(ST_MakePoint(x, y), 4326) AS geom FROM base;
    CREATE MATERIALIZED VIEW m AS SELECT * FROM base;
    CREATE TABLE p (id int, at date) PARTITION BY RANGE (at))");
  const catalog c = read(db.uri(), layers(R"(
  v: {key: id, mode: attached}
  made: {key: id}
  m: {key: id}
  p: {key: [id, at], geometry: none}
  pair: {table: base, key: id, geometry: {lon: x, lat: y}}
  missing: {key: id}
)"));
  REQUIRE(c.layers().size() == 5);
  CHECK(c.layers()[0].config.name == "v");  // the config's order
  CHECK(c.find("v")->srid == 4326);
  CHECK(c.find("made")->srid == 4326);
  CHECK(c.find("p")->properties.empty());
  CHECK_FALSE(c.find("p")->has_geometry());
  CHECK(c.find("pair")->has_geometry());
  CHECK(c.find("pair")->srid == 4326);
  CHECK(c.find("pair")->properties.empty());  // all but key and geometry, of either kind
  REQUIRE(c.broken().size() == 1);
  CHECK(c.broken()[0].name == "missing");
  CHECK(c.find("") == nullptr);
}

TEST_CASE("rows and extent are those of layer_state, else the planner's estimate") {
  const test::temp_db db;
  db.run(R"(
    CREATE TABLE l (id int PRIMARY KEY, geom geometry(Point,4326));
    INSERT INTO l SELECT n, ST_SetSRID(ST_MakePoint(n % 10, n % 7), 4326) FROM generate_series(1, 500) n;
    ANALYZE l)");
  CHECK(read_one(db, "key: id").find("l")->estimated_rows == 500);
  CHECK(read_one(db, "key: id").find("l")->extent_area_km2 == 0);
  db.run(R"(
    CREATE SCHEMA gridlight;
    CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL DEFAULT 1,
      changed_at timestamptz NOT NULL DEFAULT now(), row_count bigint, bounds geometry(Geometry,4326),
      source_synced_at timestamptz);
    CREATE TABLE gridlight.watched (layer text PRIMARY KEY, relation text NOT NULL))");
  db.run(tells_sql);
  // Its name alone is not its table.
  for (const char* other : {"public.other", "theirs.l", "l"}) {
    db.run(std::string{"INSERT INTO gridlight.watched VALUES ('l', '"} + other +
           "'); INSERT INTO gridlight.layer_state (layer, row_count) VALUES ('l', 9)");
    CHECK_FALSE(read_one(db, "key: id").find("l")->versioned);
    CHECK(read_one(db, "key: id").find("l")->estimated_rows == 500);
    db.run("TRUNCATE gridlight.watched, gridlight.layer_state");
  }
  CHECK_FALSE(read_one(db, "key: id").find("l")->versioned);
  db.run("INSERT INTO gridlight.watched VALUES ('l', 'public.l')");
  const auto check = [&](std::int64_t rows, double area) {
    const catalog c = read_one(db, "key: id");
    CHECK(c.find("l")->versioned);
    CHECK(c.find("l")->estimated_rows == rows);
    CHECK(c.find("l")->extent_area_km2 == doctest::Approx(area).epsilon(0.005));
  };
  check(500, 0);
  db.run("INSERT INTO gridlight.layer_state (layer) VALUES ('l')");
  check(500, 0);
  db.run("UPDATE gridlight.layer_state SET row_count = 7, bounds = ST_MakeEnvelope(0, 0, 1, 1, 4326)");
  check(7, 12364);
  db.run(
      "UPDATE gridlight.layer_state SET row_count = 0, bounds = ST_MakeEnvelope(-180, -90, 180, 90, 4326)");
  check(0, 510065600);
  db.run("UPDATE gridlight.layer_state SET bounds = ST_SetSRID(ST_MakePoint(5, 5), 4326)");
  check(0, 0);
  db.run("UPDATE gridlight.layer_state SET bounds = ST_GeomFromText('POINT EMPTY', 4326)");
  check(0, 0);
  // What was a table is behind a view by now: its triggers tell of another name.
  db.run("ALTER TABLE l RENAME TO base");
  for (const std::string kind : {"VIEW", "MATERIALIZED VIEW"}) {
    CAPTURE(kind);
    db.run("CREATE " + kind + " l AS SELECT * FROM base");
    CHECK_FALSE(read_one(db, "key: id").find("l")->versioned);
    db.run("DROP " + kind + " l");
  }
  db.run("ALTER TABLE base RENAME TO l");
  check(0, 0);
}

TEST_CASE("a catalog is as good as one of about as many rows, and not as one that serves anything else") {
  const test::temp_db db;
  db.run(R"(
    CREATE TABLE l (id int PRIMARY KEY, name text, geom geometry(Point,4326));
    CREATE SCHEMA gridlight;
    CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL DEFAULT 1,
      row_count bigint, bounds geometry(Geometry,4326));
    CREATE TABLE gridlight.watched (layer text PRIMARY KEY, relation text NOT NULL);
    INSERT INTO gridlight.watched VALUES ('l', 'public.l');
    INSERT INTO gridlight.layer_state VALUES ('l', 1, 100000, ST_MakeEnvelope(0, 0, 1, 1, 4326)))");
  db.run(tells_sql);
  const catalog first = read_one(db, "key: id");
  const auto same_after = [&](const std::string& sql) {
    db.run(sql);
    const catalog now = read_one(db, "key: id");
    CHECK(now.number() != first.number());
    CHECK(now.as_good_as(first) == first.as_good_as(now));
    return now.as_good_as(first);
  };
  const std::string set = "UPDATE gridlight.layer_state SET ";
  CHECK(same_after("SELECT"));
  CHECK(same_after(set + "row_count = 100001, bounds = ST_MakeEnvelope(0, 0, 1.1, 1, 4326)"));
  CHECK(same_after(set + "row_count = 60000"));
  CHECK_FALSE(same_after(set + "row_count = 40000"));
  CHECK_FALSE(same_after(set + "row_count = 0"));
  CHECK_FALSE(same_after(set + "row_count = 100000, bounds = NULL"));
  CHECK_FALSE(same_after(set + "bounds = ST_MakeEnvelope(0, 0, 2, 2, 4326)"));
  CHECK(same_after(set + "bounds = ST_MakeEnvelope(0, 0, 1, 1, 4326)"));
  CHECK_FALSE(same_after("ALTER TABLE l ADD COLUMN more int"));
  CHECK_FALSE(same_after("ALTER TABLE l DROP COLUMN more; UPDATE gridlight.watched SET relation = 'other'"));
}

TEST_CASE("a role with few rights reads what it may, and is told what it lacks") {
  const test::temp_db db;
  const test::temp_role role{db};
  db.run(R"(
    CREATE SCHEMA gridlight; CREATE TABLE gridlight.layer_state (layer text);
    CREATE SCHEMA hidden; CREATE TABLE hidden.l (id int, geom geometry(Point,4326));
    CREATE TABLE l (id int, name text, owner text, geom geometry(Point,4326));
    CREATE TABLE open_l (id int, name text, geom geometry(Point,4326));
    GRANT SELECT ON open_l TO )" +
         role.name() + "; GRANT SELECT (id, name, geom) ON l TO " + role.name());
  const std::string uri = role.uri();
  const auto c = read(uri, layers(R"(
  open_l: {key: id}
  some: {table: l, key: id, properties: [name]}
  rest: {table: l, key: id}
  all: {table: l, key: id, properties: [name, owner]}
  hidden: {table: l, schema: hidden, key: id}
)"));
  REQUIRE(c.layers().size() == 3);
  CHECK_FALSE(c.find("open_l")->versioned);
  CHECK(c.find("some") != nullptr);
  CHECK(names(c.find("rest")->properties) == std::vector<std::string>{"name"});
  REQUIRE(c.broken().size() == 2);
  CHECK(c.broken()[0].reason == "no SELECT privilege on column owner of public.l");
  CHECK(c.broken()[1].reason == "no USAGE privilege on schema hidden");
}

TEST_CASE("hundreds of layers are read in few queries") {
  const test::temp_db db;
  db.run(
      "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE l%s (id int, geom "
      "geometry(Point,4326))', i); "
      "END LOOP; END $$");
  std::string yaml;
  for (int i = 1; i <= 300; ++i)
    yaml += "  l" + std::to_string(i) + ": {key: id}\n";
  CHECK(read(db.uri(), layers(yaml)).layers().size() == 300);
}

TEST_CASE("a database without PostGIS: layers without geometry still work") {
  const test::temp_db db;
  db.run("DROP EXTENSION postgis CASCADE; CREATE TABLE l (id int, at timestamptz)");
  CHECK(read_one(db, "key: id, geometry: none").layers().size() == 1);
  CHECK(contains(reason(db, "key: id"), "no column geom"));
}
