#include "sync/watermark.hpp"

#include <fmt/format.h>

#include <chrono>

#include "server/config_values.hpp"
#include "sync/load/values.hpp"
#include "sync/snowflake/decode.hpp"

namespace gridlight::sync {
namespace {

constexpr std::int64_t billion = 1'000'000'000;
constexpr std::string_view format = "YYYY-MM-DD HH24:MI:SS.FF9";

}  // namespace

std::string time_text(std::int64_t nanoseconds, int digits) {
  using namespace std::chrono;
  std::int64_t whole = nanoseconds / billion, rest = nanoseconds % billion;
  if (rest < 0) {
    rest += billion;
    --whole;
  }
  const sys_seconds t{seconds{whole}};
  const sys_days day = floor<days>(t);
  const year_month_day date{day};
  const hh_mm_ss clock{t - day};
  std::string fraction = fmt::format("{:09}", rest);
  fraction.resize(static_cast<std::size_t>(digits));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(), fraction);
}

std::optional<std::int64_t> nanoseconds_of(std::string_view text) {
  const auto at = snowflake::read_instant(text);
  // What 64 bits of nanoseconds hold: 1678 to 2262.
  if (!at || at->seconds < -9'223'372'036 || at->seconds > 9'223'372'035) return std::nullopt;
  return at->seconds * billion + at->nanoseconds;
}

result<mark_column> mark_column::of(const source_column& c, const source& from) {
  mark_column out;
  out.holds_ = c.holds;
  out.sql_ = from.identifier(c.name);
  switch (c.holds) {
    case value_class::number:
    case value_class::date:
    case value_class::local_time:
    case value_class::instant:
      return out;
    default:
      return failure{errc::schema_mismatch, fmt::format("{} is {} ({}): a watermark is a time or a number",
                                                        c.name, name(c.holds), c.type)};
  }
}

std::string mark_column::value_sql(std::string_view inner) const {
  if (holds_ == value_class::number) return fmt::format("TO_VARCHAR({})", inner);
  if (holds_ == value_class::local_time) return fmt::format("TO_VARCHAR({}, '{}')", inner, format);
  // In the session's zone, which is UTC.
  const std::string_view type = holds_ == value_class::date ? "TIMESTAMP_NTZ" : "TIMESTAMP_LTZ";
  return fmt::format("TO_VARCHAR({}::{}, '{}')", inner, type, format);
}

std::string mark_column::bound_sql() const {
  if (holds_ == value_class::number) return "TO_NUMBER(?)";
  if (holds_ == value_class::instant) return "TO_TIMESTAMP_LTZ(?)";
  return "TO_TIMESTAMP_NTZ(?)";
}

std::string mark_column::clock_sql(std::string_view zone) const {
  if (!is_time()) return {};
  if (holds_ == value_class::instant) return value_sql("CURRENT_TIMESTAMP()");
  std::string now = "CURRENT_TIMESTAMP()::TIMESTAMP_NTZ";  // in the session's zone, which is UTC
  if (is_named_zone(zone))
    now = fmt::format("CONVERT_TIMEZONE('UTC', '{}', {})", zone, now);
  else if (const auto offset = read_offset(zone); offset && *offset != 0)
    now = fmt::format("DATEADD(second, {}, {})", *offset, now);
  return fmt::format("TO_VARCHAR({}, '{}')", now, format);
}

std::string mark_column::text(std::int64_t mark) const {
  return is_time() ? time_text(mark, 9) : std::to_string(mark);
}

std::optional<std::int64_t> mark_column::read(std::string_view text) const {
  return is_time() ? nanoseconds_of(text) : config_detail::read_integer(text);
}

}  // namespace gridlight::sync
