#include <simdjson.h>

#include <cstdlib>
#include <span>
#include <string>

#include "geo/geometry.hpp"
#include "geo/wkb.hpp"
#include "geo/wkb_columns.hpp"

// Any bytes as WKB: the strict reading implies the lenient one, what is written is JSON, as columns what it
// is as GeoJSON, and an SRID changes nothing but itself. GEOS gets only what the strict reading lets through.
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
  {
    // Twice and with a null between, so that what a refused one leaves behind would show.
    std::string columns = "{";
    {
      text_sink sink{columns, 0};
      geometry_columns all{sink, 3};
      require(all.append(wkb) == written);
      all.append_null();
      require(all.append(wkb) == written);
      all.finish();
      sink.append('}');
    }
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    require(parser.parse(columns).get(root) == simdjson::SUCCESS);
    simdjson::dom::array positions = root["positions"], starts;
    std::size_t numbers = 0;
    for (auto at = positions.begin(); at != positions.end(); ++at)
      ++numbers;
    require(root["offsets"].get(starts) == simdjson::SUCCESS);
    require(starts.at(3).get_uint64().value() * 2 == numbers &&
            starts.at(1).get_uint64().value() * 4 == numbers);
    require(written || numbers == 0);
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
