#include "geo/lattice_lines.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "geo/mvt.hpp"
#include "geo/wkb.hpp"

using namespace gridlight;
using namespace gridlight::geo;

namespace {

using cells = std::vector<std::pair<std::int32_t, std::int32_t>>;

std::vector<cells> read(std::string_view hex, bool* complete = nullptr) {
  const auto bytes = from_hex(hex);
  lattice_lines lines{bytes};
  std::vector<cells> out;
  while (std::size_t n = lines.next_line()) {
    cells& line = out.emplace_back();
    for (; n > 0; --n) {
      const auto [x, y] = lines.next_point();
      line.emplace_back(x, y);
    }
  }
  if (complete != nullptr) *complete = lines.order() >= 0 && lines.complete();
  return out;
}

}  // namespace

TEST_CASE("lines on a lattice are read as PostGIS writes them") {
  bool complete = false;
  // SELECT '\x07'::bytea || ST_AsTWKB('LINESTRING(1 2,-3 2,127 300)'::geometry, 0), and so on
  CHECK(read("07020003020407008402d404", &complete) == std::vector<cells>{{{1, 2}, {-3, 2}, {127, 300}}});
  CHECK(complete);
  // MULTILINESTRING((0 0,1 1),(2 -1,0 0))
  const std::string two = "0805000202000002020202030302";
  CHECK(read(two, &complete) == std::vector<cells>{{{0, 0}, {1, 1}}, {{2, -1}, {0, 0}}});
  CHECK(complete);
  read(two + "00", &complete);
  CHECK_FALSE(complete);
  CHECK(read("070210", &complete).empty());  // LINESTRING EMPTY
  CHECK(complete);
}

TEST_CASE("damaged lines are told, and nothing is read beyond their end") {
  for (const char* hex :
       {"", "07", "0702", "0d02000202020202", "0701000202020202", "0722000202020202", "0702010202020202",
        "0702000202", "070200ffffffffffffffffff7f02020202", "07020002ffffffffffffffffff0102020202",
        "0705000302020202020202", "0702000002020202"}) {
    CAPTURE(hex);
    bool complete = true;
    read(hex, &complete);
    CHECK_FALSE(complete);
  }
}

TEST_CASE("what is drawn goes through the middle of its cells, and not beyond the buffer") {
  mvt_layer layer{"l", tile{3, 1, 1}, {}};
  CHECK_FALSE(layer.begin_lattice(1, from_hex("0702000202")));
  CHECK_FALSE(layer.begin_lattice(1, {}));
  CHECK(layer.begin_lattice(1, from_hex("0702000202020202")));
  tile_shaper shaper{tile{3, 1, 1}, 4096, 64};
  // Cells of 32: (1, 2) to (-3, 2), whose middle lies at -80.
  REQUIRE(shaper.shape_lattice(from_hex("0702000202040700")));
  REQUIRE(shaper.result().points.size() == 2);
  CHECK(shaper.result().points[0] == grid_point{48, 80});
  CHECK(shaper.result().points[1] == grid_point{-64, 80});
  // All of it left of the buffer.
  CHECK_FALSE(shaper.shape_lattice(from_hex("0702000207020702")));
}
