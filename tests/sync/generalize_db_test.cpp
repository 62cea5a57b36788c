#include <doctest/doctest.h>
#include <fmt/format.h>

#include <random>

#include "tests/support/soak.hpp"
#include "tests/sync/generalize_support.hpp"

using namespace gridlight;
using sync::generalize::outcome;
using fixture = test::tiles_fixture;

namespace {

std::uint64_t seed() {
  static const std::uint64_t value = test::chosen_seed();
  return value;
}

// A random geometry of one kind near Houston, some far away, some missing or empty.
std::string shape(std::mt19937_64& random, const std::string& kind) {
  const auto uniform = [&](double a, double b) { return std::uniform_real_distribution{a, b}(random); };
  const int odd = static_cast<int>(random() % 40);
  if (odd == 0) return "NULL";
  if (odd == 1) return "ST_GeomFromText('" + kind + " EMPTY', 4326)";
  double x = uniform(-95.6, -95.2), y = uniform(29.6, 29.9);
  if (odd == 2) x = random() % 2 ? 180 : -180;
  if (odd == 3) y = random() % 2 ? uniform(84.9, 85.2) : uniform(-85.2, -84.9);
  if (odd == 4) x = uniform(-180, 180), y = uniform(-85, 85);
  const double size = std::exp(uniform(std::log(1e-5), std::log(0.05)));
  if (kind == "POINT") return fmt::format("ST_SetSRID(ST_MakePoint({}, {}), 4326)", x, y);
  if (kind == "POLYGON")
    return fmt::format("ST_MakeEnvelope({}, {}, {}, {}, 4326)", x, y, x + size, y + size * uniform(0.2, 1));
  std::string points;
  for (int i = 0; i < 2 + static_cast<int>(random() % 4); ++i)
    points += fmt::format("{}{} {}", points.empty() ? "" : ",", x + uniform(0, size), y + uniform(0, size));
  return "ST_GeomFromText('LINESTRING(" + points + ")', 4326)";
}

// Inserts, moves and deletes some rows in one transaction.
void edit(fixture& f, std::mt19937_64& random, const std::string& kind, int changes) {
  std::string sql = "BEGIN; ";
  for (int i = 0; i < changes; ++i) {
    const int id = static_cast<int>(random() % 900);
    const std::string value =
        fmt::format("{}, '{}', {}", random() % 5 == 0 ? "NULL" : fmt::format("{}", random() % 4),
                    random() % 3, shape(random, kind));
    switch (random() % 3) {
      case 0:
        sql += fmt::format("DELETE FROM l WHERE id = 'k{}'; ", id);
        break;
      default:
        sql += fmt::format(
            "INSERT INTO l VALUES ('k{0}', {1}) ON CONFLICT (id) DO UPDATE SET a = excluded.a, b = "
            "excluded.b, geom = excluded.geom; ",
            id, value);
    }
  }
  f.db.run(sql + "COMMIT");
}

void repaired_is_whole(const std::string& kind, const std::string& body) {
  INFO("GRIDLIGHT_SEED=", seed());
  std::mt19937_64 random{seed()};
  fixture f{"id text PRIMARY KEY, a integer, b text", body};
  edit(f, random, kind, 1200);
  CHECK(f.build().what == outcome::kind::built);
  int repaired = 0;
  for (int round = 0; round < 12; ++round) {
    for (std::uint64_t n = random() % 3 + 1; n > 0; --n)
      edit(f, random, kind, 1 + static_cast<int>(random() % 4));
    repaired += f.build().what == outcome::kind::repaired;
    f.check_whole();
  }
  CHECK(repaired > 0);
}

}  // namespace

TEST_CASE("points: what is repaired is what a whole build gives") {
  repaired_is_whole("POINT", "key: id, geometry_type: point, zooms: [2, 20], tiles: {detail: 12}");
}

TEST_CASE("polygons: what is repaired is what a whole build gives") {
  repaired_is_whole("POLYGON",
                    "key: id, geometry_type: polygon, zooms: [2, 20], tiles: {detail: 12, rank: a}");
}

TEST_CASE("lines: what is repaired is what a whole build gives") {
  repaired_is_whole("LINESTRING", "key: id, geometry_type: mixed, zooms: [2, 20], tiles: {detail: 12}");
}

TEST_CASE("merged lines: what is repaired is what a whole build gives") {
  repaired_is_whole("LINESTRING",
                    "key: id, geometry_type: line, circuit: b, zooms: [2, 20], tiles: {detail: 12}");
}
