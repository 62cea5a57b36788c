#include "api/value_writer.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>

#include "geo/wkb.hpp"
#include "server/log_text.hpp"
#include "server/postgres/result.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

template <class Int>
Int read(std::string_view bytes, std::size_t at = 0) noexcept {
  Int out = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i)
    out =
        static_cast<Int>((static_cast<std::uint64_t>(out) << 8) | static_cast<unsigned char>(bytes[at + i]));
  return out;
}

template <class Number>
void append_number(std::string& out, Number value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

// Most measures have at most three decimals: a decimal of 15 digits or fewer that reads back as the same
// double is its shortest form, and comes cheaper than from to_chars.
void append_double(std::string& out, double value) {
  constexpr double most = 1e11;
  if (std::abs(value) < most && std::nearbyint(value * 1000) / 1000 == value)
    geo::append_decimal(out, value, 3);
  else
    append_number(out, value);
}

void append_digits(std::string& out, std::int64_t value, int width) {
  std::array<char, 20> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  for (auto have = end - text.data(); have < width; ++have)
    out += '0';
  out.append(text.data(), end);
}

// Days are counted from 2000-01-01, as Postgres does. Years outside 0…9999 get a sign, as ISO 8601 has them.
void append_date(std::string& out, std::int64_t days) {
  using namespace std::chrono;
  // year_month_day holds years up to 32767; beyond (Postgres reaches 294276) whole 400-year cycles are taken
  // off.
  constexpr std::int64_t cycle_days = 146097;
  const std::int64_t cycles = (days >= 0 ? days : days - cycle_days + 1) / cycle_days;
  const year_month_day ymd{sys_days{2000y / January / 1} + std::chrono::days{days - cycles * cycle_days}};
  const std::int64_t year = int{ymd.year()} + cycles * 400;
  if (year < 0) out += '-';
  if (year > 9999) out += '+';
  append_digits(out, year < 0 ? -year : year, 4);
  out += '-';
  append_digits(out, unsigned{ymd.month()}, 2);
  out += '-';
  append_digits(out, unsigned{ymd.day()}, 2);
}

void append_timestamp(std::string& out, std::int64_t microseconds, bool utc) {
  constexpr std::int64_t day = 86'400'000'000;
  std::int64_t days = microseconds / day, rest = microseconds % day;
  if (rest < 0) {
    rest += day;
    --days;
  }
  append_date(out, days);
  out += 'T';
  append_digits(out, rest / 3'600'000'000, 2);
  out += ':';
  append_digits(out, rest / 60'000'000 % 60, 2);
  out += ':';
  append_digits(out, rest / 1'000'000 % 60, 2);
  if (const std::int64_t fraction = rest % 1'000'000; fraction != 0) {
    out += '.';
    append_digits(out, fraction, 6);
    while (out.back() == '0')
      out.pop_back();
  }
  if (utc) out += 'Z';
}

// numeric: digit groups of four, the weight of the first, sign, and how many decimals to show. False: NaN or
// infinite.
bool append_numeric(std::string& out, std::string_view bytes) {
  if (bytes.size() < 8) return false;
  const int groups = read<std::int16_t>(bytes, 0), weight = read<std::int16_t>(bytes, 2);
  const unsigned sign = read<std::uint16_t>(bytes, 4), scale = read<std::uint16_t>(bytes, 6);
  if ((sign != 0 && sign != 0x4000U) || groups < 0 || bytes.size() < 8 + 2 * static_cast<std::size_t>(groups))
    return false;
  const auto group = [&](int i) -> int {
    return i >= 0 && i < groups ? read<std::int16_t>(bytes, 8 + 2 * static_cast<std::size_t>(i)) : 0;
  };
  if (sign != 0) out += '-';
  if (weight < 0) out += '0';
  for (int i = 0; i <= weight; ++i)
    append_digits(out, group(i), i == 0 ? 1 : 4);
  if (scale == 0) return true;
  out += '.';
  const std::size_t point = out.size();
  for (int i = weight + 1; out.size() < point + scale; ++i)
    append_digits(out, group(i), 4);
  out.resize(point + scale);
  return true;
}

void append_uuid(std::string& out, std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
}

constexpr std::size_t fixed_size(Oid type) noexcept {
  switch (type) {
    case oid::boolean:
      return 1;
    case oid::int2:
      return 2;
    case oid::int4:
    case oid::float4:
    case oid::date:
      return 4;
    case oid::int8:
    case oid::float8:
    case oid::timestamp:
    case oid::timestamptz:
      return 8;
    case oid::uuid:
      return 16;
    default:
      return 0;
  }
}

// Appends the text of a value; false when there is none (NaN, infinity, too few bytes).
bool append_plain(std::string& out, Oid type, std::string_view bytes) {
  if (bytes.size() < fixed_size(type)) return false;
  switch (type) {
    case oid::boolean:
      out += bytes[0] != 0 ? "true" : "false";
      return true;
    case oid::int2:
      append_number(out, read<std::int16_t>(bytes));
      return true;
    case oid::int4:
      append_number(out, read<std::int32_t>(bytes));
      return true;
    case oid::int8:
      append_number(out, read<std::int64_t>(bytes));
      return true;
    case oid::float4: {
      const auto value = std::bit_cast<float>(read<std::uint32_t>(bytes));
      if (!std::isfinite(value)) return false;
      append_number(out, value);
      return true;
    }
    case oid::float8: {
      const auto value = std::bit_cast<double>(read<std::uint64_t>(bytes));
      if (!std::isfinite(value)) return false;
      append_double(out, value);
      return true;
    }
    case oid::numeric:
      return append_numeric(out, bytes);
    case oid::date: {
      const auto days = read<std::int32_t>(bytes);
      if (days == std::numeric_limits<std::int32_t>::max() ||
          days == std::numeric_limits<std::int32_t>::min())
        return false;
      append_date(out, days);
      return true;
    }
    case oid::timestamp:
    case oid::timestamptz: {
      const auto at = read<std::int64_t>(bytes);
      if (at == std::numeric_limits<std::int64_t>::max() || at == std::numeric_limits<std::int64_t>::min())
        return false;
      append_timestamp(out, at, type == oid::timestamptz);
      return true;
    }
    case oid::uuid:
      append_uuid(out, bytes);
      return true;
    case oid::jsonb:
      out += bytes.substr(bytes.empty() ? 0 : 1);
      return true;
    case oid::json:
      out += bytes;
      return true;
    default:
      out += bytes;
      return true;
  }
}

bool all_digits(std::string_view text) noexcept {
  return text.find_first_not_of("0123456789") == text.npos && !text.empty();
}

template <class Number>
bool reads_as(std::string_view text) noexcept {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return false;
  if constexpr (std::is_floating_point_v<Number>) return std::isfinite(value);
  return true;
}

bool is_numeric(std::string_view text) noexcept {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto point = text.find('.');
  return text.size() <= 200 && all_digits(text.substr(0, point)) &&
         (point == text.npos || all_digits(text.substr(point + 1)));
}

bool is_date(std::string_view text) noexcept {
  using namespace std::chrono;
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  int y = 0;
  unsigned m = 0, d = 0;
  if (!all_digits(text.substr(0, 4)) || !all_digits(text.substr(5, 2)) || !all_digits(text.substr(8, 2)))
    return false;
  std::from_chars(text.data(), text.data() + 4, y);
  std::from_chars(text.data() + 5, text.data() + 7, m);
  std::from_chars(text.data() + 8, text.data() + 10, d);
  return y > 0 && year_month_day{year{y}, month{m}, day{d}}.ok();
}

// As append_timestamp writes it.
bool is_timestamp(std::string_view text, bool utc) noexcept {
  if (utc) {
    if (!text.ends_with('Z')) return false;
    text.remove_suffix(1);
  }
  if (text.size() < 19 || !is_date(text.substr(0, 10)) || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return false;
  if (text.size() > 19 && (text[19] != '.' || text.size() > 26 || !all_digits(text.substr(20)))) return false;
  const auto below = [&](std::size_t at, char tens) {
    return all_digits(text.substr(at, 2)) && text[at] < tens;
  };
  return below(11, '3') && text.substr(11, 2) < "24" && below(14, '6') && below(17, '6');
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-'
             : std::string_view{"0123456789abcdefABCDEF"}.find(text[i]) == std::string_view::npos)
      return false;
  }
  return true;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  log::append_escaped(out, text, log::escaping::json);
  out += '"';
}

void append_json_value(std::string& out, Oid type, std::string_view bytes) {
  switch (type) {
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
      append_json_string(out, bytes);
      return;
    default:
      break;
  }
  if (fixed_size(type) == 0 && type != oid::numeric && type != oid::json && type != oid::jsonb) {
    append_json_string(out, bytes);
    return;
  }
  const std::size_t before = out.size();
  const bool quoted =
      type == oid::date || type == oid::timestamp || type == oid::timestamptz || type == oid::uuid;
  if (quoted) out += '"';
  if (!append_plain(out, type, bytes)) {
    out.resize(before);
    out += "null";
  } else if (quoted) {
    out += '"';
  }
}

void append_text_value(std::string& out, Oid type, std::string_view bytes) {
  append_plain(out, type, bytes);
}

bool is_value_of(Oid type, std::string_view text) noexcept {
  if (text.find('\0') != text.npos) return false;
  switch (type) {
    case oid::boolean:
      return text == "true" || text == "false";
    case oid::int2:
      return reads_as<std::int16_t>(text);
    case oid::int4:
      return reads_as<std::int32_t>(text);
    case oid::int8:
      return reads_as<std::int64_t>(text);
    case oid::float4:
      return reads_as<float>(text);
    case oid::float8:
      return reads_as<double>(text);
    case oid::numeric:
      return is_numeric(text);
    case oid::date:
      return is_date(text);
    case oid::timestamp:
      return is_timestamp(text, false);
    case oid::timestamptz:
      return is_timestamp(text, true);
    case oid::uuid:
      return is_uuid(text);
    default:
      return true;
  }
}

}  // namespace gridlight::api
