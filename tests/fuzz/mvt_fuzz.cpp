#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "geo/mvt.hpp"
#include "geo/wkb.hpp"

// Any bytes as EWKB in any tile: what is drawn lies within the buffer, rings are wound as they must be, the
// same again gives the same, and a layer's size is what was told.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  // GEOS takes long for a thousand rings that cross each other; the server's rows come from its own tables.
  if (size < 9 || size > 4096) return 0;
  std::uint32_t x, y;
  std::memcpy(&x, data + 1, sizeof x);
  std::memcpy(&y, data + 5, sizeof y);
  const int z = data[0] % 31;
  const std::uint32_t mask = (std::uint32_t{1} << z) - 1;
  const tile t{z, x & mask, y & mask};
  const std::span<const std::byte> wkb{reinterpret_cast<const std::byte*>(data + 9), size - 9};

  tile_shaper shaper{t, 4096, 64};
  const bool drawn = shaper.shape(wkb);
  const grid_shape first = drawn ? shaper.result() : grid_shape{};
  for (const grid_point p : first.points)
    require(p.x >= -64 && p.x <= 4160 && p.y >= -64 && p.y <= 4160);
  require(!drawn || !first.points.empty());
  for (std::size_t i = 0; i < first.parts.size(); ++i) {
    const auto part = first.part_points(i);
    require(part.size() >= (first.kind == shape_kind::polygon ? 3 : 2));
    if (first.kind == shape_kind::polygon) require((doubled_area(part) > 0) == first.parts[i].exterior);
  }
  require(shaper.shape(wkb) == drawn);
  if (drawn) require(shaper.result().points == first.points);

  const std::vector<std::string> keys{"k"};
  mvt_layer layer{"fuzz", t, keys};
  std::string out;
  for (int i = 0; i < 2; ++i) {
    require(layer.begin(1, wkb) == drawn);
    if (!drawn) continue;
    layer.tag(0, std::string_view{reinterpret_cast<const char*>(data), 9});
    layer.end();
  }
  layer.finish(out);
  require(out.size() == layer.bytes() && out.empty() != drawn);
  feature_id({reinterpret_cast<const char*>(data), size});
  return 0;
}
