// Viewports, geometries and keys against PostGIS's ST_Intersects over whole tables.
#include <cstdio>
#include <set>

#include "geo/wkb.hpp"
#include "tests/api/lookup_bench.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::lookup_bench;

namespace {

constexpr std::string_view schema = R"(
CREATE SCHEMA gridlight;
CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL);
INSERT INTO gridlight.layer_state VALUES ('points', 3), ('shapes', 4), ('pairs', 5);
SELECT setseed(0.75);
CREATE TABLE places AS SELECT row_number() OVER () AS n, lon, lat FROM (
    SELECT -95.37 + (random() + random() - 1) * 0.4 AS lon, 29.76 + (random() + random() - 1) * 0.3 AS lat FROM generate_series(1, 900)
    UNION ALL SELECT CASE WHEN random() < 0.5 THEN 180 - random() ELSE -180 + random() END, random() * 2 - 1 FROM generate_series(1, 100)) p;
CREATE TABLE points AS SELECT 'p' || n AS id, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geom FROM places;
CREATE TABLE shapes AS SELECT n::int AS id, ST_SetSRID(CASE WHEN n % 2 = 0 THEN ST_Buffer(ST_MakePoint(lon, lat), 0.01, 2)
    ELSE ST_MakeLine(ST_MakePoint(lon, lat), ST_MakePoint(lon, lat + 0.02)) END, 4326) AS geom FROM places;
CREATE TABLE pairs AS SELECT 'a:' || n % 7 || '\' AS a, n AS b, ST_SetSRID(ST_MakePoint(lon, lat), 4326) AS geom FROM places;
INSERT INTO points VALUES ('none', NULL), ('empty', ST_GeomFromText('POINT EMPTY', 4326));
ALTER TABLE points ADD PRIMARY KEY (id); ALTER TABLE shapes ADD PRIMARY KEY (id); ALTER TABLE pairs ADD PRIMARY KEY (a, b);
CREATE INDEX ON points USING gist (geom); CREATE INDEX ON shapes USING gist (geom); CREATE INDEX ON pairs USING gist (geom);
ANALYZE;
)";

api::layer_ref layer_of(const std::string& table, std::int64_t rows) {
  std::vector<layer> all;
  all.push_back(test::make_layer(table, {}, geometry_kind::mixed));
  layer& l = all.back();
  l.estimated_rows = rows;  // decides the way: few by space, many walk the key first
  if (table == "shapes") l.key[0].type = postgres::oid::int4;
  if (table == "pairs") {
    l.key[0].name = "a";
    l.key.push_back({.name = "b",
                     .type = postgres::oid::int8,
                     .cast_to_text = false,
                     .json_type = "integer",
                     .format = ""});
  }
  const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
  return {owner, owner->find(table)};
}

std::string key_sql(const std::string& table) {
  return table == "pairs" ? "replace(replace(a, '\\', '\\\\'), ':', '\\:') || ':' || b" : "id::text";
}
std::string order_sql(const std::string& table) {
  return table == "pairs" ? "t.a, t.b" : "t.id";
}

std::string envelope(const geo::bbox& b) {
  char text[200];
  std::snprintf(text, sizeof text, "ST_MakeEnvelope(%.17g,%.17g,%.17g,%.17g,4326)", b.min_lon, b.min_lat,
                b.max_lon, b.max_lat);
  return text;
}

std::vector<std::string> truth(lookup_bench& b, const std::string& table, const std::string& where) {
  std::vector<std::string> out;
  for (const auto& row : b.rows("SELECT " + key_sql(table) + " FROM " + table + " t WHERE " + where +
                                " ORDER BY " + order_sql(table)))
    out.push_back(row[0]);
  return out;
}

std::vector<std::string> ids(const api::feature_page& page) {
  std::vector<std::string> out;
  for (auto& f : test::read_page(page))
    out.push_back(f.id);
  return out;
}

}  // namespace

TEST_CASE("pages of a viewport, put together, are what ST_Intersects says") {
  lookup_bench b{schema};
  const unsigned seed = test::seed();
  MESSAGE("seed ", seed);
  std::mt19937 random{seed};
  const auto between = [&](double x, double y) {
    return std::uniform_real_distribution<double>{x, y}(random);
  };
  api::postgis_source source{*b.pool};
  for (const std::string table : {"points", "shapes", "pairs"}) {
    const api::layer_ref refs[] = {layer_of(table, 0), layer_of(table, 1'000), layer_of(table, 50'000'000)};
    for (int i = test::questions(100, 10'000); i > 0; --i) {
      std::optional<geo::bbox> box;
      const int kind = std::uniform_int_distribution<int>{0, 9}(random);
      if (kind == 1) box = geo::bbox{between(178, 180), -2, between(-180, -178), between(-1, 2)};
      if (kind == 2) box = geo::bbox{-180, -90, 180, 90};
      if (kind == 3) box = geo::bbox{-30, -40, -29, -39};
      if (kind >= 4) {
        const double lon = -95.37 + between(-0.4, 0.3), lat = 29.76 + between(-0.3, 0.2);
        box = geo::bbox{lon, lat, lon + between(0, 0.3), lat + between(0, 0.3)};
      }
      std::string where = "true";
      if (box) {
        const geo::bbox_parts parts = geo::split(*box);
        where = "ST_Intersects(geom, " + envelope(parts.boxes[0]) + ")";
        if (parts.count == 2) where += " OR ST_Intersects(geom, " + envelope(parts.boxes[1]) + ")";
        CAPTURE(where);
      }
      const auto expected = truth(b, table, where);
      const auto limit = std::uniform_int_distribution<std::int64_t>{1, 400}(random);
      CAPTURE(table);
      CAPTURE(limit);
      std::vector<std::string> got;
      api::viewport_question q{.box = box, .after = {}, .limit = limit, .count = true, .properties = {}};
      for (bool more = true; more;) {
        const auto page = b.run(source.viewport(refs[i % 3], q, b.effort()));
        REQUIRE_MESSAGE(page.has_value(), page.error().log_detail);
        CHECK(page->count <= limit);
        CHECK(page->version.has_value());
        CHECK(page->matched ==
              (q.count ? std::optional{static_cast<std::int64_t>(expected.size())} : std::nullopt));
        for (auto& id : ids(*page))
          got.push_back(id);
        more = page->more;
        CHECK(more == (got.size() < expected.size()));
        if (more && page->count == 0) break;
        q.after = page->last_key;
        q.count = false;
      }
      CHECK(got == expected);
    }
  }
}

TEST_CASE("what intersects a geometry is what ST_Intersects says") {
  lookup_bench b{schema};
  const unsigned seed = test::seed();
  MESSAGE("seed ", seed);
  std::mt19937 random{seed};
  const auto between = [&](double x, double y) {
    return std::uniform_real_distribution<double>{x, y}(random);
  };
  api::postgis_source source{*b.pool};
  for (const std::string table : {"points", "shapes", "pairs"}) {
    const api::layer_ref refs[] = {layer_of(table, 0), layer_of(table, 50'000'000)};
    for (int i = test::questions(60, 5'000); i > 0; --i) {
      char text[300];
      const double lon = -95.37 + between(-0.4, 0.3), lat = 29.76 + between(-0.3, 0.2);
      if (i % 4 == 0)
        std::snprintf(text, sizeof text, "LINESTRING(%.6f %.6f, %.6f %.6f)", lon, lat,
                      lon + between(-0.3, 0.3), lat + between(-0.3, 0.3));
      else if (i % 4 == 1)
        std::snprintf(text, sizeof text, "MULTIPOINT(%.6f %.6f, -95.37 29.76)", lon, lat);
      else
        std::snprintf(text, sizeof text, "POLYGON((%.6f %.6f, %.6f %.6f, %.6f %.6f, %.6f %.6f))", lon, lat,
                      lon + between(0.01, 0.3), lat, lon, lat + between(0.01, 0.3), lon, lat);
      CAPTURE(text);
      CAPTURE(table);
      const std::string shape = "ST_GeomFromText('" + std::string{text} + "', 4326)";
      const auto expected = truth(b, table, "ST_Intersects(geom, " + shape + ")");
      const api::intersects_question q{
          .ewkb = geo::from_hex(b.rows("SELECT encode(ST_AsEWKB(" + shape + "), 'hex')").at(0)[0]),
          .limit = i % 2 == 0 ? 1'000 : 10,
          .properties = {}};
      const auto page = b.run(source.intersects(refs[i % 3 == 0 ? 1 : 0], q, b.effort()));
      REQUIRE_MESSAGE(page.has_value(), page.error().log_detail);
      auto first = expected;
      first.resize(std::min<std::size_t>(first.size(), static_cast<std::size_t>(q.limit)));
      CHECK(ids(*page) == first);
      CHECK(page->more == (first.size() < expected.size()));
    }
  }
}

TEST_CASE("one feature by its key, of every kind of key") {
  lookup_bench b{schema};
  api::postgis_source source{*b.pool};
  for (const std::string table : {"points", "shapes", "pairs"}) {
    const auto l = layer_of(table, 0);
    for (const auto& id :
         truth(b, table, table == "points" ? "id IN ('p1', 'p77', 'none', 'empty')" : "true")) {
      if (table == "shapes" && id.size() < 3) continue;
      if (table == "pairs" && id.back() != '7') continue;
      const auto key = api::split_key(id, l->key.size());
      REQUIRE(key.has_value());
      const auto page = b.run(source.by_key(l, *key, b.effort()));
      REQUIRE_MESSAGE(page.has_value(), page.error().log_detail);
      CHECK(ids(*page) == std::vector<std::string>{id});
    }
    const auto absent = b.run(source.by_key(l, std::vector<std::string>(l->key.size(), "-1"), b.effort()));
    REQUIRE(absent.has_value());
    CHECK(absent->count == 0);
    CHECK(absent->version.has_value());
  }
}

TEST_CASE("keys of every native type page and are found") {
  lookup_bench b{schema};
  struct kind {
    const char *type, *values;
    Oid id;
    bool as_text = false;
  };
  namespace oid = postgres::oid;
  const kind kinds[] = {
      {"text", "chr(64 + n) || ' '' \" \\ : é'", oid::text},
      {"smallint", "n - 10", oid::int2},
      {"integer", "n - 10", oid::int4},
      {"bigint", "n::bigint * 1000000007 - 5", oid::int8},
      {"numeric(12,3)", "n * 1.125 - 3", oid::numeric},
      {"double precision", "n / 7.0 - 1", oid::float8},
      {"real", "n / 7.0 - 1", oid::float4},
      {"date", "date '0001-06-01' + n * 40000", oid::date},
      {"timestamptz",
       "timestamptz '1999-12-31 23:59:59.123456Z' + n * interval '1 hour 7 seconds 1 microsecond'",
       oid::timestamptz},
      {"timestamp", "timestamp '1999-12-31 23:59:59.5' + n * interval '1 day'", oid::timestamp},
      {"uuid", "md5(n::text)::uuid", oid::uuid},
      {"inet", "('10.0.0.' || n)::inet", oid::text, true},
  };
  for (const kind& k : kinds) {
    CAPTURE(k.type);
    b.db.run("CREATE TABLE keyed (id " + std::string{k.type} +
             " PRIMARY KEY, geom geometry(Point, 4326)); INSERT INTO keyed SELECT " + k.values +
             ", ST_SetSRID(ST_MakePoint(n, n), 4326) FROM generate_series(1, 25) n");
    std::vector<layer> all{test::make_layer("keyed", {})};
    all[0].key[0].type = k.id;
    all[0].key[0].cast_to_text = k.as_text;
    const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
    const api::layer_ref l{owner, owner->find("keyed")};
    api::postgis_source source{*b.pool};
    std::set<std::string> seen;
    api::viewport_question q{.box = {}, .after = {}, .limit = 4, .count = false, .properties = {}};
    for (bool more = true; more;) {
      const auto page = b.run(source.viewport(l, q, b.effort()));
      REQUIRE_MESSAGE(page.has_value(), page.error().log_detail);
      for (const auto& id : ids(*page)) {
        CHECK(seen.insert(id).second);
        const auto one = b.run(source.by_key(l, {id}, b.effort()));
        REQUIRE_MESSAGE(one.has_value(), one.error().log_detail);
        CHECK(ids(*one) == std::vector<std::string>{id});
      }
      more = page->more;
      REQUIRE(page->count > 0);
      q.after = page->last_key;
    }
    CHECK(seen.size() == 25);
    b.db.run("DROP TABLE keyed");
  }
}
