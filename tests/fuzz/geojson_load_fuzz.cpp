// GeoJSON splitters in every cut, and the kind told by the content: rows must not depend on how the bytes
// arrive.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/sync/load_support.hpp"

using namespace gridlight;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
  for (const auto kind : {sync::file_kind::geojson, sync::file_kind::geojson_lines}) {
    const auto whole = test::all_rows(sync::from_memory(text), kind);
    const auto pieces = test::all_rows(test::in_pieces(text, 1 + data[0] % 16), kind);
    if (whole != pieces) std::abort();
  }
  test::all_rows(sync::from_memory(text), std::nullopt);
  return 0;
}
