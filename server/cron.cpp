#include "server/cron.hpp"

#include "server/config_sync.hpp"
#include "server/config_values.hpp"

namespace gridlight {
namespace {

using std::chrono::days;

template <std::size_t N>
void fill(std::bitset<N>& out, std::string_view field, std::size_t least, std::size_t most) {
  for (const std::string& part : config_detail::split_list(field)) {
    const std::string_view text = part;
    const auto slash = text.find('/');
    const std::string_view range = text.substr(0, slash);
    const auto number = [](std::string_view digits) {
      return static_cast<std::size_t>(config_detail::read_integer(digits).value_or(0));
    };
    const std::size_t step = slash == text.npos ? 1 : number(text.substr(slash + 1));
    std::size_t first = least, last = most;
    if (range != "*") {
      const auto dash = range.find('-');
      first = number(range.substr(0, dash));
      last = dash != range.npos ? number(range.substr(dash + 1)) : slash == text.npos ? first : most;
    }
    for (std::size_t i = first; i <= last; i += step)
      out.set(i % N);
  }
}

}  // namespace

std::optional<cron_line> cron_line::read(std::string_view text) {
  if (config_detail::read_duration(text) || !config_detail::is_schedule(text)) return std::nullopt;
  std::string_view fields[5];
  std::string_view rest = config_detail::trim(text);
  for (std::string_view& field : fields) {
    field = rest.substr(0, rest.find(' '));
    rest = config_detail::trim(rest.substr(field.size()));
  }
  cron_line out;
  fill(out.minutes_, fields[0], 0, 59);
  fill(out.hours_, fields[1], 0, 23);
  fill(out.days_, fields[2], 1, 31);
  fill(out.months_, fields[3], 1, 12);
  fill(out.weekdays_, fields[4], 0, 6);  // 7 is 0 again
  out.any_day_ = fields[2].starts_with('*');
  out.any_weekday_ = fields[4].starts_with('*');
  return out;
}

bool cron_line::fits_day(std::chrono::local_days day) const {
  const std::chrono::year_month_day date{day};
  if (!months_.test(static_cast<unsigned>(date.month()))) return false;
  const bool by_date = days_.test(static_cast<unsigned>(date.day()));
  const bool by_weekday = weekdays_.test(std::chrono::weekday{day}.c_encoding());
  return any_day_ || any_weekday_ ? by_date && by_weekday : by_date || by_weekday;
}

bool cron_line::fits_minute(std::chrono::minutes::rep of_day) const {
  return hours_.test(static_cast<std::size_t>(of_day / 60)) &&
         minutes_.test(static_cast<std::size_t>(of_day % 60));
}

std::optional<std::chrono::local_seconds> cron_line::next(std::chrono::local_seconds t) const {
  using namespace std::chrono;
  const local_seconds from = floor<minutes>(t) + minutes{1};
  const local_days start = floor<days>(from);
  for (local_days day = start; day < start + days{366 * 8}; day += days{1}) {
    if (!fits_day(day)) continue;
    const auto first = day == start ? duration_cast<minutes>(from - day).count() : 0;
    for (auto minute = first; minute < 24 * 60; ++minute)
      if (fits_minute(minute)) return day + minutes{minute};
  }
  return std::nullopt;
}

std::optional<std::chrono::minutes> cron_line::longest_pause() const {
  using namespace std::chrono;
  constexpr minutes::rep day_length = 24 * 60;
  minutes::rep first = -1, last = -1, longest = 0;
  for (minutes::rep minute = 0; minute < day_length; ++minute) {
    if (!fits_minute(minute)) continue;
    if (last < 0)
      first = minute;
    else
      longest = std::max(longest, minute - last);
    last = minute;
  }
  // Eight years hold two of every day that there is.
  constexpr local_days start = local_days{year{2000} / January / 1};
  std::optional<local_days> before;
  bool again = false;
  for (local_days day = start; last >= 0 && day < start + days{366 * 8}; day += days{1}) {
    if (!fits_day(day)) continue;
    if (before) longest = std::max(longest, (day - *before).count() * day_length - last + first);
    again = before.has_value();
    before = day;
  }
  if (!again) return std::nullopt;
  return minutes{longest};
}

}  // namespace gridlight
