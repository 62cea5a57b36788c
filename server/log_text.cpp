#include "server/log_text.hpp"

#include <array>
#include <cstddef>

namespace gridlight::log {
namespace {

// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7), or 0.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned first = at(0), second = at(1);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4 || !follows(1)) return 0;
  if (first < 0xE0) return 2;
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F)) return 0;
  if ((first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F)) return 0;
  if (!follows(2)) return 0;
  if (first < 0xF0) return 3;
  return follows(3) ? 4 : 0;
}

constexpr std::array<bool, 256> plain_table(bool quotes) noexcept {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x7F; ++c)
    out[c] = quotes || (c != '"' && c != '\\');
  return out;
}
constexpr std::array<bool, 256> plain_in_message = plain_table(true), plain_in_quotes = plain_table(false);

void append_hex(std::string& out, std::string_view prefix, char c) {
  constexpr char digits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += prefix;
  out.push_back(digits[byte >> 4]);
  out.push_back(digits[byte & 15]);
}

void append_json_control(std::string& out, std::string_view sequence) {
  switch (sequence[0]) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      append_hex(out, "\\u00", sequence.back());
      return;  // U+0080…U+009F end in their own number
  }
}

}  // namespace

void append_escaped(std::string& out, std::string_view text, escaping how) {
  const std::array<bool, 256>& passes = how == escaping::message ? plain_in_message : plain_in_quotes;
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && passes[static_cast<unsigned char>(text[plain])])
      ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;

    const std::size_t length = sequence_length(text);
    const std::string_view sequence = text.substr(0, length == 0 ? 1 : length);
    const bool c1 = length == 2 && sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
    if (length > 1 && !c1) {
      out += sequence;
    } else if (how == escaping::json && length > 0) {
      append_json_control(out, sequence);
    } else {
      for (const char c : sequence)
        append_hex(out, how == escaping::json ? "\\\\x" : "\\x", c);
    }
    text.remove_prefix(sequence.size());
  }
}

}  // namespace gridlight::log
