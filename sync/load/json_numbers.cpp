#include "sync/load/json_numbers.hpp"

#include <algorithm>
#include <charconv>

namespace gridlight::sync {
namespace {

// Digits of a numeric before and behind its point.
constexpr std::size_t most_whole = 131'072, most_fraction = 16'383;

bool digit(char c) {
  return c >= '0' && c <= '9';
}

std::size_t digits(std::string_view s, std::size_t at) {
  const std::size_t from = at;
  while (at < s.size() && digit(s[at]))
    ++at;
  return at - from;
}

// The length of a number by JSON's grammar at the beginning; 0: there is none.
std::size_t number_length(std::string_view s, bool& fits) {
  std::size_t at = s[0] == '-' ? 1 : 0;
  const std::size_t whole = digits(s, at);
  if (whole == 0 || (whole > 1 && s[at] == '0')) return 0;
  at += whole;
  std::size_t fraction = 0;
  if (at < s.size() && s[at] == '.') {
    fraction = digits(s, at + 1);
    if (fraction == 0) return 0;
    at += 1 + fraction;
  }
  long exponent = 0;
  if (at < s.size() && (s[at] == 'e' || s[at] == 'E')) {
    std::size_t first = at + 1;
    const bool negative = first < s.size() && s[first] == '-';
    if (negative || (first < s.size() && s[first] == '+')) ++first;
    const std::size_t n = digits(s, first);
    if (n == 0) return 0;
    const auto read = std::from_chars(s.data() + first, s.data() + first + n, exponent);
    exponent = read.ec == std::errc{} ? std::min(exponent, 1'000'000L) : 1'000'000L;
    if (negative) exponent = -exponent;
    at = first + n;
  }
  const long before = static_cast<long>(whole) + exponent, behind = static_cast<long>(fraction) - exponent;
  fits = fits && before <= static_cast<long>(most_whole) && behind <= static_cast<long>(most_fraction);
  return at;
}

}  // namespace

json_without_numbers without_numbers(std::string_view json) {
  json_without_numbers out;
  out.text.reserve(json.size());
  bool quoted = false;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (!quoted && (c == '-' || digit(c))) {
      // All of it or nothing: 1.5.5 is not two numbers.
      const std::string_view whole = json.substr(at, json.find_first_not_of("0123456789+-.eE", at) - at);
      if (number_length(whole, out.fits) == whole.size())
        out.text += c == '-' ? "-0" : "0";
      else
        out.text.append(whole);
      at += whole.size();
      continue;
    }
    if (c == '"') quoted = !quoted;
    const std::size_t n = quoted && c == '\\' ? 2 : 1;  // an escape, whatever it is of
    out.text.append(json.substr(at, n));
    at += n;
  }
  return out;
}

}  // namespace gridlight::sync
