#include "api/value_check.hpp"

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>

#include "server/postgres/result.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

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
