#include "tests/support/mutator.hpp"

#include <algorithm>

#include "tests/support/naughty.hpp"

namespace gridlight::test {
namespace {

const std::vector<std::string> spoiled_fields{
    "Host: other",
    "Host:",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: 99999999999999999999",
    "Content-Length: -1",
    "Content-Length: 5, 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding : chunked",
    " folded",
    "Connection: close",
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    "Expect: 100-continue",
    "Accept: application/vnd.gridlight.columns+json;q=0.5, */*;q=x",
    "Accept: ,,;q=1,\"",
    "Accept-Encoding: gzip;q=0.0001, *;q=9",
    "If-None-Match: W/\"a\", \"b",
    "If-None-Match: *",
    "Content-Type: application/json; charset=\"",
    "Authorization: Bearer x",
    "Gridlight-Token: ",
    "X-Request-ID: \xFF\xFE",
    "X-Forwarded-For: 1.2.3.4, unknown",
    "Origin: null",
    "Range: bytes=0-0,-1",
    "Cookie: a=b",
};

}  // namespace

void mutator::spoil_bytes(std::string& text) {
  if (text.empty()) return;
  const std::size_t at = below(text.size());
  const auto byte = static_cast<char>(random_());
  switch (below(6)) {
    case 0:
      text[at] = byte;
      break;
    case 1:
      text.insert(at, 1 + below(8), byte);
      break;
    case 2:
      text.erase(at, 1 + below(8));
      break;
    case 3:
      text.insert(at, text.substr(at, 1 + below(64)));
      break;
    case 4:
      text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      break;
    default:
      text.resize(at);
      break;
  }
}

// A line doubled, left out, or put in.
void mutator::spoil_line(std::string& text) {
  const auto end = text.find("\r\n", below(text.size() + 1));
  if (end == text.npos) return;
  const auto next = text.find("\r\n", end + 2);
  switch (below(4)) {
    case 0:
      if (next != text.npos) text.insert(end, text.substr(end, next - end));
      break;
    case 1:
      if (next != text.npos) text.erase(end, next - end);
      break;
    default:
      text.insert(end, "\r\n" + spoiled_fields[below(spoiled_fields.size())]);
      break;
  }
}

// What stands behind a '=' or ':' becomes something naughty.
void mutator::spoil_value(std::string& text) {
  const auto at = text.find_first_of("=:,/", below(text.size() + 1));
  if (at == text.npos) return;
  const auto end = std::min(text.find_first_of("& \r,/}]", at + 1), text.size());
  const std::string& value = naughty_strings()[below(naughty_strings().size())];
  text.replace(at + 1, end - at - 1, below(8) == 0 ? value : percent_encoded(value, false));
}

std::string mutator::next() {
  std::string out = any_valid();
  for (std::size_t edits = below(3) == 0 ? 1 + below(3) : 1; edits > 0; --edits) {
    switch (below(9)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        spoil_value(out);
        break;
      case 6:
        spoil_line(out);
        break;
      case 5: {
        const std::string& other = any_valid();
        out = out.substr(0, below(out.size() + 1)) + other.substr(below(other.size()));
        break;
      }
      default:
        spoil_bytes(out);
        break;
    }
  }
  return out;
}

}  // namespace gridlight::test
