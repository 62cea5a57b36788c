#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/snowflake/settings.hpp"

namespace gridlight::test::snowflake {

/// Postgres's ISO text of a date, time or timestamp.
struct moment {
  std::int64_t seconds = 0;      ///< since 1970 or midnight, floored
  std::int64_t nanoseconds = 0;  ///< 0 to 999,999,999
};

/// \pre text is what Postgres writes with DateStyle ISO and TimeZone UTC, 0001 to 9999
moment read_moment(std::string_view text);
std::int64_t days_of(std::string_view date);

/// `-1.500000000`, as `how` says.
std::string epoch_text(moment at, const settings& how);
/// By a Snowflake format: YYYY MM DD HH24 MI SS FF0…FF9 TZH TZM, others as they stand. `offset` in minutes.
std::string formatted(moment at, int offset, std::string_view format);

}  // namespace gridlight::test::snowflake
