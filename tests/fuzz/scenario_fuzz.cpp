// A load scenario: any text is read or refused in words, and what is read can be planned.
#include <cstddef>
#include <cstdint>
#include <string>

#include "bench/load/plan.hpp"

using namespace gridlight::bench;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  scenario s;
  try {
    s = read_scenario({reinterpret_cast<const char*>(data), size}, "x.yaml");
  } catch (const usage_error& e) {
    if (std::string_view{e.what()}.empty()) __builtin_trap();
    return 0;
  }
  if (s.maps.users > 50 || s.maps.hot_places > 1000) return 0;  // right, but slow to plan for
  for (const poll_part& p : s.polls)
    if (p.users > 1000) return 0;
  const places world = places::in_area({-180, -85, 180, 85});
  plan p{s, world, 1};
  double last = 0;
  for (int i = 0; i < 200; ++i) {
    const auto next = p.next(100);
    if (!next) break;
    if (next->due_s < last || next->kind >= s.kinds.size() || !next->path.starts_with('/')) __builtin_trap();
    last = next->due_s;
  }
  return 0;
}
