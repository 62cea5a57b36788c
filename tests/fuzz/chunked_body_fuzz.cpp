// Any bytes as a chunked body: what comes out does not depend on the cuts, never exceeds the bound, and
// nothing is taken beyond the end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/http/chunked_body.hpp"

namespace {

using gridlight::http::chunked_body;

void must(bool holds) {
  if (!holds) std::abort();
}

struct outcome {
  chunked_body::state is = chunked_body::state::need_more;
  std::size_t used = 0;
  std::string body;
  bool operator==(const outcome&) const = default;
};

outcome take(std::string_view text, std::size_t most, std::size_t piece) {
  chunked_body chunks{most};
  outcome out;
  while (out.is == chunked_body::state::need_more && !text.empty()) {
    std::size_t used = 0;
    const auto part = text.substr(0, std::min(piece, text.size()));
    out.is = chunks.take(part, used, out.body);
    must(used <= part.size() && (used == part.size() || out.is != chunked_body::state::need_more));
    out.used += used;
    text.remove_prefix(used);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::size_t most = data[0];
  const outcome whole = take(text, most, text.size());
  must(whole.body.size() <= most);
  for (const std::size_t piece : {1U, 2U, 7U})
    must(take(text, most, piece) == whole);
  if (whole.is != chunked_body::state::done) return 0;
  must(text.substr(0, whole.used).ends_with("\r\n"));
  must(take(text.substr(0, whole.used), most, text.size()) == whole);
  // Written again, plainly, it is the same.
  std::string again;
  for (std::size_t at = 0; at < whole.body.size(); at += 9) {
    const std::string part = whole.body.substr(at, 9);
    again += std::to_string(part.size()) + "\r\n" + part + "\r\n";
  }
  const outcome second = take(again + "0\r\n\r\n", most, again.size() + 5);
  must(second.is == chunked_body::state::done && second.body == whole.body);
  return 0;
}
