#include "sync/load/values.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace gridlight::sync {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

bool same(std::string_view a, std::string_view lowered) {
  return std::equal(a.begin(), a.end(), lowered.begin(), lowered.end(),
                    [](char x, char y) { return lower(x) == y; });
}

// Takes exactly `digits` digits off the front.
std::optional<int> take(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!is_digit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take_char(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::int32_t> take_date(std::string_view& text) {
  const auto year = take(text, 4);
  if (!year || *year == 0 || !take_char(text, '-')) return std::nullopt;
  const auto month = take(text, 2);
  if (!month || !take_char(text, '-')) return std::nullopt;
  const auto day = take(text, 2);
  if (!day) return std::nullopt;
  namespace c = std::chrono;
  const c::year_month_day date{c::year{*year}, c::month{static_cast<unsigned>(*month)},
                               c::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  constexpr c::sys_days epoch{c::year{2000} / 1 / 1};
  return static_cast<std::int32_t>((c::sys_days{date} - epoch).count());
}

// HH:MM[:SS[.fraction]] in microseconds.
std::optional<std::int64_t> take_clock(std::string_view& text) {
  const auto hour = take(text, 2);
  if (!hour || *hour > 23 || !take_char(text, ':')) return std::nullopt;
  const auto minute = take(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  std::int64_t micros = (std::int64_t{*hour} * 3600 + *minute * 60) * 1'000'000;
  if (!take_char(text, ':')) return micros;
  const auto second = take(text, 2);
  if (!second || *second > 60) return std::nullopt;  // 60: a leap second, which Postgres carries over
  micros += std::int64_t{*second} * 1'000'000;
  if (!take_char(text, '.')) return micros;
  std::size_t digits = 0;
  std::int64_t fraction = 0;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) {
    if (digits < 6)
      fraction = fraction * 10 + (text[digits] - '0');
    else if (digits == 6 && text[digits] >= '5')
      ++fraction;
  }
  if (digits == 0) return std::nullopt;
  for (std::size_t i = digits; i < 6; ++i)
    fraction *= 10;
  text.remove_prefix(digits);
  return micros + fraction;
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  const std::size_t begin = text.find_first_not_of(" \t\r\n\f\v");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n\f\v") - begin + 1);
}

std::optional<std::int64_t> read_integer(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text[0] == '+' && is_digit(text[1])) text.remove_prefix(1);
  if (const std::size_t dot = text.find('.'); dot != text.npos) {
    const std::string_view fraction = text.substr(dot + 1);
    if (fraction.empty() || fraction.find_first_not_of('0') != fraction.npos) return std::nullopt;
    text = text.substr(0, dot);
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> read_number(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> read_boolean(std::string_view text) {
  text = trim(text);
  for (const std::string_view yes : {"true", "t", "yes", "y", "on", "1"})
    if (same(text, yes)) return true;
  for (const std::string_view no : {"false", "f", "no", "n", "off", "0"})
    if (same(text, no)) return false;
  return std::nullopt;
}

std::optional<std::int32_t> read_date(std::string_view text) {
  text = trim(text);
  const auto days = take_date(text);
  return days && text.empty() ? days : std::nullopt;
}

std::optional<std::int64_t> read_clock(std::string_view text) {
  text = trim(text);
  const auto clock = take_clock(text);
  return clock && text.empty() ? clock : std::nullopt;
}

std::optional<std::int64_t> read_offset(std::string_view text) {
  if (same(text, "z") || same(text, "utc") || same(text, "gmt")) return 0;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = take(text, 2);
  if (!hours || *hours > 15) return std::nullopt;
  int minutes = 0;
  if (!text.empty()) {
    take_char(text, ':');
    const auto m = take(text, 2);
    if (!m || *m > 59 || !text.empty()) return std::nullopt;
    minutes = *m;
  }
  return sign * (std::int64_t{*hours} * 3600 + minutes * 60);
}

std::optional<parsed_time> read_time(std::string_view text) {
  text = trim(text);
  const auto days = take_date(text);
  if (!days || text.empty() || (text[0] != 'T' && text[0] != 't' && text[0] != ' ')) return std::nullopt;
  text.remove_prefix(1);
  const auto clock = take_clock(text);
  if (!clock) return std::nullopt;
  parsed_time out{std::int64_t{*days} * 86'400'000'000 + *clock, false};
  text = trim(text);
  if (text.empty()) return out;
  const auto offset = read_offset(text);
  if (!offset) return std::nullopt;
  out.microseconds -= *offset * 1'000'000;
  out.zoned = true;
  return out;
}

std::optional<std::string> read_uuid(std::string_view text) {
  text = trim(text);
  if (text.size() >= 2 && text.front() == '{' && text.back() == '}') text = text.substr(1, text.size() - 2);
  std::string out(32, '0');
  std::size_t n = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = lower(text[i]);
    const bool hex = is_digit(c) || (c >= 'a' && c <= 'f');
    const bool dash = c == '-' && n > 0 && n % 4 == 0 && text[i - 1] != '-';
    if ((!hex && !dash) || (hex && n == out.size())) return std::nullopt;
    if (hex) out[n++] = c;
  }
  if (n != out.size() || text.back() == '-') return std::nullopt;
  return out;
}

}  // namespace gridlight::sync
