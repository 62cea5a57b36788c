// within and nearest against PostGIS's own ST_DWithin and ST_Distance over whole tables.
#include <cmath>
#include <cstdlib>
#include <set>

#include "tests/api/lookup_bench.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::lookup_bench;

namespace {

// Dense round Houston, thin over the world, at both poles, on both sides of the antimeridian, many at one
// place, none.
constexpr std::string_view schema = R"(
CREATE SCHEMA gridlight;
CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL, bounds geometry);
INSERT INTO gridlight.layer_state VALUES ('points', 3), ('lines', 4), ('polygons', 5), ('local', 6);
SELECT setseed(0.25);
CREATE TABLE places AS
  SELECT row_number() OVER () AS n, lon, lat FROM (
    SELECT -95.37 + (random() + random() - 1) * 0.4 AS lon, 29.76 + (random() + random() - 1) * 0.3 AS lat FROM generate_series(1, 500)
    UNION ALL SELECT -95.37 + (random() - 0.5) * 0.004, 29.76 + (random() - 0.5) * 0.004 FROM generate_series(1, 150)
    UNION ALL SELECT random() * 360 - 180, degrees(asin(random() * 2 - 1)) FROM generate_series(1, 200)
    UNION ALL SELECT random() * 360 - 180, 89.9 + random() * 0.1 FROM generate_series(1, 25)
    UNION ALL SELECT random() * 360 - 180, -90 + random() * 0.1 FROM generate_series(1, 25)
    UNION ALL SELECT CASE WHEN random() < 0.5 THEN 180 - random() * 0.2 ELSE -180 + random() * 0.2 END, random() * 0.4 - 17 FROM generate_series(1, 50)
    UNION ALL SELECT -95.3, 29.7 FROM generate_series(1, 40)
    UNION ALL VALUES (0, 90), (0, -90), (90, 90), (180, 0), (-180, 0), (0, 0), (84.63, -29.76)) p(lon, lat);
CREATE TABLE points AS SELECT 'p' || n AS id, ST_SetSRID(ST_MakePoint(lon, lat), 4326)::geometry(Point, 4326) AS geom FROM places;
CREATE TABLE lines AS SELECT 'l' || n AS id, ST_SetSRID(ST_MakeLine(ST_MakePoint(lon, lat),
    ST_MakePoint(greatest(-180, least(180, lon + (random() - 0.5) * 0.02)), greatest(-90, least(90, lat + (random() - 0.5) * 0.02)))), 4326) AS geom FROM places;
CREATE TABLE polygons AS SELECT 'g' || n AS id, ST_SetSRID(ST_MakeEnvelope(greatest(-180, lon - 0.003), greatest(-89.99, lat - 0.002),
    least(180, lon + 0.002), least(89.99, lat + 0.003)), 4326) AS geom FROM places WHERE abs(lat) < 89.98;
INSERT INTO points VALUES ('none', NULL), ('empty', ST_GeomFromText('POINT EMPTY', 4326));
INSERT INTO lines VALUES ('none', NULL), ('empty', ST_GeomFromText('LINESTRING EMPTY', 4326));
INSERT INTO polygons VALUES ('none', NULL), ('empty', ST_GeomFromText('POLYGON EMPTY', 4326));
ALTER TABLE points ADD PRIMARY KEY (id); ALTER TABLE lines ADD PRIMARY KEY (id); ALTER TABLE polygons ADD PRIMARY KEY (id);
CREATE INDEX ON points USING gist ((geom::geography)); CREATE INDEX ON lines USING gist ((geom::geography));
CREATE INDEX ON polygons USING gist ((geom::geography));
ANALYZE;
)";

struct question {
  geo::lonlat at;
  double radius_m;
  std::int64_t limit;
};

class asker {
 public:
  explicit asker(std::mt19937& random) : random_(random) {}

  double between(double a, double b) { return std::uniform_real_distribution<double>{a, b}(random_); }
  bool one_in(int n) { return std::uniform_int_distribution<int>{1, n}(random_) == 1; }

  question next(lookup_bench& b) {
    question q{};
    switch (std::uniform_int_distribution<int>{0, 9}(random_)) {
      case 0:
        q.at = {between(-180, 180), between(-90, 90)};
        break;  // mostly empty sea
      case 1:
        q.at = {between(-180, 180), one_in(2) ? between(89.9, 90) : between(-90, -89.9)};
        break;
      case 2:
        q.at = {one_in(2) ? 180.0 : -180.0, between(-17.2, -16.4)};
        break;
      case 3:
        q.at = {between(179.7, 180) * (one_in(2) ? 1 : -1), between(-17.2, -16.4)};
        break;
      case 4:
        q.at = {one_in(2) ? 0.0 : -180.0, one_in(2) ? 90.0 : -90.0};
        break;
      case 5:
        q.at = {84.63 + between(-1, 1), -29.76 + between(-1, 1)};
        break;   // Houston's antipode
      case 6: {  // exactly on a row
        const auto row = b.rows(
            "SELECT ST_X(geom), ST_Y(geom) FROM points WHERE NOT ST_IsEmpty(geom) ORDER BY id OFFSET " +
            std::to_string(std::uniform_int_distribution<int>{0, 990}(random_)) + " LIMIT 1");
        q.at = {std::stod(row.at(0)[0]), std::stod(row.at(0)[1])};
        break;
      }
      case 7:
        q.at = {-95.3, 29.7};
        break;  // forty rows at one place
      default:
        q.at = {-95.37 + between(-0.3, 0.3), 29.76 + between(-0.25, 0.25)};
        break;
    }
    constexpr double radii[] = {0, 1, 50, 500, 5'000, 50'000};
    q.radius_m = one_in(3) ? between(0, 50'000) : radii[std::uniform_int_distribution<int>{0, 5}(random_)];
    constexpr std::int64_t limits[] = {1, 2, 7, 10, 100, 1'000};
    q.limit = limits[std::uniform_int_distribution<int>{0, 5}(random_)];
    return q;
  }

 private:
  std::mt19937& random_;
};

struct truth_row {
  std::string id;
  double distance_m;
  bool within;
};

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", v);
  return text;
}

std::vector<truth_row> truth(lookup_bench& b, const std::string& table, const question& q) {
  const std::string at =
      "ST_SetSRID(ST_MakePoint(" + number(q.at.lon) + "," + number(q.at.lat) + "),4326)::geography";
  std::vector<truth_row> out;
  for (const auto& row :
       b.rows("SELECT id, ST_Distance(geom::geography, " + at + ") AS d, ST_DWithin(geom::geography, " + at +
              ", " + number(q.radius_m) + ") FROM " + table + " WHERE NOT ST_IsEmpty(geom) ORDER BY d, id"))
    out.push_back({row[0], std::stod(row[1]), row[2] == "t"});
  return out;
}

// Same ids, same order up to ties, distances to a millimetre.
void compare(const std::vector<truth_row>& expected, std::int64_t limit,
             const result<api::feature_page>& answer, bool says_more) {
  REQUIRE_MESSAGE(answer.has_value(), answer.error().log_detail);
  const auto found = test::read_page(*answer);
  const auto size = std::min<std::size_t>(expected.size(), static_cast<std::size_t>(limit));
  REQUIRE(found.size() == size);
  if (says_more) CHECK(answer->more == (expected.size() > size));
  std::map<std::string, double> distance_of;
  for (const truth_row& t : expected)
    distance_of[t.id] = t.distance_m;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < size; ++i) {
    CHECK(seen.insert(found[i].id).second);
    REQUIRE(distance_of.count(found[i].id) == 1);
    CHECK(std::abs(distance_of[found[i].id] - expected[i].distance_m) < 1e-6);
    CHECK(std::abs(found[i].distance_m - expected[i].distance_m) <= 0.001);
  }
}

api::layer_ref layer_of(const std::string& table, std::int64_t rows, bool versioned = true) {
  std::vector<layer> all;
  all.push_back(test::make_layer(table, {}, geometry_kind::mixed));
  all.back().versioned = versioned;
  all.back().estimated_rows = rows;  // decides the way: rows 0 sorts, many go by the index
  const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
  return {owner, owner->find(table)};
}

}  // namespace

TEST_CASE("within and nearest are what ST_DWithin and ST_Distance say") {
  lookup_bench b{schema};
  const unsigned seed = test::seed();
  MESSAGE("seed ", seed);
  std::mt19937 random{seed};
  asker ask{random};
  api::postgis_source sorting{*b.pool}, walking{*b.pool};
  for (const std::string table : {"points", "lines", "polygons"}) {
    const api::layer_ref few = layer_of(table, 0), many = layer_of(table, 10'000'000);
    for (int i = test::questions(300, 10'000); i > 0; --i) {
      const question q = ask.next(b);
      CAPTURE(table);
      CAPTURE(number(q.at.lon));
      CAPTURE(number(q.at.lat));
      CAPTURE(number(q.radius_m));
      CAPTURE(q.limit);
      const auto all = truth(b, table, q);
      std::vector<truth_row> inside;
      for (const truth_row& t : all)
        if (t.within) inside.push_back(t);

      const api::within_question w{.at = q.at, .radius_m = q.radius_m, .limit = q.limit, .properties = {}};
      compare(inside, q.limit, b.run(sorting.within(few, w, b.effort())), true);
      compare(inside, q.limit, b.run(walking.within(many, w, b.effort())), true);
      const api::nearest_question n{.at = q.at, .max_distance_m = {}, .limit = q.limit, .properties = {}};
      compare(all, q.limit, b.run(walking.nearest(many, n, b.effort())), false);
      const api::nearest_question bounded{
          .at = q.at, .max_distance_m = q.radius_m, .limit = q.limit, .properties = {}};
      compare(inside, q.limit, b.run(walking.nearest(many, bounded, b.effort())), false);
    }
  }
}

TEST_CASE("a place on the antimeridian is the same under both its names") {
  lookup_bench b{schema};
  api::postgis_source source{*b.pool};
  std::size_t met = 0;
  for (const std::string table : {"points", "lines", "polygons"}) {
    const api::layer_ref few = layer_of(table, 0);
    auto latitudes = b.rows("SELECT DISTINCT ST_Y(p.geom) FROM " + table +
                            ", ST_DumpPoints(geom) p WHERE abs(ST_X(p.geom)) = 180 LIMIT 40");
    latitudes.push_back({"-16.70204475320952"});  // a soak found a polygon's edge there
    for (const auto& row : latitudes)
      for (const double lon : {180.0, -180.0}) {
        const question q{.at = {lon, std::stod(row[0])}, .radius_m = 0, .limit = 100};
        CAPTURE(table);
        CAPTURE(number(q.at.lon));
        CAPTURE(number(q.at.lat));
        std::vector<truth_row> inside;
        for (const truth_row& t : truth(b, table, q))
          if (t.within) inside.push_back(t);
        met += inside.size();
        const api::within_question w{.at = q.at, .radius_m = 0, .limit = q.limit, .properties = {}};
        compare(inside, q.limit, b.run(source.within(few, w, b.effort())), true);
      }
  }
  CHECK(met > 10);
}

namespace {

// Parts of the three tables round Houston, some 700 rows each; `nowhere` has stated bounds that are wrong,
// `unstated` has none, `unversioned` no version.
constexpr std::string_view local_sql = R"(
CREATE TABLE local_points AS SELECT * FROM points WHERE geom && ST_MakeEnvelope(-97, 28, -94, 31, 4326);
CREATE TABLE local_lines AS SELECT * FROM lines WHERE geom && ST_MakeEnvelope(-97, 28, -94, 31, 4326);
CREATE TABLE local_polygons AS SELECT * FROM polygons WHERE geom && ST_MakeEnvelope(-97, 28, -94, 31, 4326);
INSERT INTO local_lines VALUES ('long', ST_GeomFromText('LINESTRING(-96 29, -94.5 30.5)', 4326)), ('none', NULL);
CREATE TABLE nowhere AS SELECT * FROM local_points; CREATE TABLE unstated AS SELECT * FROM local_polygons;
CREATE TABLE unversioned AS SELECT * FROM local_lines; CREATE TABLE unindexed AS SELECT * FROM local_points;
CREATE INDEX ON local_points USING gist ((geom::geography)); CREATE INDEX ON local_lines USING gist ((geom::geography));
CREATE INDEX ON local_polygons USING gist ((geom::geography)); CREATE INDEX ON nowhere USING gist ((geom::geography));
CREATE INDEX ON unstated USING gist ((geom::geography)); CREATE INDEX ON unversioned USING gist ((geom::geography));
INSERT INTO gridlight.layer_state SELECT 'local_' || t, 7, ST_MakeEnvelope(-96.1, 28.9, -94.4, 30.6, 4326)
  FROM unnest(ARRAY['points', 'lines', 'polygons']) t;
INSERT INTO gridlight.layer_state VALUES ('nowhere', 8, ST_MakeEnvelope(10, 50, 11, 51, 4326)), ('unstated', 9, NULL);
ANALYZE;
)";

}  // namespace

TEST_CASE("from far away, where the index is no help, the order is exact too") {
  lookup_bench b{schema};
  b.db.run(local_sql);
  std::mt19937 random{test::seed()};
  asker ask{random};
  api::postgis_source source{*b.pool};
  for (const std::string table :
       {"local_points", "local_lines", "local_polygons", "nowhere", "unstated", "unversioned", "unindexed"}) {
    const api::layer_ref l = layer_of(table, 10'000'000, table != "unversioned" && table != "unindexed");
    for (int i = test::questions(40, 500); i > 0; --i) {
      question q{};
      q.at = i % 8 == 0   ? geo::lonlat{-95.37 + 180, -29.76}
             : i % 8 == 1 ? geo::lonlat{ask.one_in(2) ? 0.0 : -180.0, ask.one_in(2) ? 90.0 : -90.0}
             : i % 4 == 1 ? geo::lonlat{84.63 + ask.between(-3, 3), -29.76 + ask.between(-3, 3)}
                          : geo::lonlat{ask.between(-180, 180), ask.between(-90, 90)};
      constexpr std::int64_t limits[] = {1, 2, 20, 100};
      q.limit = i % 20 == 19 ? 2'000 : limits[i % 4];
      CAPTURE(table);
      CAPTURE(number(q.at.lon));
      CAPTURE(number(q.at.lat));
      CAPTURE(q.limit);
      const auto all = truth(b, table, q);
      compare(all, q.limit,
              b.run(source.nearest(l, {.at = q.at, .max_distance_m = {}, .limit = q.limit, .properties = {}},
                                   b.effort())),
              false);
      // A bound that cuts the layer in two, or leaves nothing of it.
      q.radius_m = all[static_cast<std::size_t>(i) * 17 % all.size()].distance_m + (i % 3 == 0 ? -1 : 0.001);
      std::vector<truth_row> inside;
      for (const truth_row& t : all)
        if (t.distance_m <= q.radius_m) inside.push_back(t);
      compare(
          inside, q.limit,
          b.run(source.nearest(
              l, {.at = q.at, .max_distance_m = q.radius_m, .limit = q.limit, .properties = {}}, b.effort())),
          false);
    }
  }
}

TEST_CASE("empty answers still say their version") {
  lookup_bench b{schema};
  api::postgis_source source{*b.pool};
  const auto l = layer_of("points", 0);
  const auto page =
      b.run(source.within(l, {.at = {-30, -40}, .radius_m = 1, .limit = 5, .properties = {}}, b.effort()));
  REQUIRE(page.has_value());
  CHECK(page->count == 0);
  CHECK_FALSE(page->more);
  CHECK(page->version == 3);
  b.db.run("DELETE FROM gridlight.layer_state");
  const auto none =
      b.run(source.within(l, {.at = {-30, -40}, .radius_m = 1, .limit = 5, .properties = {}}, b.effort()));
  REQUIRE(none.has_value());
  CHECK_FALSE(none->version.has_value());
}

TEST_CASE("an empty table, and one with fewer rows than asked for") {
  lookup_bench b{schema};
  b.db.run("DELETE FROM lines; DELETE FROM points WHERE id NOT IN ('p1', 'p2', 'none', 'empty')");
  api::postgis_source source{*b.pool};
  for (const std::int64_t rows : {0, 10'000'000}) {
    const auto nobody =
        b.run(source.nearest(layer_of("lines", rows),
                             {.at = {0, 0}, .max_distance_m = {}, .limit = 5, .properties = {}}, b.effort()));
    REQUIRE(nobody.has_value());
    CHECK(nobody->count == 0);
    CHECK(nobody->version == 4);
    const auto two =
        b.run(source.nearest(layer_of("points", rows),
                             {.at = {0, 0}, .max_distance_m = {}, .limit = 5, .properties = {}}, b.effort()));
    REQUIRE(two.has_value());
    CHECK(two->count == 2);
  }
}

TEST_CASE("points given as a pair of columns, and a geography column, answer alike") {
  lookup_bench b{schema};
  b.db.run(
      "CREATE TABLE pairs AS SELECT id, ST_X(geom) AS \"Lon\", ST_Y(geom) AS lat FROM points WHERE NOT "
      "ST_IsEmpty(geom);"
      "CREATE TABLE geogs AS SELECT id, geom::geography AS geom FROM points WHERE NOT ST_IsEmpty(geom);");
  layer pairs = test::make_layer("pairs", {});
  pairs.config.geometry.clear();
  pairs.config.longitude = "Lon";
  pairs.config.latitude = "lat";
  layer geogs = test::make_layer("geogs", {});
  geogs.geography = true;
  std::vector<layer> all{test::make_layer("points", {}), pairs, geogs};
  for (layer& l : all)
    l.versioned = false;
  const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
  api::postgis_source source{*b.pool};
  const auto ask = [&](const char* name) {
    const auto page = b.run(source.within(
        {owner, owner->find(name)},
        {.at = {-95.37, 29.76}, .radius_m = 2000, .limit = 1000, .properties = {}}, b.effort()));
    REQUIRE_MESSAGE(page.has_value(), page.error().log_detail);
    CHECK_FALSE(page->version.has_value());
    return page->features;
  };
  const std::string expected = ask("points");
  CHECK(expected.size() > 1000);
  CHECK(ask("pairs") == expected);
  CHECK(ask("geogs") == expected);
}

TEST_CASE("a column that changed its type is a schema mismatch, not a wrong value") {
  lookup_bench b{schema};
  b.db.run("ALTER TABLE points ADD load double precision DEFAULT 5");
  std::vector<layer> all{test::make_layer("points", {test::number_property("load")})};
  const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
  api::postgis_source source{*b.pool};
  const api::within_question q{.at = {-95.37, 29.76}, .radius_m = 500, .limit = 5, .properties = {}};
  REQUIRE(b.run(source.within({owner, owner->find("points")}, q, b.effort())).has_value());
  b.db.run("ALTER TABLE points ALTER load TYPE text");
  const auto changed = b.run(source.within({owner, owner->find("points")}, q, b.effort()));
  REQUIRE(changed.has_error());
  CHECK(changed.error().code == errc::schema_mismatch);
  CHECK(changed.error().detail.find("SELECT") == std::string::npos);
}
