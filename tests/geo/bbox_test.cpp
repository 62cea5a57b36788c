#include "geo/bbox.hpp"

#include <doctest/doctest.h>

using namespace gridlight::geo;

TEST_CASE("a box that crosses the antimeridian is the two on either side") {
  const auto two = split({170, -10, -170, 10});
  REQUIRE(two.count == 2);
  CHECK(two.boxes[0] == bbox{170, -10, 180, 10});
  CHECK(two.boxes[1] == bbox{-180, -10, -170, 10});
}

TEST_CASE("any other box is itself, a point and the whole world too") {
  CHECK(split({5, 5, 5, 5}).count == 1);
  CHECK(split({-180, -90, 180, 90}).boxes[0] == bbox{-180, -90, 180, 90});
}
