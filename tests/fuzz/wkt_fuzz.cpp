#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "geo/wkb.hpp"
#include "geo/wkt.hpp"

// Any text as WKT: what GEOS makes of it is WKB that can be written, if its coordinates are finite.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const parsed_geometry parsed = geometry_from_wkt({reinterpret_cast<const char*>(data), size});
  if (!parsed.error.empty()) {
    if (!parsed.ewkb.empty()) std::abort();
    return 0;
  }
  const wkb_summary summary = inspect_wkb(parsed.ewkb);
  if (!summary.error.empty() && summary.error != "a coordinate is not finite") std::abort();
  return 0;
}
