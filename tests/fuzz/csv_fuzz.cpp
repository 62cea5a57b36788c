// CSV and gzip in every cut: rows must not depend on how the bytes arrive.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tests/sync/load_support.hpp"

using namespace gridlight;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};
  const auto whole = test::all_rows(sync::from_memory(text), sync::file_kind::csv);
  const auto pieces = test::all_rows(test::in_pieces(text, 1 + data[0] % 16), sync::file_kind::csv);
  if (whole != pieces) std::abort();
  return 0;
}
