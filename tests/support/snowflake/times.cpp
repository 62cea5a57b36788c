#include "tests/support/snowflake/times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace gridlight::test::snowflake {
namespace {

int number(std::string_view text, std::size_t at, std::size_t size) {
  int out = 0;
  for (const char c : text.substr(std::min(at, text.size()), size))
    out = out * 10 + (c - '0');
  return out;
}

// HH:MI:SS[.ffffff][+00]
moment read_time(std::string_view text) {
  moment out{number(text, 0, 2) * 3600 + number(text, 3, 2) * 60 + number(text, 6, 2), 0};
  if (text.size() <= 8 || text[8] != '.') return out;
  std::int64_t unit = 100'000'000;
  for (std::size_t i = 9; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, unit /= 10)
    out.nanoseconds += (text[i] - '0') * unit;
  return out;
}

}  // namespace

std::int64_t days_of(std::string_view date) {
  const std::chrono::year_month_day day{std::chrono::year{number(date, 0, 4)},
                                        std::chrono::month{static_cast<unsigned>(number(date, 5, 2))},
                                        std::chrono::day{static_cast<unsigned>(number(date, 8, 2))}};
  return std::chrono::sys_days{day}.time_since_epoch().count();
}

moment read_moment(std::string_view text) {
  if (text.size() > 2 && text[2] == ':') return read_time(text);
  moment out;
  if (text.size() > 11) out = read_time(text.substr(11));
  out.seconds += days_of(text) * 86'400;
  return out;
}

std::string epoch_text(moment at, const settings& how) {
  if (how.fraction_digits < 0) {
    if (at.seconds == 0) return fmt::format("{}", at.nanoseconds);
    return fmt::format("{}", at.seconds * 1'000'000'000 + at.nanoseconds);
  }
  const bool negative = at.seconds < 0;
  if (negative && at.nanoseconds != 0 && !how.added_fraction) {
    ++at.seconds;
    at.nanoseconds = 1'000'000'000 - at.nanoseconds;
  }
  std::string out = negative && at.seconds == 0 ? "-0" : fmt::format("{}", at.seconds);
  if (how.fraction_digits == 0) return out;
  return out + "." +
         fmt::format("{:09}", at.nanoseconds).substr(0, static_cast<std::size_t>(how.fraction_digits));
}

std::string formatted(moment at, int offset, std::string_view format) {
  const std::int64_t local = at.seconds + offset * 60;
  const std::chrono::sys_seconds when{std::chrono::seconds{local}};
  const auto midnight = std::chrono::floor<std::chrono::days>(when);
  const std::chrono::year_month_day day{midnight};
  const std::chrono::hh_mm_ss time{when - midnight};
  std::string out;
  for (std::size_t i = 0; i < format.size();) {
    const auto sees = [&](std::string_view what) {
      if (format.substr(i, what.size()) != what) return false;
      i += what.size();
      return true;
    };
    if (sees("YYYY"))
      out += fmt::format("{:04}", static_cast<int>(day.year()));
    else if (sees("MM"))
      out += fmt::format("{:02}", static_cast<unsigned>(day.month()));
    else if (sees("DD"))
      out += fmt::format("{:02}", static_cast<unsigned>(day.day()));
    else if (sees("HH24"))
      out += fmt::format("{:02}", time.hours().count());
    else if (sees("MI"))
      out += fmt::format("{:02}", time.minutes().count());
    else if (sees("SS"))
      out += fmt::format("{:02}", time.seconds().count());
    else if (sees("TZH"))
      out += fmt::format("{}{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60);
    else if (sees("TZM"))
      out += fmt::format("{:02}", std::abs(offset) % 60);
    else if (sees("FF")) {
      const bool digit = i < format.size() && format[i] >= '0' && format[i] <= '9';
      const auto digits = static_cast<std::size_t>(digit ? format[i++] - '0' : 9);
      out += fmt::format("{:09}", at.nanoseconds).substr(0, digits);
    } else {
      out += format[i++];
    }
  }
  return out;
}

}  // namespace gridlight::test::snowflake
