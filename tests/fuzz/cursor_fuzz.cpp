#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/cursor.hpp"
#include "api/feature_writer.hpp"

// Whatever is taken for a cursor or an id must make itself again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (std::size_t parts = 1; parts <= 3; ++parts) {
    if (const auto key = gridlight::api::read_cursor(text, 1, parts);
        key && gridlight::api::make_cursor(1, *key) != text)
      std::abort();
    if (const auto key = gridlight::api::split_key(text, parts); key && key->size() != parts) std::abort();
  }
  return 0;
}
