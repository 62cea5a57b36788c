#include <simdjson.h>

#include <cstdlib>
#include <string>

#include "geo/geojson.hpp"
#include "geo/wkb.hpp"

// Any text as GeoJSON: what is accepted is WKB that passes, keeps the limits, and once written by us is read
// again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::geo;
  const auto require = [](bool condition) {
    if (!condition) std::abort();
  };
  const geojson_limits limits{.max_vertices = 50, .max_depth = 4};
  const auto read = [&limits](const std::string& json) -> parsed_geometry {
    simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (parser.parse(json).get(element) != simdjson::SUCCESS) return {{}, 0, "no JSON", false};
    return geometry_from_geojson(element, limits);
  };

  const parsed_geometry parsed = read({reinterpret_cast<const char*>(data), size});
  if (!parsed.error.empty()) {
    require(parsed.ewkb.empty());
    return 0;
  }
  const wkb_summary summary = inspect_wkb(parsed.ewkb);
  require(summary.error.empty() && summary.srid == 4326 && summary.vertices == parsed.vertices);
  require(parsed.vertices <= limits.max_vertices);
  require(summary.empty ||
          (summary.min_x >= -180 && summary.max_x <= 180 && summary.min_y >= -90 && summary.max_y <= 90));

  std::string json;
  require(append_geojson(json, parsed.ewkb));
  const parsed_geometry again = read(json);
  require(again.error.empty() && again.vertices == parsed.vertices);
  std::string twice;
  require(append_geojson(twice, again.ewkb) && inspect_wkb(again.ewkb).error.empty());
  return 0;
}
