// Columns and GeoJSON of the same questions hold the same features.
#include "tests/api/lookup_bench.hpp"
#include "tests/api/routes_bench.hpp"
#include "tests/support/column_reader.hpp"

using namespace gridlight;
using test::lookup_bench;

namespace {

// Every type of geometry in one table, with nulls and EMPTY ones of each type; one type a table as well.
constexpr std::string_view schema = R"(
CREATE SCHEMA gridlight;
CREATE TABLE gridlight.layer_state (layer text PRIMARY KEY, version bigint NOT NULL, bounds geometry);
INSERT INTO gridlight.layer_state VALUES ('mixed', 3), ('points', 4), ('areas', 5);
SELECT setseed(0.5);
CREATE TABLE mixed AS SELECT 'k' || n AS id,
    CASE WHEN n % 11 = 0 THEN NULL ELSE 'Zürich "' || n || '" 💥' || chr(10) END AS name,
    CASE WHEN n % 13 = 0 THEN 'NaN'::float8 WHEN n % 17 = 0 THEN NULL ELSE random() * 100 END AS load,
    ST_SetSRID(CASE n % 10
      WHEN 0 THEN ST_Collect(ARRAY[p, ST_Buffer(p, 0.001, 1), ST_MakeLine(p, q)])
      WHEN 1 THEN p
      WHEN 2 THEN ST_MakeLine(p, q)
      WHEN 3 THEN ST_Difference(ST_Buffer(p, 0.01, 2), ST_Buffer(p, 0.005, 1))
      WHEN 4 THEN ST_Collect(p, q)
      WHEN 5 THEN ST_Collect(ST_MakeLine(p, q), ST_MakeLine(q, ST_Translate(p, 0.01, 0.02)))
      WHEN 6 THEN ST_Collect(ST_Difference(ST_Buffer(p, 0.003, 2), ST_Buffer(p, 0.001, 1)), ST_Buffer(ST_Translate(p, 0.02, 0), 0.002, 1))
      WHEN 7 THEN NULL
      WHEN 8 THEN (ARRAY['POINT EMPTY', 'LINESTRING EMPTY', 'POLYGON EMPTY', 'MULTIPOINT EMPTY', 'MULTILINESTRING EMPTY',
                         'MULTIPOLYGON EMPTY', 'GEOMETRYCOLLECTION EMPTY'])[1 + n / 10 % 7]::geometry
      ELSE ST_Force3D(ST_MakeLine(q, p)) END, 4326) AS geom
  FROM (SELECT n, ST_MakePoint(lon, lat) AS p, ST_MakePoint(lon + 0.01, lat - 0.02) AS q FROM (
    SELECT n, -95.37 + random() * 0.4 AS lon, 29.76 + random() * 0.3 AS lat FROM generate_series(1, 800) n) r) s;
CREATE TABLE points AS SELECT id, name, load, geom FROM mixed WHERE GeometryType(geom) = 'POINT' AND NOT ST_IsEmpty(geom);
CREATE TABLE areas AS SELECT id, name, load, geom FROM mixed WHERE ST_Dimension(geom) = 2 AND GeometryType(geom) <> 'GEOMETRYCOLLECTION';
ALTER TABLE mixed ADD PRIMARY KEY (id); ALTER TABLE points ADD PRIMARY KEY (id); ALTER TABLE areas ADD PRIMARY KEY (id);
CREATE INDEX ON mixed USING gist (geom); CREATE INDEX ON mixed USING gist ((geom::geography));
CREATE INDEX ON points USING gist ((geom::geography)); CREATE INDEX ON areas USING gist ((geom::geography));
ANALYZE;
)";

api::layer_ref layer_of(const std::string& table) {
  std::vector<layer> all;
  all.push_back(test::make_layer(table, {test::text_property("name"), test::number_property("load")},
                                 geometry_kind::mixed));
  all.back().estimated_rows = 1000;
  const auto owner = std::make_shared<const catalog>(std::move(all), std::vector<catalog::unusable>{});
  return {owner, owner->find(table)};
}

void compare(const result<api::feature_page>& json, const result<api::feature_page>& columns) {
  REQUIRE_MESSAGE(json.has_value(), json.error().log_detail);
  REQUIRE_MESSAGE(columns.has_value(), columns.error().log_detail);
  const test::column_reader read{"{" + columns->features + "}"};
  CHECK(static_cast<std::int64_t>(read.size()) == columns->count);
  CHECK(read.features() == test::column_reader::minified_items("[" + json->features + "]"));
  CHECK(columns->count == json->count);
  CHECK(columns->more == json->more);
  CHECK(columns->version == json->version);
  CHECK(columns->matched == json->matched);
  CHECK(columns->last_key == json->last_key);
}

}  // namespace

TEST_CASE("columns and GeoJSON of the same random questions hold the same values") {
  lookup_bench b{schema};
  const unsigned seed = test::seed();
  MESSAGE("seed ", seed);
  std::mt19937 random{seed};
  const auto between = [&](double x, double y) {
    return std::uniform_real_distribution<double>{x, y}(random);
  };
  api::postgis_source source{*b.pool};
  const api::property_selection selections[] = {std::nullopt, std::vector<std::size_t>{1, 0},
                                                std::vector<std::size_t>{0}, std::vector<std::size_t>{}};
  std::int64_t seen = 0;
  for (const std::string table : {"mixed", "points", "areas"}) {
    CAPTURE(table);
    const api::layer_ref l = layer_of(table);
    for (int i = test::questions(60, 5'000); i > 0; --i) {
      const geo::lonlat at{-95.37 + between(-0.1, 0.5), 29.76 + between(-0.1, 0.4)};
      const auto limit = std::uniform_int_distribution<std::int64_t>{1, 300}(random);
      const auto& properties = selections[std::uniform_int_distribution<std::size_t>{0, 3}(random)];

      api::within_question w{
          .at = at, .radius_m = between(0, 30'000), .limit = limit, .properties = properties};
      const auto within_json = b.run(source.within(l, w, b.effort()));
      w.form = api::answer_form::columns;
      const auto within_columns = b.run(source.within(l, w, b.effort()));
      compare(within_json, within_columns);

      api::nearest_question n{.at = at, .max_distance_m = {}, .limit = limit, .properties = properties};
      const auto nearest_json = b.run(source.nearest(l, n, b.effort()));
      n.form = api::answer_form::columns;
      const auto nearest_columns = b.run(source.nearest(l, n, b.effort()));
      compare(nearest_json, nearest_columns);

      api::viewport_question v{
          .box = {}, .after = {}, .limit = limit, .count = true, .properties = properties};
      if (i % 2 == 0) v.box = geo::bbox{at.lon, at.lat, at.lon + between(0, 0.3), at.lat + between(0, 0.3)};
      for (bool more = true; more;) {
        v.form = api::answer_form::geojson;
        const auto json = b.run(source.viewport(l, v, b.effort()));
        v.form = api::answer_form::columns;
        const auto columns = b.run(source.viewport(l, v, b.effort()));
        compare(json, columns);
        seen += json->count;
        more = json->more && limit > 40;  // all pages of the larger ones
        v.after = json->last_key;
        v.count = false;
      }
    }
  }
  CHECK(seen > 5'000);
}
