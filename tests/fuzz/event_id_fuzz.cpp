#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/event_text.hpp"

// What is taken for an id must come back from the id that it makes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::api;
  const auto told = read_event_id({reinterpret_cast<const char*>(data), size});
  if (told && read_event_id(event_id(*told)) != told) std::abort();
  return 0;
}
