#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "sync/load/rows.hpp"

namespace gridlight::sync {

/// A time zone that has to be looked up, unlike UTC and offsets.
inline bool is_named_zone(std::string_view zone) {
  return !zone.empty() && zone != "UTC" && zone != "Z" && zone[0] != '+' && zone[0] != '-';
}

/// What a column of a source holds, as far as it matters to a target.
enum class value_class : std::uint8_t {
  number,
  text,
  boolean,
  date,
  time,
  local_time,  ///< a time without a zone
  instant,
  bytes,
  json,
  geometry,
  other
};
std::string_view name(value_class c) noexcept;

struct source_column {
  std::string name;  ///< as the source has it
  std::string type;  ///< in its words
  value_class holds = value_class::text;
  bool nullable = true;
  std::string definition = {};  ///< the type of a Postgres column that holds it
};

/// `?` in the SQL stand for the values, all bound as text.
struct source_query {
  std::string sql;
  std::vector<std::string> values = {};
  bool brief = false;  ///< answered in a moment: saves the question whether it has ended
};

/// The rows of a query, a batch after the other, so that memory does not grow with their number.
class batch_reader {
 public:
  virtual ~batch_reader() = default;
  virtual const std::vector<source_column>& columns() const noexcept = 0;
  /// How many rows there will be, where the source says so ahead.
  virtual std::optional<std::uint64_t> promised() const noexcept = 0;
  /// Null after the last. The batch before is no longer used. A failure ends the reading.
  virtual boost::asio::awaitable<result<std::unique_ptr<row_source>>> next() = 0;
  virtual std::uint64_t bytes() const noexcept = 0;  ///< as they came, so far
};

/// Where rows come from. One query at a time.
class source {
 public:
  virtual ~source() = default;
  virtual boost::asio::awaitable<result<std::unique_ptr<batch_reader>>> read(source_query q,
                                                                             deadline until) = 0;
  /// Runs a statement that changes rows; how many.
  virtual boost::asio::awaitable<result<std::int64_t>> change(source_query q, deadline until) = 0;
  virtual void stop() = 0;  ///< what runs ends soon, as a failure

  /// A stored name as SQL: bare where that is the same.
  virtual std::string identifier(std::string_view name) const = 0;
  /// SQL of a column as it is read: geometries as EWKB, times without a zone moved from `zone` to UTC.
  virtual std::string column_sql(const source_column& c, std::string_view zone) const = 0;
};

/// Hands every row of a query to `row`, whose failure ends the reading.
boost::asio::awaitable<result<void>> each_row(source& from, source_query q, deadline until,
                                              std::function<result<void>(const source_row&)> row);
/// The values of the one row that a query gives; nothing for NULL. Fails with errc::internal when there is
/// none.
boost::asio::awaitable<result<std::vector<std::optional<std::string>>>> first_row(source& from,
                                                                                  source_query q,
                                                                                  deadline until);
/// The columns of a table, or of a SELECT in brackets.
boost::asio::awaitable<result<std::vector<source_column>>> describe(source& from, std::string relation,
                                                                    deadline until);

}  // namespace gridlight::sync
