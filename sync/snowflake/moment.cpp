// Dates and times of results: numbers as the API writes them, or the text of *_OUTPUT_FORMAT.
#include "sync/snowflake/moment.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "sync/load/values.hpp"

namespace gridlight::sync::snowflake {
namespace {

constexpr std::int64_t second = 1'000'000'000, day_seconds = 86'400;
constexpr std::size_t nanosecond_digits = 16;         // no date in seconds has so many
constexpr std::int64_t farthest = 1'000'000'000'000;  // seconds; beyond the year 33,000

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view take_digits(std::string_view& text) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_digit);
  const std::string_view out = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(out.size());
  return out;
}

std::optional<std::int64_t> whole(std::string_view digits) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return out;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// Up to nine digits behind a point, if there is one.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  const std::string_view digits = take_digits(text);
  if (digits.size() > 9) return std::nullopt;
  std::int64_t out = whole(digits).value_or(0);
  for (std::size_t i = digits.size(); i < 9; ++i)
    out *= 10;
  return out;
}

instant floored(std::int64_t seconds, std::int64_t nanoseconds, bool negative) {
  if (!negative) return {seconds, static_cast<std::int32_t>(nanoseconds)};
  if (nanoseconds == 0) return {-seconds, 0};
  return {-seconds - 1, static_cast<std::int32_t>(second - nanoseconds)};
}

// Signed decimal seconds; whole numbers that are too long for seconds are nanoseconds.
std::optional<instant> take_seconds(std::string_view& text) {
  const bool negative = take(text, '-');
  const std::string_view digits = take_digits(text);
  const auto number = whole(digits);
  if (!number) return std::nullopt;
  if (!text.starts_with('.') && digits.size() >= nanosecond_digits)
    return floored(*number / second, *number % second, negative);
  const auto fraction = take_fraction(text);
  if (!fraction || *number > farthest) return std::nullopt;
  return floored(*number, *fraction, negative);
}

std::optional<read_moment_result> moment_of_seconds(std::string_view text) {
  const auto at = take_seconds(text);
  if (!at) return std::nullopt;
  read_moment_result out{*at, false, {}};
  if (text.empty()) return out;
  if (!take(text, ' ')) return std::nullopt;
  // Real offsets reach +14 h, documented ones 12.
  const auto minutes = whole(text);
  if (!minutes || *minutes < 0 || *minutes > 2880) return std::nullopt;
  out.offset = static_cast<std::int32_t>(*minutes - 1440);
  return out;
}

std::optional<std::int64_t> two_digits(std::string_view& text, std::int64_t most) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) return std::nullopt;
  const std::int64_t out = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return out <= most ? std::optional{out} : std::nullopt;
}

// HH:MM:SS[.f] in nanoseconds.
std::optional<std::int64_t> take_clock(std::string_view& text) {
  const auto hour = two_digits(text, 23);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = two_digits(text, 59);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto seconds = two_digits(text, 59);
  if (!seconds) return std::nullopt;
  const auto fraction = take_fraction(text);
  if (!fraction) return std::nullopt;
  return (*hour * 3600 + *minute * 60 + *seconds) * second + *fraction;
}

std::optional<std::int64_t> civil_days(std::string_view date) {
  const auto since_2000 = read_date(date);
  constexpr std::int64_t between = 10'957;
  return since_2000 ? std::optional{*since_2000 + between} : std::nullopt;
}

std::optional<read_moment_result> moment_of_text(std::string_view text) {
  if (text.size() < 19 || (text[10] != ' ' && text[10] != 'T')) return std::nullopt;
  const auto days = civil_days(text.substr(0, 10));
  text.remove_prefix(11);
  const auto clock = take_clock(text);
  if (!days || !clock) return std::nullopt;
  read_moment_result out{
      {*days * day_seconds + *clock / second, static_cast<std::int32_t>(*clock % second)}, true, {}};
  take(text, ' ');
  if (text.empty()) return out;
  const auto offset = sync::read_offset(text);
  if (!offset) return std::nullopt;
  out.at.seconds -= *offset;
  out.offset = static_cast<std::int32_t>(*offset / 60);
  return out;
}

void put(char* at, std::int64_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10)
    at[i] = static_cast<char>('0' + value % 10);
}

// HH:MM:SS.ffffff; what is behind the microseconds is cut off.
void append_clock(std::int64_t seconds, std::int64_t nanoseconds, std::string& out) {
  char text[] = "00:00:00.000000";
  put(text, seconds / 3600, 2);
  put(text + 3, seconds / 60 % 60, 2);
  put(text + 6, seconds % 60, 2);
  put(text + 9, nanoseconds / 1000, 6);
  out.append(text, sizeof text - 1);
}

}  // namespace

std::optional<read_moment_result> read_moment(std::string_view text) {
  text = trim(text);
  const bool date_first = text.size() > 10 && text[4] == '-';
  return date_first ? moment_of_text(text) : moment_of_seconds(text);
}

std::optional<std::int64_t> read_days(std::string_view text) {
  text = trim(text);
  if (text.find('-', 1) != text.npos) return civil_days(text);
  const bool negative = take(text, '-');
  const auto days = whole(text);
  if (!days || *days < 0) return std::nullopt;
  return negative ? -*days : *days;
}

std::optional<std::int64_t> read_day_time(std::string_view text) {
  text = trim(text);
  std::optional<std::int64_t> out;
  if (text.find(':') != text.npos) {
    out = take_clock(text);
  } else if (const auto at = take_seconds(text); at && at->seconds >= 0 && at->seconds < day_seconds) {
    out = at->seconds * second + at->nanoseconds;
  }
  return text.empty() ? out : std::nullopt;
}

bool write_date(std::int64_t days, std::string& out) {
  namespace c = std::chrono;
  constexpr c::sys_days first{c::year{1} / 1 / 1}, last{c::year{9999} / 12 / 31};
  out.clear();
  if (days < first.time_since_epoch().count() || days > last.time_since_epoch().count()) return false;
  const c::year_month_day date{c::sys_days{c::days{days}}};
  char text[] = "0000-00-00";
  put(text, static_cast<int>(date.year()), 4);
  put(text + 5, static_cast<unsigned>(date.month()), 2);
  put(text + 8, static_cast<unsigned>(date.day()), 2);
  out.assign(text, sizeof text - 1);
  return true;
}

bool write_instant(const instant& at, bool zoned, std::string& out) {
  std::int64_t days = at.seconds / day_seconds, seconds = at.seconds % day_seconds;
  if (seconds < 0) seconds += day_seconds, --days;
  if (!write_date(days, out)) return false;
  out += ' ';
  append_clock(seconds, at.nanoseconds, out);
  if (zoned) out += 'Z';
  return true;
}

void write_day_time(std::int64_t nanoseconds, std::string& out) {
  out.clear();
  append_clock(nanoseconds / second, nanoseconds % second, out);
}

}  // namespace gridlight::sync::snowflake
