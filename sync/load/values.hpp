#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gridlight::sync {

/// Texts to values as Postgres reads them, so that a bad one is found before Postgres sees it. Blanks around
/// are ignored; nothing comes back when the text is no such value.

/// A whole number that fits 64 bits; "5.0" counts as one.
std::optional<std::int64_t> read_integer(std::string_view text);
/// A finite number.
std::optional<double> read_number(std::string_view text);
/// true, t, yes, y, on, 1 and their opposites, in either case.
std::optional<bool> read_boolean(std::string_view text);
/// YYYY-MM-DD as days since 2000-01-01.
std::optional<std::int32_t> read_date(std::string_view text);

/// HH:MM[:SS[.fraction]] as microseconds since midnight.
std::optional<std::int64_t> read_clock(std::string_view text);

/// What a time's text says about its zone.
struct parsed_time {
  std::int64_t microseconds =
      0;  ///< since 2000-01-01 00:00, in UTC when `zoned`, else as the clock there showed
  bool zoned = false;
};
/// YYYY-MM-DD, 'T' or a blank, HH:MM[:SS[.fraction]], then nothing, Z, UTC, or an offset +HH[[:]MM].
std::optional<parsed_time> read_time(std::string_view text);
/// "UTC", "Z" or an offset such as +01:00, in seconds east.
std::optional<std::int64_t> read_offset(std::string_view text);

/// 32 hex digits with or without dashes and braces, as 32 lower-case digits.
std::optional<std::string> read_uuid(std::string_view text);

/// A decimal number in Postgres's binary form for numeric(precision, scale); precision 0: any.
/// Rounded half away from zero to the scale. `too_large` tells an overflow from text that is no number.
struct packed_numeric {
  std::string bytes;
  bool too_large = false;
};
std::optional<packed_numeric> read_numeric(std::string_view text, int precision, int scale);

std::string_view trim(std::string_view text) noexcept;

}  // namespace gridlight::sync
