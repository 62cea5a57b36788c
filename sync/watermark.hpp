#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/error.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// A column that grows with each change, as SQL of Snowflake. Marks are nanoseconds since 1970, of a column
/// of numbers those numbers.
class mark_column {
 public:
  /// Fails with schema_mismatch when the column is neither a time nor a number.
  static result<mark_column> of(const source_column& c, const source& from);

  std::string value_sql(std::string_view inner) const;  ///< text of an expression over it, such as MAX(…)
  std::string bound_sql() const;                        ///< what a `?` bound to text() is compared as
  /// Text of the source's clock, as a value of the column would say it; empty: of a number there is none.
  /// \param zone  that times without one are of; empty: UTC
  std::string clock_sql(std::string_view zone) const;
  std::string text(std::int64_t mark) const;
  std::optional<std::int64_t> read(std::string_view text) const;
  const std::string& sql() const noexcept { return sql_; }
  bool is_time() const noexcept { return holds_ != value_class::number; }

 private:
  value_class holds_ = value_class::instant;
  std::string sql_;
};

/// "2026-01-31 23:59:59.123456789" in UTC, with so many digits behind the point.
std::string time_text(std::int64_t nanoseconds, int digits);
std::optional<std::int64_t> nanoseconds_of(std::string_view text);

}  // namespace gridlight::sync
