// Any bytes as gridlight.yaml: never a crash, never a secret in a message, and what is accepted reads back
// the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/config.hpp"

using namespace gridlight;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view password = "hunter2-of-the-environment";
  const std::string_view yaml{reinterpret_cast<const char*>(data), size};
  if (yaml.find(password) != yaml.npos) return 0;  // then it is no secret; libFuzzer learns it from the check
  auto first =
      parse_config(yaml, "fuzz", {{"PORT", "81"}, {"EMPTY", ""}, {"PASSWORD", std::string{password}}});
  if (!first) {
    if (first.error().detail.find("postgres.uri is " + std::string{password}) != std::string::npos)
      std::abort();
    return 0;
  }
  first->postgres.uri = {};  // dumped as ***, which is no URI
  const std::string text = dump(*first);
  const auto again = parse_config(text, "dump");
  if (!again || dump(*again) != text) std::abort();
  return 0;
}
