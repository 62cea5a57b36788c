#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "api/event_text.hpp"

// What is taken for an id must come back from the id that it makes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight::api;
  const auto told = read_event_id({reinterpret_cast<const char*>(data), size});
  if (!told) return 0;
  const auto again = read_event_id(event_id(*told));
  if (again != told || again->mark != told->mark) std::abort();
  return 0;
}
