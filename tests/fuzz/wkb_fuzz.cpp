#include <simdjson.h>

#include <cstdlib>
#include <span>
#include <string>

#include "geo/geometry.hpp"
#include "geo/wkb.hpp"

// Any bytes as WKB: the strict reading implies the lenient one, what is written is JSON, and an SRID changes
// nothing but itself. GEOS gets only what the strict reading lets through.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const std::span<const std::byte> wkb{reinterpret_cast<const std::byte*>(data), size};
  const wkb_summary summary = inspect_wkb(wkb);
  std::string json = "before";
  const bool written = append_geojson(json, wkb);
  const bool right = summary.error.empty();
  require(written || (!right && json == "before"));
  if (written) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    require(parser.parse(json.data() + 6, json.size() - 6).get(object) == simdjson::SUCCESS);
  }
  if (!right) return 0;

  const auto named = ewkb_with_srid(wkb, 4326);
  const wkb_summary again = inspect_wkb(named);
  require(again.error.empty() && again.srid == 4326 && again.vertices == summary.vertices &&
          again.type == summary.type);
  std::string json_again = "before";
  require(append_geojson(json_again, named) && json_again == json);
  if (size < 4096) find_invalidity(wkb);
  return 0;
}
