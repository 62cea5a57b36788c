// Any bytes as a file of tokens: never a crash, and nothing that was accepted lets an empty token in.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/identity/token_file.hpp"

using namespace gridlight::identity;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tokens = parse_tokens({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!tokens) return 0;
  for (const token_entry& e : *tokens) {
    if (e.allowed.empty() || !is_token_name(e.name)) std::abort();
    const auto again = parse_tokens(entry_text(e, ""), "again");
    if (!again || again->size() != 1 || again->front().hash != e.hash || again->front().name != e.name ||
        !(again->front().allowed == e.allowed))
      std::abort();
  }
  return 0;
}
