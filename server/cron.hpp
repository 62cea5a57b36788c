#pragma once

#include <bitset>
#include <chrono>
#include <optional>
#include <string_view>

namespace gridlight {

/// A cron line: minute, hour, day of the month, month, day of the week (0 and 7: Sunday); each *, n, n-m,
/// with /step, joined by commas. When both days are restricted, either will do, as cron has it.
class cron_line {
 public:
  static std::optional<cron_line> read(std::string_view text);
  /// The first minute after `t` that fits, on a clock without a zone; nothing within eight years.
  std::optional<std::chrono::local_seconds> next(std::chrono::local_seconds t) const;
  /// Between two minutes that fit, on such a clock; nothing when hardly any ever does.
  std::optional<std::chrono::minutes> longest_pause() const;

 private:
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = false, any_weekday_ = false;
  bool fits_day(std::chrono::local_days day) const;
  bool fits_minute(std::chrono::minutes::rep of_day) const;
};

}  // namespace gridlight
