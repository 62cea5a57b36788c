// Tables, views and materialised views of somebody else: read with SELECT alone, answered like our own, never
// written.
#include <cmath>
#include <set>

#include "sync/check.hpp"
#include "sync/load/load.hpp"
#include "tests/api/grid_bench.hpp"

using namespace gridlight;
using test::api_bench;

namespace {

// The owner's schema. Any DDL of anybody's raises an exception once the event trigger stands.
constexpr std::string_view theirs = R"(
CREATE SCHEMA theirs;
SELECT setseed(0.3);
CREATE TABLE theirs.places AS SELECT n, -95.37 + (random() + random() - 1) * 0.4 AS lon, 29.76 + (random() + random() - 1) * 0.3 AS lat FROM generate_series(1, 800) n;
CREATE TABLE theirs.parcels AS SELECT 'd:' || n % 5 || '\' AS district, n::int AS no, 'parcel ' || n AS label,
  ST_SetSRID(ST_MakeEnvelope(lon, lat, lon + 0.002, lat + 0.001), 4326)::geometry(Polygon, 4326) AS shape FROM theirs.places;
ALTER TABLE theirs.parcels ADD PRIMARY KEY (district, no);
CREATE INDEX ON theirs.parcels USING gist (shape); CREATE INDEX ON theirs.parcels USING gist ((shape::geography));
CREATE TABLE theirs.pipes AS SELECT n::bigint AS id, n * 1.5 AS bore, ST_SetSRID(ST_MakeLine(ST_MakePoint(lon, lat), ST_MakePoint(lon + 0.003, lat + 0.002)), 4326)::geography AS way FROM theirs.places;
CREATE TABLE theirs.valves_raw (id uuid PRIMARY KEY, "Lon" numeric(10,6), "Lat" numeric(10,6), kind text, secret text);
INSERT INTO theirs.valves_raw SELECT md5(n::text)::uuid, lon, lat, 'k' || n % 3, 'hush' FROM theirs.places;
INSERT INTO theirs.valves_raw VALUES (md5('none')::uuid, NULL, NULL, 'k', 'hush');
CREATE VIEW theirs.valves AS SELECT id, "Lon", "Lat", kind FROM theirs.valves_raw;
CREATE MATERIALIZED VIEW theirs.corners AS SELECT district, no, ST_StartPoint(ST_Boundary(shape)) AS geom FROM theirs.parcels;
CREATE INDEX ON theirs.corners USING gist ((geom::geography));
CREATE TABLE theirs.irish (id int PRIMARY KEY, geom geometry(Point, 2157));
CREATE TABLE theirs.undeclared (id int PRIMARY KEY, geom geometry);
INSERT INTO theirs.undeclared VALUES (1, ST_SetSRID(ST_MakePoint(600000, 750000), 2157));
ANALYZE;
)";

constexpr const char* yaml = R"(
layers:
  parcels: {schema: theirs, key: [district, no], geometry: shape, geometry_type: polygon, mode: attached}
  pipes: {schema: theirs, key: id, geometry: way, geometry_type: line, mode: attached}
  valves: {schema: theirs, key: id, geometry: {lon: Lon, lat: Lat}, mode: attached}
  corners: {schema: theirs, key: [no, district], mode: attached}
  irish: {schema: theirs, key: id, mode: attached}
  undeclared: {schema: theirs, key: id, mode: attached}
)";

struct attached_bench : api_bench {
  explicit attached_bench(bool migrated = false) : api_bench(theirs, "theirs") {
    if (migrated) migrate();
    db.run(
        "REVOKE SELECT ON theirs.valves_raw FROM " + reader->name() +
        "; CREATE FUNCTION theirs.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "EXCEPTION "
        "'DDL by %', current_user; END $$; CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION "
        "theirs.refuse()");
    serve(yaml);
  }
  ~attached_bench() { db.run("DROP EVENT TRIGGER refuse"); }
  attached_bench(const attached_bench&) = delete;
  attached_bench& operator=(const attached_bench&) = delete;

  std::string written() const {
    return db.value(
        "SELECT pg_stat_force_next_flush()::text || sum(n_tup_ins + n_tup_upd + n_tup_del) FROM "
        "pg_stat_user_tables WHERE schemaname IN ('theirs', 'gridlight', 'public')");
  }
  std::string objects() const {
    return db.value(
        "SELECT (SELECT count(*) FROM pg_class) || ' ' || (SELECT count(*) FROM pg_trigger) || ' ' || "
        "(SELECT "
        "count(*) FROM pg_proc) || ' ' || (SELECT count(*) FROM pg_namespace)");
  }
};

struct source_table {
  const char *layer, *id, *place, *order;  // in SQL
  std::string from() const { return std::string{"theirs."} + layer + " t"; }
};
constexpr source_table tables[] = {
    {"parcels", R"(replace(replace(district, '\', '\\'), ':', '\:') || ':' || no)", "shape",
     "t.district, t.no"},
    {"pipes", "id::text", "way::geometry", "t.id"},
    {"valves", "id::text", R"(ST_SetSRID(ST_MakePoint("Lon", "Lat"), 4326))", "t.id"},
    {"corners", R"(no || ':' || replace(replace(district, '\', '\\'), ':', '\:'))", "geom",
     "t.no, t.district"},
};

std::vector<std::string> ids(const simdjson::dom::element& page) {
  std::vector<std::string> out;
  const simdjson::dom::array features = page["features"].get_array().value();
  for (const auto f : features) {
    std::int64_t number = 0;
    if (f["id"].get(number) == simdjson::SUCCESS)
      out.push_back(std::to_string(number));
    else
      out.emplace_back(f["id"].get_string().value());
  }
  return out;
}

std::string text(double v) {
  char out[32];
  std::snprintf(out, sizeof out, "%.9g", v);
  return out;
}

std::vector<std::string> truth(api_bench& b, const source_table& t, const std::string& where,
                               const std::string& order, int limit) {
  std::vector<std::string> out;
  for (const auto& row : b.rows(std::string{"SELECT "} + t.id + " FROM " + t.from() + " WHERE " + where +
                                " ORDER BY " + order + " LIMIT " + std::to_string(limit)))
    out.push_back(row[0]);
  return out;
}

}  // namespace

TEST_CASE("every lookup on somebody else's tables is what PostGIS says, and writes nothing") {
  for (const bool migrated : {false, true}) {
    CAPTURE(migrated);
    attached_bench b{migrated};
    const std::string before = b.written() + b.objects();
    std::mt19937 random{test::seed()};
    const auto between = [&](double x, double y) {
      return std::uniform_real_distribution<double>{x, y}(random);
    };
    for (int i = test::questions(60, 3'000); i > 0; --i) {
      const source_table& t = tables[i % 4];
      const std::string base = std::string{"/api/postgres/layers/"} + t.layer, place = t.place;
      const bool far = i % 10 == 0;
      const double lon = far ? between(-180, 180) : between(-95.7, -95.0),
                   lat = far ? -40 : between(29.5, 30.0);
      const int limit = std::uniform_int_distribution<int>{1, 60}(random);
      const std::string at =
                            "ST_SetSRID(ST_MakePoint(" + text(lon) + ", " + text(lat) + "), 4326)::geography",
                        distance = "ST_Distance((" + place + ")::geography, " + at + ")",
                        radius = text(between(0, 20'000)),
                        point = "?lon=" + text(lon) + "&lat=" + text(lat) + "&limit=" + std::to_string(limit);
      CAPTURE(base);
      CAPTURE(point);
      CHECK(ids(b.json(base + "/nearest" + point)) ==
            truth(b, t, place + " IS NOT NULL", distance + ", " + t.order, limit));
      CHECK(ids(b.json(base + "/within" + point + "&radius_m=" + radius)) ==
            truth(b, t, "ST_DWithin((" + place + ")::geography, " + at + ", " + radius + ")",
                  distance + ", " + t.order, limit));
      const std::string box = text(lon) + "," + text(lat) + "," + text(lon + 0.2) + "," + text(lat + 0.1);
      const std::string hit = "ST_Intersects(" + place + ", ST_MakeEnvelope(" + box + ", 4326))";
      std::vector<std::string> paged;
      std::string next = base + "/features?limit=" + std::to_string(limit) + "&bbox=" + box;
      if (far) next = base + "/features?limit=" + std::to_string(limit + 50);
      while (!next.empty()) {
        const auto page = b.json(next);
        for (auto& id : ids(page))
          paged.push_back(std::move(id));
        next.clear();
        const simdjson::dom::array links = page["links"].get_array().value();
        for (const auto link : links)
          next = std::string{link["href"].get_string().value()};
      }
      CHECK(paged == truth(b, t, far ? "true" : hit, t.order, 100'000));
      const std::string ring = "[[" + text(lon) + "," + text(lat) + "],[" + text(lon + 0.1) + "," +
                               text(lat) + "],[" + text(lon) + "," + text(lat + 0.1) + "],[" + text(lon) +
                               "," + text(lat) + "]]";
      const std::string shape = R"({"type":"Polygon","coordinates":[)" + ring + "]}";
      CHECK(ids(b.json(base + "/intersects?limit=" + std::to_string(limit), 200, shape)) ==
            truth(b, t, "ST_Intersects(" + place + ", ST_SetSRID(ST_GeomFromGeoJSON('" + shape + "'), 4326))",
                  t.order, limit));
      if (paged.empty()) continue;
      const std::string& id = paged[paged.size() / 2];
      std::string encoded;
      for (const char c : id)
        encoded += c == '\\' ? std::string{"%5C"} : std::string{c};
      const auto one = b.json(base + "/features/" + encoded);
      std::int64_t number = 0;
      CHECK((one["id"].get(number) == simdjson::SUCCESS ? std::to_string(number)
                                                        : std::string{one["id"].get_string().value()}) == id);
    }
    CHECK(b.written() + b.objects() == before);
    CHECK(b.db.value(
              "SELECT count(*) FROM pg_locks WHERE mode NOT LIKE '%AccessShare%' AND relation IN (SELECT oid "
              "FROM pg_class WHERE relnamespace = 'theirs'::regnamespace)") == "0");
    CHECK(b.db.value("SELECT count(*) FROM pg_stat_activity WHERE query ILIKE 'listen%'") == "0");
    CHECK(b.db.value("SELECT has_table_privilege('" + b.reader->name() +
                     "', 'theirs.parcels', "
                     "'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')") == "f");
  }
}

TEST_CASE("layers and readiness say that an attached layer's version is advisory") {
  for (const bool migrated : {false, true}) {
    CAPTURE(migrated);
    attached_bench b{migrated};
    const auto all = b.json("/api/postgres/layers");
    const simdjson::dom::array layers = all["layers"].get_array().value();
    std::size_t served = 0;
    for (const auto l : layers) {
      if (l["status"].get_string().value() != "ok") continue;
      ++served;
      CHECK(l["mode"].get_string().value() == "attached");
      CHECK(l["version_advisory"].get_bool().value());
      CHECK(l["version"].is_null());
    }
    CHECK(served == 4);
    CHECK(b.last.body.find("SRID 2157; it must be 4326") !=
          std::string::npos);  // declared, and found in the rows
    // No schema of ours is needed, nor the right to read it.
    const auto ready = b.json("/ready");
    CHECK(ready["status"].get_string().value() == "ready");
    const simdjson::dom::array advisory = ready["advisory_versions"].get_array().value();
    CHECK(advisory.size() == 4);
    CHECK(b.json("/health")["advisory_versions"].get_array().value().size() == 4);
    b.json("/api/postgres/layers/parcels/within?lon=-95.37&lat=29.76&radius_m=5000");
    CHECK(b.header("Gridlight-Version").empty());
    CHECK(b.last.etag.size() > 4);
    b.get("/metrics");
  }
  test::grid_bench ours;
  CHECK_FALSE(ours.json("/api/postgres/layers/substations")["version_advisory"].get_bool().value());
  CHECK(ours.json("/ready")["advisory_versions"].get_array().value().size() == 0);
}

TEST_CASE("a grant that is taken away while the server runs, and rows that change under it") {
  attached_bench b;
  const std::string target =
      "/api/postgres/layers/pipes/within?lon=-95.37&lat=29.76&radius_m=50000&limit=1000";
  CHECK(ids(b.json(target)).size() == 800);
  const std::string etag = b.last.etag;
  b.db.run("DELETE FROM theirs.pipes WHERE id > 700");
  CHECK(ids(b.json(target)).size() == 700);
  CHECK(b.last.etag != etag);  // of the bytes: there is no version to go by
  b.db.run("ALTER EVENT TRIGGER refuse DISABLE; REVOKE SELECT ON theirs.pipes FROM " + b.reader->name());
  const auto refused = b.get(target);
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == errc::schema_mismatch);
  CHECK(refused.error().detail.find("pipes") == std::string::npos);
  b.reload();
  CHECK(b.json("/api/postgres/layers").at_key("layers").get_array().value().size() == 6);
  CHECK(b.last.body.find("no SELECT privilege on column") != std::string::npos);
}

TEST_CASE("a layer of a built-in one's name, whose table is another, has no version until that is watched") {
  for (const std::string mode : {"attached", "managed"}) {
    CAPTURE(mode);
    api_bench b{"SELECT 1"};
    b.migrate();
    b.db.run(R"(
      CREATE SCHEMA gis;
      CREATE TABLE gis.subst (id text PRIMARY KEY, name text, geom geometry(Point, 4326));
      INSERT INTO gis.subst VALUES ('A', 'old', ST_SetSRID(ST_MakePoint(-95.3, 29.7), 4326));
      CREATE TABLE gis.taps (id text PRIMARY KEY, subst text, geom geometry(Point, 4326));
      INSERT INTO gis.taps VALUES ('t', 'A', ST_SetSRID(ST_MakePoint(10, 10), 4326));
      INSERT INTO public.substations (substation_id, latitude, longitude) VALUES ('X', 10, 10), ('Y', 11, 11))");
    b.serve(
        "layers:\n  substations: {schema: gis, table: subst, key: id, geometry_type: point, mode: " + mode +
        "}\n  taps: {schema: gis, key: id, geometry_type: point, mode: attached, personal: [geom], snap: "
        "{layer: substations, by: subst}}\n");
    version_store known;
    b.services.versions = &known;
    const auto learn = [&] {
      version_store::versions now;
      for (const auto& row : b.db.rows("SELECT layer, version FROM gridlight.layer_state"))
        now.emplace(row[0], std::stoll(row[1]));
      REQUIRE(now["substations"] >= 1);
      known.set(now, steady::now());
    };
    learn();
    const std::vector<std::string> targets{"/api/postgres/tiles/substations/14/3854/6775",
                                           "/api/postgres/tiles/taps/14/3854/6775",
                                           "/api/postgres/layers/substations/features",
                                           "/api/postgres/layers/substations/features/A",
                                           "/api/postgres/layers/substations/nearest?lon=-95.3&lat=29.7",
                                           "/api/postgres/search?q=A&layers=substations"};
    const auto ask = [&](const std::string& target) {
      const auto r = b.get(target);
      REQUIRE_MESSAGE(r.has_value(), (target + r.error().detail + r.error().log_detail));
      b.last = *r;
      CHECK(b.header("Gridlight-Version").empty());
      return *r;
    };
    std::map<std::string, std::string> etags;
    for (const std::string& target : targets)
      etags[target] = ask(target).etag;
    b.db.run("UPDATE gis.subst SET name = 'older', geom = ST_Translate(geom, 0.0001, 0.0001)");
    for (const std::string& target : targets) {
      CAPTURE(target);
      b.if_none_match = '"' + etags[target] + '"';
      const auto again = ask(target);
      b.if_none_match.clear();
      CHECK((again.packed || again.shared || !again.body.empty()));
      CHECK(again.etag != etags[target]);
    }
    const auto l = b.json("/api/postgres/layers/substations");
    CHECK(l["version"].is_null());
    CHECK(l["row_count"].is_null());
    CHECK(l["bounds"].is_null());
    b.json("/api/postgres/tiles/substations.json");
    CHECK(b.last.body.find("v=") == std::string::npos);
    const auto metrics = b.get("/metrics");
    CHECK(metrics->body.find("gridlight_layer_version{layer=\"substations\"}") == std::string::npos);

    b.db.run("SELECT gridlight.watch('substations', 'gis.subst', 'geom'); UPDATE gis.subst SET name = 'new'");
    b.reload();
    learn();
    const auto watched = b.get(targets[0]);
    REQUIRE(watched.has_value());
    b.last = *watched;
    CHECK(b.header("Gridlight-Version").starts_with("substations="));
    const auto acquired = b.pool->status().lanes[1].acquired;
    CHECK(b.get(targets[0])->etag == watched->etag);
    CHECK(b.pool->status().lanes[1].acquired == acquired);  // kept
    b.db.run("UPDATE gis.subst SET name = 'newer'");
    learn();
    CHECK(b.get(targets[0])->etag != watched->etag);
  }
}
