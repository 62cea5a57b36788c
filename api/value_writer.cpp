#include "api/value_writer.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "geo/decimal.hpp"
#include "server/log_text.hpp"
#include "server/postgres/result.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;
using geo::text_sink;

template <class Int>
Int read(const char* bytes) noexcept {
  Int out;
  std::memcpy(&out, bytes, sizeof out);
  if constexpr (sizeof(Int) == 2) return static_cast<Int>(__builtin_bswap16(static_cast<std::uint16_t>(out)));
  if constexpr (sizeof(Int) == 4) return static_cast<Int>(__builtin_bswap32(static_cast<std::uint32_t>(out)));
  if constexpr (sizeof(Int) == 8) return static_cast<Int>(__builtin_bswap64(static_cast<std::uint64_t>(out)));
}

template <class Number>
char* write_number(char* at, Number value) noexcept {
  return std::to_chars(at, at + scalar_room, value).ptr;
}

// Most measures have at most three decimals: a decimal of 15 digits or fewer that reads back as the same
// double is its shortest form, and comes cheaper than from to_chars.
char* write_double(char* at, double value) noexcept {
  constexpr double most = 1e11;
  if (std::abs(value) < most) {
    const double thousands = value * 1000;  // far below 2^63
    const auto nearest = static_cast<std::int64_t>(thousands + (value < 0 ? -0.5 : 0.5));
    if (static_cast<double>(nearest) / 1000 == value) return geo::write_thousandths(at, nearest);
  }
  return write_number(at, value);
}

char* write_digits(char* at, std::int64_t value, int width) noexcept {
  char text[20];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  for (auto have = end - text; have < width; ++have)
    *at++ = '0';
  return std::copy(text, end, at);
}

char* write_two(char* at, std::int64_t value) noexcept {
  *at++ = static_cast<char>('0' + value / 10);
  *at++ = static_cast<char>('0' + value % 10);
  return at;
}

// Days are counted from 2000-01-01, as Postgres does. Years outside 0…9999 get a sign, as ISO 8601 has them.
char* write_date(char* at, std::int64_t days) noexcept {
  using namespace std::chrono;
  // year_month_day holds years up to 32767; beyond (Postgres reaches 294276) whole 400-year cycles are taken
  // off.
  constexpr std::int64_t cycle_days = 146097;
  const std::int64_t cycles = (days >= 0 ? days : days - cycle_days + 1) / cycle_days;
  const year_month_day ymd{sys_days{2000y / January / 1} + std::chrono::days{days - cycles * cycle_days}};
  const std::int64_t year = int{ymd.year()} + cycles * 400;
  if (year < 0) *at++ = '-';
  if (year > 9999) *at++ = '+';
  at = write_digits(at, year < 0 ? -year : year, 4);
  *at++ = '-';
  at = write_two(at, unsigned{ymd.month()});
  *at++ = '-';
  return write_two(at, unsigned{ymd.day()});
}

char* write_timestamp(char* at, std::int64_t microseconds, bool utc) noexcept {
  constexpr std::int64_t day = 86'400'000'000;
  std::int64_t days = microseconds / day, rest = microseconds % day;
  if (rest < 0) {
    rest += day;
    --days;
  }
  at = write_date(at, days);
  *at++ = 'T';
  at = write_two(at, rest / 3'600'000'000);
  *at++ = ':';
  at = write_two(at, rest / 60'000'000 % 60);
  *at++ = ':';
  at = write_two(at, rest / 1'000'000 % 60);
  if (const std::int64_t fraction = rest % 1'000'000; fraction != 0) {
    *at++ = '.';
    at = write_digits(at, fraction, 6);
    while (at[-1] == '0')
      --at;
  }
  if (utc) *at++ = 'Z';
  return at;
}

char* write_uuid(char* at, const char* bytes) noexcept {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  return at;
}

template <class Int>
bool is_infinite(Int value) noexcept {
  return value == std::numeric_limits<Int>::max() || value == std::numeric_limits<Int>::min();
}

// Writers of types of fixed size, one a type; null when the value has no text (NaN, infinity).
char* write_boolean(char* at, const char* bytes) noexcept {
  const std::string_view word = bytes[0] != 0 ? "true" : "false";
  return std::copy(word.begin(), word.end(), at);
}
template <class Int>
char* write_integer(char* at, const char* bytes) noexcept {
  return write_number(at, read<Int>(bytes));
}
char* write_float4(char* at, const char* bytes) noexcept {
  const auto value = std::bit_cast<float>(read<std::uint32_t>(bytes));
  return std::isfinite(value) ? write_number(at, value) : nullptr;
}
char* write_float8(char* at, const char* bytes) noexcept {
  const auto value = std::bit_cast<double>(read<std::uint64_t>(bytes));
  return std::isfinite(value) ? write_double(at, value) : nullptr;
}
char* write_day(char* at, const char* bytes) noexcept {
  const auto days = read<std::int32_t>(bytes);
  return is_infinite(days) ? nullptr : write_date(at, days);
}
template <bool utc>
char* write_time(char* at, const char* bytes) noexcept {
  const auto microseconds = read<std::int64_t>(bytes);
  return is_infinite(microseconds) ? nullptr : write_timestamp(at, microseconds, utc);
}

// numeric: digit groups of four, the weight of the first, sign, and how many decimals to show. False: NaN or
// infinite, or no numeric.
bool append_numeric(text_sink& out, std::string_view bytes) {
  if (bytes.size() < 8) return false;
  const int groups = read<std::int16_t>(bytes.data()), weight = read<std::int16_t>(bytes.data() + 2);
  const unsigned sign = read<std::uint16_t>(bytes.data() + 4), scale = read<std::uint16_t>(bytes.data() + 6);
  if ((sign != 0 && sign != 0x4000U) || groups < 0 || bytes.size() < 8 + 2 * static_cast<std::size_t>(groups))
    return false;
  const auto group = [&](int i) -> int {
    return i >= 0 && i < groups
               ? read<std::uint16_t>(bytes.data() + 8 + 2 * static_cast<std::size_t>(i)) % 10000
               : 0;
  };
  const std::size_t whole = weight < 0 ? 1 : 4 * (static_cast<std::size_t>(weight) + 1);
  char* at = out.room(1 + whole + 1 + scale + 4 + scalar_room);
  if (sign != 0) *at++ = '-';
  if (weight < 0) *at++ = '0';
  for (int i = 0; i <= weight; ++i)
    at = write_digits(at, group(i), i == 0 ? 1 : 4);
  if (scale != 0) {
    *at++ = '.';
    char* const end = at + scale;
    for (int i = weight + 1; at < end; ++i)
      at = write_digits(at, group(i), 4);
    at = end;
  }
  out.commit(at);
  return true;
}

// Appends the text of a value; false when there is none.
bool append_plain(text_sink& out, Oid type, std::string_view bytes) {
  if (const value_form form = form_of(type); form.write != nullptr) {
    if (bytes.size() < form.size) return false;
    char* const end = form.write(out.room(scalar_room), bytes.data());
    if (end != nullptr) out.commit(end);
    return end != nullptr;
  }
  if (type == oid::numeric) return append_numeric(out, bytes);
  if (type == oid::jsonb && !bytes.empty()) bytes.remove_prefix(1);  // its format's version
  out.append(bytes);
  return true;
}

// Eight characters that a JSON string holds as they are: printable ASCII but quote and backslash. The tests
// of all bytes at once are those of "Bit Twiddling Hacks" (haszero, hasless); a false alarm only costs time.
[[gnu::always_inline]] inline bool all_plain(std::uint64_t eight) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
  const auto has_zero = [](std::uint64_t v) { return (v - ones) & ~v; };
  const std::uint64_t special = (eight - ones * 0x20) | has_zero(eight ^ (ones * '"')) |
                                has_zero(eight ^ (ones * '\\')) | has_zero(eight ^ (ones * 0x7F)) | eight;
  return (special & highs) == 0;
}

std::uint64_t load_eight(const char* from) noexcept {
  std::uint64_t out;
  std::memcpy(&out, from, sizeof out);
  return out;
}

// The 1 to 7 characters there and spaces behind them, in the order of memory; nothing else is read.
std::uint64_t load_few(const char* from, std::size_t n) noexcept {
  std::uint64_t out = 0x2020202020202020U;
  char* const to = reinterpret_cast<char*>(&out);
  if ((n & 4) != 0) std::memcpy(to, from, 4);
  if ((n & 2) != 0) std::memcpy(to + (n & 4), from + (n & 4), 2);
  if ((n & 1) != 0) to[n & 6] = from[n & 6];
  return out;
}

bool is_plain(char c) noexcept {
  return c >= 0x20 && c != '"' && c != '\\' && c != 0x7F;
}

}  // namespace

value_form form_of(Oid type) noexcept {
  switch (type) {
    case oid::boolean:
      return {write_boolean, 1};
    case oid::int2:
      return {write_integer<std::int16_t>, 2};
    case oid::int4:
      return {write_integer<std::int32_t>, 4};
    case oid::int8:
      return {write_integer<std::int64_t>, 8};
    case oid::float4:
      return {write_float4, 4};
    case oid::float8:
      return {write_float8, 8};
    case oid::date:
      return {write_day, 4, true};
    case oid::timestamp:
      return {write_time<false>, 8, true};
    case oid::timestamptz:
      return {write_time<true>, 8, true};
    case oid::uuid:
      return {write_uuid, 16, true};
    default:
      return {};
  }
}

void append_json_string(text_sink& out, std::string_view text) {
  // Eight bytes at a time, also those behind the end: there is room, and they are written over.
  char* at = out.room(text.size() + 10);
  *at++ = '"';
  const char *from = text.data(), *const end = from + text.size();
  for (; end - from >= 8; from += 8, at += 8) {
    const std::uint64_t eight = load_eight(from);
    if (!all_plain(eight)) break;
    std::memcpy(at, &eight, sizeof eight);
  }
  if (const auto left = static_cast<std::size_t>(end - from); left < 8 && left > 0) {
    // Of a longer text its last eight bytes, the first of which are written already.
    const bool overlap = text.size() >= 8;
    const std::uint64_t last = overlap ? load_eight(end - 8) : load_few(from, left);
    if (all_plain(last)) {
      std::memcpy(overlap ? at + left - 8 : at, &last, sizeof last);
      at += left;
      from = end;
    }
  }
  while (from != end && is_plain(*from))
    *at++ = *from++;
  if (from != end) {
    out.commit(at);
    std::string rest;
    log::append_escaped(rest, {from, end}, log::escaping::json);
    out.append(rest);
    at = out.room(1);
  }
  *at++ = '"';
  out.commit(at);
}

void append_json_string(std::string& out, std::string_view text) {
  text_sink sink{out, text.size() + 10};
  append_json_string(sink, text);
}

void append_json_value(text_sink& out, const value_form& form, std::string_view bytes) {
  out.commit(write_json_value(out.room(scalar_room), form, bytes));
}

void append_unsized_value(text_sink& out, Oid type, std::string_view bytes) {
  if (type == oid::numeric || type == oid::json || type == oid::jsonb) {
    if (!append_plain(out, type, bytes)) out.append("null");
  } else {
    append_json_string(out, bytes);
  }
}

void append_json_value(text_sink& out, Oid type, std::string_view bytes) {
  if (const value_form form = form_of(type); form.write != nullptr)
    append_json_value(out, form, bytes);
  else
    append_unsized_value(out, type, bytes);
}

void append_json_value(std::string& out, Oid type, std::string_view bytes) {
  text_sink sink{out};
  append_json_value(sink, type, bytes);
}

void append_text_value(std::string& out, Oid type, std::string_view bytes) {
  text_sink sink{out};
  append_plain(sink, type, bytes);
}

}  // namespace gridlight::api
