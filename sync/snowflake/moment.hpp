#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sync/snowflake/decode.hpp"

namespace gridlight::sync::snowflake {

struct read_moment_result {
  instant at;                          ///< in UTC, or as the clock showed when there is no offset
  bool as_text = false;                ///< YYYY-MM-DD …, not seconds
  std::optional<std::int32_t> offset;  ///< minutes east
};
std::optional<read_moment_result> read_moment(std::string_view text);

/// Days since 1970, by number or YYYY-MM-DD.
std::optional<std::int64_t> read_days(std::string_view text);
/// Nanoseconds since midnight, of seconds or HH:MM:SS[.f].
std::optional<std::int64_t> read_day_time(std::string_view text);

// What row_encoder reads, in place of what is in `out`. False beyond the years 1 to 9999.
bool write_date(std::int64_t days, std::string& out);
bool write_instant(const instant& at, bool zoned, std::string& out);
void write_day_time(std::int64_t nanoseconds, std::string& out);

/// Whether strict_json would change it.
bool needs_rewriting(std::string_view json) noexcept;

}  // namespace gridlight::sync::snowflake
