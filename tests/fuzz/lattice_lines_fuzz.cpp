#include <cstdlib>

#include "geo/lattice_lines.hpp"
#include "geo/tile_shaper.hpp"

// Any bytes as lines on a lattice: never more points than bytes, and what is drawn lies within the buffer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const std::span<const std::byte> bytes{reinterpret_cast<const std::byte*>(data), size};
  lattice_lines lines{bytes};
  std::size_t points = 0;
  while (const std::size_t n = lines.next_line()) {
    points += n;
    for (std::size_t i = 0; i < n; ++i)
      lines.next_point();
  }
  require(points <= size);
  tile_shaper shaper{tile{5, 3, 7}, 4096, 64};
  if (!shaper.shape_lattice(bytes)) return 0;
  require(lines.complete());
  for (const grid_point p : shaper.result().points)
    require(p.x >= -64 && p.x <= 4160 && p.y >= -64 && p.y <= 4160);
  return 0;
}
