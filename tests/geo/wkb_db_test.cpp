#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "geo/decimal.hpp"
#include "geo/geojson.hpp"
#include "geo/wkb.hpp"
#include "tests/support/shapes.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::geo;
using gridlight::test::random_shape;
using gridlight::test::rounds;
using gridlight::test::shape;
using gridlight::test::temp_db;
using gridlight::test::to_hex;

namespace {

std::string geojson(const std::vector<std::byte>& wkb) {
  std::string out;
  REQUIRE(append_geojson(out, wkb));
  return out;
}

// Rows of a VALUES list: (number, 'hex').
std::string values(const std::vector<std::string>& texts) {
  std::string out;
  for (std::size_t i = 0; i < texts.size(); ++i)
    out += (i == 0 ? "(" : ",(") + std::to_string(i) + ",'" + texts[i] + "')";
  return out;
}

bool all_empty(const shape& s) {
  for (const auto& run : s.runs)
    if (!run.empty()) return false;
  for (const shape& member : s.members)
    if (!all_empty(member)) return false;
  return true;
}

// PostGIS 3.3 writes no nested collections, a comma too many for an empty point in a MultiPoint, and leaves
// out the members of what is empty as a whole.
bool postgis_writes(const shape& s) {
  if (!s.members.empty() && all_empty(s)) return false;
  for (const shape& member : s.members) {
    if (member.type == geometry_type::geometry_collection) return false;
    if (s.type == geometry_type::multi_point && member.runs[0].empty()) return false;
    if (!postgis_writes(member)) return false;
  }
  return true;
}

// Values that round in every way: random bits in range, decimals half-way, and their neighbours.
double awkward_degrees(std::mt19937_64& random) {
  std::uniform_real_distribution<double> degrees{-180, 180};
  std::uniform_int_distribution<std::int64_t> grid{-18'000'000'000, 18'000'000'000};
  std::uniform_int_distribution<std::int64_t> binary{-180 * 256, 180 * 256};
  const std::int64_t half = grid(random) / 10 * 10 + 5;
  switch (random() % 6) {
    case 0:
      return static_cast<double>(grid(random)) / 1e8;
    case 1:
      return static_cast<double>(half) / 1e8;
    case 2:
      return std::nextafter(static_cast<double>(half) / 1e8, degrees(random));
    case 3:
      return static_cast<double>(binary(random)) / 256;
    case 4:  // beyond degrees, as far as the promise goes
      return degrees(random) * std::pow(10.0, std::uniform_real_distribution<double>{0, 4.7}(random));
    default:
      return degrees(random);
  }
}

}  // namespace

TEST_CASE("coordinates are written digit by digit as ST_AsGeoJSON writes them") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const temp_db db;
  for (int batch = rounds(4, 400); batch > 0; --batch) {
    std::vector<std::string> hex, ours;
    for (int i = 0; i < 2'500; ++i) {
      const double x = awkward_degrees(random);
      const auto wkb = gridlight::test::to_wkb({geometry_type::point, {{{x, awkward_degrees(random)}}}, {}},
                                               {.srid = 4326});
      hex.push_back(to_hex(wkb));
      ours.push_back(geojson(wkb));
    }
    const auto theirs =
        db.rows("SELECT ST_AsGeoJSON(w::geometry, 7) FROM (VALUES " + values(hex) + ") v(i, w) ORDER BY i");
    for (std::size_t i = 0; i < ours.size(); ++i)
      REQUIRE(ours[i] == theirs.at(i).at(0));
  }
}

TEST_CASE("random geometries are written as ST_AsGeoJSON writes them, rings by the right-hand rule") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const temp_db db;
  for (int batch = rounds(2, 200); batch > 0; --batch) {
    std::vector<std::string> hex;
    while (hex.size() < 500) {
      const shape s = random_shape(random, {.depth = 1, .longest = 30});
      if (postgis_writes(s)) hex.push_back(to_hex(to_wkb(s, {.srid = 4326})));
    }
    // ST_ForcePolygonCCW reverses lines too: done twice it leaves them as they were and turns the rings
    // alone. geometry_send is what the binary protocol gives us; encode() carries it as text.
    const auto rows = db.rows(
        "SELECT encode(geometry_send(g), 'hex'), ST_AsGeoJSON(ST_ForcePolygonCCW(ST_ForcePolygonCCW(g)), 7) "
        "FROM "
        "(SELECT i, w::geometry AS g FROM (VALUES " +
        values(hex) + ") v(i, w)) s ORDER BY i");
    for (const auto& row : rows)
      REQUIRE(geojson(from_hex(row[0])) == row[1]);
  }
}

TEST_CASE("empty geometries come over the wire and are written") {
  const temp_db db;
  for (const std::string type : {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString",
                                 "MultiPolygon", "GeometryCollection"}) {
    const auto row =
        db.rows("SELECT encode(geometry_send(g), 'hex'), ST_AsGeoJSON(g) FROM (SELECT 'SRID=4326;" + type +
                " EMPTY'::geometry AS g) s")
            .at(0);
    CHECK(geojson(from_hex(row[0])) == row[1]);
  }
}

// A COPY must not stop at a geometry that we let through: bytes changed at random are asked of PostGIS one by
// one.
TEST_CASE("PostGIS's input takes what inspect_wkb takes") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const temp_db db;
  db.run(
      R"(CREATE FUNCTION taken(w text) RETURNS text LANGUAGE plpgsql SET client_min_messages = warning AS $$
            BEGIN PERFORM ST_GeomFromEWKB(decode(w, 'hex')); RETURN 'yes';
            EXCEPTION WHEN OTHERS THEN RETURN SQLERRM; END $$)");
  std::vector<std::string> hex;
  for (int wanted = rounds(3'000, 300'000), tries = 0;
       static_cast<int>(hex.size()) < wanted && tries < 100 * wanted; ++tries) {
    const shape s = random_shape(random, {.longest = 5});
    const auto bits = random();
    auto wkb = to_wkb(s, {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                          (bits & 16) != 0 ? 4326u : 0u});
    for (auto n = bits >> 8 & 3; n > 0; --n)
      wkb[random() % std::min<std::size_t>(wkb.size(), 60)] = static_cast<std::byte>(random() & 0x87);
    if (inspect_wkb(wkb).error.empty()) hex.push_back(to_hex(wkb));
  }
  REQUIRE(hex.size() > 1'000);
  for (std::size_t at = 0; at < hex.size(); at += 1'000) {
    const std::vector<std::string> some(
        hex.begin() + static_cast<std::ptrdiff_t>(at),
        hex.begin() + static_cast<std::ptrdiff_t>(std::min(hex.size(), at + 1'000)));
    for (const auto& row :
         db.rows("SELECT w, taken(w) FROM (VALUES " + values(some) + ") v(i, w) WHERE taken(w) <> 'yes'"))
      FAIL("refused: " << row[1] << " " << row[0]);
  }
}

TEST_CASE("what geometry_from_geojson makes is the geometry that ST_GeomFromGeoJSON makes") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  const temp_db db;
  simdjson::dom::parser parser;
  std::vector<std::string> texts, hex;
  for (int i = rounds(500, 5'000); i > 0; --i) {
    texts.push_back(to_geojson(random_shape(random, {.empties = false, .depth = 1})));
    const auto parsed = geometry_from_geojson(parser.parse(texts.back()), {});
    REQUIRE(parsed.error == "");
    hex.push_back(to_hex(parsed.ewkb));
  }
  const auto rows = db.rows("SELECT encode(ST_AsEWKB(ST_GeomFromGeoJSON(t)), 'hex') FROM (VALUES " +
                            values(texts) + ") v(i, t) ORDER BY i");
  for (std::size_t i = 0; i < hex.size(); ++i)
    REQUIRE(rows.at(i).at(0) == hex[i]);
}
