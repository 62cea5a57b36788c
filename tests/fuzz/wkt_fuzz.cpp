#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "geo/wkb.hpp"
#include "geo/wkt.hpp"

// Any text as WKT: what GEOS makes of it passes as WKB, or there is an error and nothing else.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const parsed_geometry parsed = geometry_from_wkt({reinterpret_cast<const char*>(data), size});
  const bool right = parsed.error.empty() && inspect_wkb(parsed.ewkb).error.empty();
  if (!right && !(parsed.ewkb.empty() && !parsed.error.empty())) std::abort();
  return 0;
}
