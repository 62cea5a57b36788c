#include "geo/mvt.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numbers>
#include <random>

#include "geo/geojson.hpp"
#include "geo/wkb.hpp"
#include "tests/support/command.hpp"
#include "tests/support/shapes.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/tile_compare.hpp"

using namespace gridlight::geo;
using gridlight::test::count_of;
using gridlight::test::features_by_id;
using gridlight::test::geometry_faults;
using gridlight::test::read_tile;
using gridlight::test::shape;
using gridlight::test::temp_db;
using gridlight::test::thin_tally;
using gridlight::test::to_hex;
using gridlight::test::to_wkb;

namespace {

// Geometries about a tile: in it, across its edges, round it, from less than a unit to several tiles.
class scene {
 public:
  scene(std::mt19937_64& random, int z) : random_{random} {
    const double lat = between(-84.9, 84.9);
    at_ = tile_at({between(-180, 180), lat}, z);
    const bbox box = envelope(at_);
    width_ = box.max_lon - box.min_lon;
    // A tile is as high as it is wide in mercator; degrees of latitude are shorter by the cosine.
    middle_ = {(box.min_lon + box.max_lon) / 2, (box.min_lat + box.max_lat) / 2};
    height_ = box.max_lat - box.min_lat;
  }
  const tile& at() const { return at_; }

  shape any() {
    const auto type = static_cast<geometry_type>(1 + random_() % 7);
    const lonlat centre = place(0.6);
    if (type != geometry_type::geometry_collection) return of(type, centre);
    shape out{type, {}, {}};
    for (auto n = 1 + random_() % 3; n > 0; --n)
      out.members.push_back(of(static_cast<geometry_type>(1 + random_() % 6), place(0.6)));
    return out;
  }

 private:
  double between(double low, double high) { return std::uniform_real_distribution{low, high}(random_); }
  // From half a unit of 4096 a tile to three tiles, small ones more often.
  double size() { return std::exp(between(std::log(0.0001), std::log(3))); }
  // PROJ brings longitudes beyond the antimeridian back, which is not ours to do. At the edge of the world
  // PostGIS draws on into the buffer, and we do not.
  lonlat clamped(lonlat p) { return {std::clamp(p.lon, -180.0, 180.0), std::clamp(p.lat, -84.9, 84.9)}; }
  lonlat place(double reach) {
    return clamped(
        {middle_.lon + between(-reach, reach) * width_, middle_.lat + between(-reach, reach) * height_});
  }
  lonlat beside(lonlat p, double angle, double distance) {
    return clamped(
        {p.lon + distance * width_ * std::cos(angle), p.lat + distance * height_ * std::sin(angle)});
  }

  std::vector<lonlat> walk(lonlat from) {
    std::vector<lonlat> out{from};
    const double step = size();
    for (auto n = 1 + random_() % 20; n > 0; --n)
      out.push_back(beside(out.back(), between(0, 2 * std::numbers::pi), step * between(0, 1)));
    return out;
  }
  // A star: valid whatever its radii are.
  std::vector<lonlat> star(lonlat centre, double radius, double least) {
    std::vector<lonlat> out;
    const auto corners = 3 + random_() % 12;
    const double start = between(0, 7), turn = random_() % 2 == 0 ? 1 : -1;
    for (std::size_t i = 0; i < corners; ++i)
      out.push_back(beside(
          centre, start + turn * 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(corners),
          radius * between(least, 1)));
    out.push_back(out.front());
    return out;
  }
  shape polygon(lonlat centre) {
    shape out{geometry_type::polygon, {}, {}};
    const double radius = size();
    out.runs.push_back(star(centre, radius, random_() % 2 == 0 ? 0.8 : 0.3));
    // Three corners keep a third of the radius away from the middle at the nearest.
    if (random_() % 3 == 0) out.runs.push_back(star(centre, radius * 0.1, 0.5));
    return out;
  }
  shape of(geometry_type type, lonlat centre) {
    switch (type) {
      case geometry_type::point:
        return {type, {{centre}}, {}};
      case geometry_type::line_string:
        return {type, {walk(centre)}, {}};
      case geometry_type::polygon:
        return polygon(centre);
      default: {
        shape out{type, {}, {}};
        const auto member = static_cast<geometry_type>(static_cast<int>(type) - 3);
        for (auto n = 1 + random_() % 4; n > 0; --n)
          out.members.push_back(
              of(member, random_() % 2 == 0 ? beside(centre, between(0, 7), size()) : place(1)));
        return out;
      }
    }
  }

  std::mt19937_64& random_;
  tile at_;
  lonlat middle_;
  double width_ = 0, height_ = 0;
};

std::string bytes_of(const std::string& bytea) {
  const auto bytes = from_hex(std::string_view{bytea}.substr(2));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

features_by_id by_id(std::string_view tile, bool lenient = false) {
  features_by_id out;
  for (auto& layer : read_tile(tile, lenient))
    for (auto& f : layer.features)
      REQUIRE(out.emplace(f.id, f).second);
  return out;
}

// What lies in table `shapes` in a tile, by ours and by theirs.
void compare(const temp_db& db, const tile& t, const std::string& where, thin_tally& seen) {
  const auto rows =
      db.rows("SELECT id, encode(geometry_send(g), 'hex') FROM shapes WHERE " + where + " ORDER BY id");
  mvt_layer layer{"shapes", t, {}};
  for (const auto& row : rows)
    if (layer.begin(std::stoull(row[0]), from_hex(row[1]))) layer.end();
  std::string ours;
  layer.finish(ours);
  REQUIRE(ours.size() == layer.bytes());
  const std::string name = std::to_string(t.z) + "," + std::to_string(t.x) + "," + std::to_string(t.y);
  const std::string theirs = db.value(
      "SELECT ST_AsMVT(q, 'shapes', 4096, 'g', 'id') FROM (SELECT id, ST_AsMVTGeom(ST_Transform(g, 3857), "
      "ST_TileEnvelope(" +
      name + "), 4096, 64, true) AS g FROM shapes WHERE " + where + ") q WHERE g IS NOT NULL");
  for (const auto& [id, what] : geometry_faults(by_id(ours), by_id(bytes_of(theirs), true), seen))
    FAIL_CHECK(what << " " << db.value("SELECT ST_AsEWKT(g) FROM shapes WHERE id = " + std::to_string(id))
                    << " in tile " << name);
}

}  // namespace

TEST_CASE("random geometries look in tiles as ST_AsMVTGeom makes them look") {
  const auto seed = gridlight::test::chosen_seed();
  std::cout << "GRIDLIGHT_SEED=" << seed << std::endl;
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const temp_db db;
  thin_tally seen;
  db.run("CREATE TABLE shapes (id int8, g geometry)");
  for (int round = count_of(150, 20'000); round > 0; --round) {
    scene s{random, static_cast<int>(random() % 23)};
    CAPTURE(s.at().z);
    CAPTURE(s.at().x);
    CAPTURE(s.at().y);
    std::string values;
    for (int i = 1; i <= 60; ++i)
      values += (i == 1 ? "(" : ",(") + std::to_string(i) + ",'" +
                to_hex(to_wkb(s.any(), {.m = random() % 8 == 0, .srid = 4326})) + "')";
    // Of what is not valid nobody can say how it should look; polygons of a collection that overlap are
    // united, where PostGIS leaves a hole.
    db.run("TRUNCATE shapes; INSERT INTO shapes SELECT * FROM (VALUES " + values +
           ") v(id, g) WHERE ST_IsValid(g::geometry) AND "
           "ST_IsValid(ST_CollectionExtract(ST_Transform(g::geometry, 3857)))");
    compare(db, s.at(), "true", seen);
  }
  std::cout << seen.thin << " of " << seen.polygons << " polygons differ where they are thin" << std::endl;
  CHECK(seen.thin * 50 <= seen.polygons);
}

TEST_CASE("the buildings of San José look in tiles as ST_AsMVTGeom makes them look") {
  const char* const folder = std::getenv("GRIDLIGHT_REAL_DATA");
  if (folder == nullptr) {
    MESSAGE("skipped: GRIDLIGHT_REAL_DATA names no folder");
    return;
  }
  const auto seed = gridlight::test::chosen_seed();
  std::cout << "GRIDLIGHT_SEED=" << seed << std::endl;
  std::mt19937_64 random{seed};
  const auto text = gridlight::test::run_command(
      "zcat '" + std::string{folder} + "/buildings_san_jose.geojsonl.gz' | tail -n +" +
      std::to_string(1 + random() % 280'000) + " | head -n " + std::to_string(count_of(10'000, 40'000)));
  std::string values;
  std::vector<lonlat> places;
  simdjson::dom::parser parser;
  for (std::size_t at = 0; at < text.output.size();) {
    const std::size_t end = std::min(text.output.find('\n', at), text.output.size());
    const auto made =
        geometry_from_geojson(parser.parse(text.output.data() + at, end - at).at_key("geometry").value(), {});
    REQUIRE(made.error == "");
    const auto box = inspect_wkb(made.ewkb);
    places.push_back({box.min_x, box.min_y});
    values += (values.empty() ? "(" : ",(") + std::to_string(places.size()) + ",'" + to_hex(made.ewkb) + "')";
    at = end + 1;
  }
  REQUIRE(places.size() > 1000);
  const temp_db db;
  db.run("CREATE TABLE shapes (id int8, g geometry); INSERT INTO shapes VALUES " + values +
         "; CREATE INDEX ON shapes USING gist (g)");
  thin_tally far, near;  // where a building is some units large, and where it is more
  for (int round = count_of(60, 5'000); round > 0; --round) {
    const tile t = tile_at(places[random() % places.size()], 11 + static_cast<int>(random() % 10));
    const std::string envelope = "ST_TileEnvelope(" + std::to_string(t.z) + "," + std::to_string(t.x) + "," +
                                 std::to_string(t.y) + ", margin => 0.02)";
    compare(db, t, "g && ST_Transform(" + envelope + ", 4326)", t.z < 15 ? far : near);
  }
  for (const thin_tally& seen : {far, near})
    std::cout << seen.thin << " of " << seen.polygons << " buildings differ where they are thin" << std::endl;
  CHECK(far.polygons > 1000);
  CHECK(near.polygons > 1000);
  CHECK(far.thin * 20 <= far.polygons);
  CHECK(near.thin * 200 <= near.polygons);
}
