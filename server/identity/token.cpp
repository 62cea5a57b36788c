#include "server/identity/token.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>

namespace gridlight::identity {
namespace {

constexpr std::string_view digest_prefix = "sha256:";

std::optional<unsigned> hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

// Exactly `count` digits at the front, taken off.
std::optional<int> take_number(std::string_view& text, std::size_t count) noexcept {
  int value = 0;
  if (text.size() < count || !std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count),
                                          [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::from_chars(text.data(), text.data() + count, value);
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view what) noexcept {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

// "12:30", in minutes.
std::optional<int> take_hour_and_minute(std::string_view& text) noexcept {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  return *hour * 60 + *minute;
}

}  // namespace

std::string_view name(scope s) noexcept {
  switch (s) {
    case scope::read:
      return "read";
    case scope::write:
      return "write";
    case scope::personal:
      break;
  }
  return "personal";
}

std::optional<scope> scope_named(std::string_view wanted) noexcept {
  for (const scope s : {scope::read, scope::write, scope::personal})
    if (name(s) == wanted) return s;
  return std::nullopt;
}

result<std::string> make_token() {
  std::array<unsigned char, 33> bytes{};  // of the last byte nothing is used
  if (RAND_bytes(bytes.data(), 32) != 1) return failure{errc::internal, "no random bytes could be had"};
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out = "gl_";
  for (std::size_t bit = 0; bit < 256; bit += 6) {
    const unsigned two = static_cast<unsigned>(bytes[bit / 8]) << 8 | bytes[bit / 8 + 1];
    out += alphabet[two >> (10 - bit % 8) & 63];
  }
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return out;
}

digest sha256(std::string_view text) {
  digest out;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

std::string text_of(const digest& d) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out{digest_prefix};
  for (const unsigned char byte : d) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::optional<digest> read_digest(std::string_view text) noexcept {
  digest out;
  if (!take(text, digest_prefix) || text.size() != 2 * out.size()) return std::nullopt;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    out[i] = static_cast<unsigned char>(*high << 4 | *low);
  }
  return out;
}

bool equal(const digest& a, const digest& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::optional<clock::time_point> read_time(std::string_view text) {
  using namespace std::chrono;
  const auto y = take_number(text, 4);
  if (!y || !take(text, "-")) return std::nullopt;
  const auto m = take_number(text, 2);
  if (!m || !take(text, "-")) return std::nullopt;
  const auto d = take_number(text, 2);
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)}, day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  // The clock counts nanoseconds, from 1678 to 2262; "9999-12-31" shall mean its end.
  constexpr sys_days first{1700y / January / 1}, last{2261y / December / 31};
  clock::time_point out = std::clamp(sys_days{date}, first, last);
  if (text.empty()) return out;
  if (!take(text, "T")) return std::nullopt;
  const auto at = take_hour_and_minute(text);
  if (!at || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *second > 59) return std::nullopt;
  out += minutes{*at} + seconds{*second};
  if (text == "Z") return out;
  const bool east = text.starts_with('+');
  if (!take(text, "+") && !take(text, "-")) return std::nullopt;
  const auto offset = take_hour_and_minute(text);
  if (!offset || !text.empty()) return std::nullopt;
  return east ? out - minutes{*offset} : out + minutes{*offset};
}

bool is_token_name(std::string_view text) noexcept {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !text.empty() && text.size() <= 63 && plain(text[0]) &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return plain(c) || std::string_view{"._-@"}.find(c) != std::string_view::npos;
         });
}

}  // namespace gridlight::identity
