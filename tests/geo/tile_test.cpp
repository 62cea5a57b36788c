#include "geo/tile.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace gridlight::geo;

TEST_CASE("well-known tiles") {
  CHECK(tile_at({0, 0}, 0) == tile{0, 0, 0});
  CHECK(tile_at({-95.3698, 29.7604}, 10) == tile{10, 240, 423});  // Houston
  CHECK(tile_at({0, 0}, 1) == tile{1, 1, 1});
  CHECK(tile_at({-1e-9, 1e-9}, 1) == tile{1, 0, 0});
  const bbox world = envelope({0, 0, 0});
  CHECK(world.min_lon == -180);
  CHECK(world.max_lon == 180);
  CHECK(world.max_lat == doctest::Approx(max_tile_lat).epsilon(1e-12));
  CHECK(world.min_lat == doctest::Approx(-max_tile_lat).epsilon(1e-12));
}

TEST_CASE("the ends of the world lie in the outermost tiles") {
  CHECK(tile_at({180, -90}, 3) == tile{3, 7, 7});
  CHECK(tile_at({-180, 90}, 3) == tile{3, 0, 0});
  CHECK(tile_at({180, 0}, 30).x == (std::int64_t{1} << 30) - 1);
}

TEST_CASE("a place lies in its tile's envelope, at every zoom") {
  std::mt19937_64 random{20261127};
  std::uniform_real_distribution<double> lon{-180, 180}, lat{-85, 85};
  for (int i = 0; i < 3000; ++i) {
    const lonlat place{lon(random), lat(random)};
    for (const int z : {0, 1, 5, 12, 18, 24}) {
      const bbox b = envelope(tile_at(place, z));
      CAPTURE(place.lon);
      CAPTURE(place.lat);
      CAPTURE(z);
      constexpr double rounding = 1e-9;
      CHECK(b.min_lon <= place.lon + rounding);
      CHECK(place.lon <= b.max_lon + rounding);
      CHECK(b.min_lat <= place.lat + rounding);
      CHECK(place.lat <= b.max_lat + rounding);
    }
  }
}
