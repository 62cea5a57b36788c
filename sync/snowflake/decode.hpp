#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/load/rows.hpp"
#include "sync/snowflake/response.hpp"

namespace gridlight::sync::snowflake {

/// Turns the texts of one row into what row_encoder reads: dates and times as ISO text (zoned ones in UTC,
/// fractions cut to microseconds toward the past), semi-structured values as JSON without `undefined`, NaN
/// and infinities of `real` as numbers, all else as it is (hex for binary and EWKB).
class row_decoder {
 public:
  /// \param columns  must outlive it
  explicit row_decoder(const std::vector<column>& columns);

  /// Replaces cells of kind text. Returns why a value cannot be read, with the column's name; empty when all
  /// can. Views live until the next call.
  std::string decode(std::vector<cell>& cells);

 private:
  enum class form : std::uint8_t { as_is, real, date, time, local_time, instant, zoned, json };
  static form form_of(const column& c);
  std::string decode_one(form f, cell& value, std::string& room);

  const std::vector<column>& columns_;
  std::vector<form> forms_;
  std::vector<std::string> made_;
};

/// A point in time in nanoseconds, as the bookkeeping of watermarks keeps it.
struct instant {
  std::int64_t seconds = 0;      ///< since 1970, floored
  std::int32_t nanoseconds = 0;  ///< 0…999,999,999 after that
  friend auto operator<=>(const instant&, const instant&) = default;
};
/// Signed decimal seconds ("-0.25" lies before 1970), or text "YYYY-MM-DD HH:MM:SS[.f] [±HH:MM]" (which
/// without an offset counts as UTC). Integers of 16 and more digits are nanoseconds. Of timestamp_tz, an
/// offset of 0…2880 may follow the seconds. Nothing when it is none of these.
std::optional<instant> read_instant(std::string_view text);

/// JSON-like text of a semi-structured value as JSON: bare undefined becomes null, NaN and the infinities
/// strings; what stands in strings is left alone.
std::string strict_json(std::string_view text);

}  // namespace gridlight::sync::snowflake
