#include "api/cursor.hpp"

#include "api/common.hpp"

namespace gridlight::api {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes) {
  std::string out;
  unsigned pending = 0, bits = 0;
  for (const char c : bytes) {
    pending = pending << 8 | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      out += alphabet[pending >> bits & 63];
    }
    pending &= (1U << bits) - 1;
  }
  if (bits > 0) out += alphabet[pending << (6 - bits) & 63];
  return out;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  unsigned pending = 0, bits = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == alphabet.npos) return std::nullopt;
    pending = pending << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out += static_cast<char>(static_cast<unsigned char>(pending >> bits & 255));
    }
    pending &= (1U << bits) - 1;
  }
  // One text for one value: what is left over must be nothing but padding.
  if (bits >= 6 || pending != 0) return std::nullopt;
  return out;
}

std::string number(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes; i-- > 0;)
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 255));
  return out;
}

std::uint64_t read_number(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char c : bytes)
    out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

std::string make_cursor(std::uint64_t question, const std::vector<std::string>& key) {
  std::string body;
  for (const std::string& part : key)
    body += number(part.size(), 4) + part;
  return encode(number(hash64(body, question), 8) + body);
}

std::optional<std::vector<std::string>> read_cursor(std::string_view cursor, std::uint64_t question,
                                                    std::size_t parts) {
  const auto bytes = decode(cursor);
  if (!bytes || bytes->size() < 8) return std::nullopt;
  std::string_view body{*bytes};
  const auto sum = read_number(body.substr(0, 8));
  body.remove_prefix(8);
  if (sum != hash64(body, question)) return std::nullopt;
  std::vector<std::string> out;
  while (!body.empty()) {
    if (body.size() < 4) return std::nullopt;
    const auto length = read_number(body.substr(0, 4));
    body.remove_prefix(4);
    if (length > body.size()) return std::nullopt;
    out.emplace_back(body.substr(0, length));
    body.remove_prefix(length);
  }
  if (out.size() != parts) return std::nullopt;
  return out;
}

}  // namespace gridlight::api
