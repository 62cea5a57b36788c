#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/snowflake/binds.hpp"
#include "tests/support/snowflake/result_set.hpp"
#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/translate.hpp"

namespace gridlight::test::snowflake {

/// What a POST asks for.
struct work {
  std::string sql;
  std::chrono::seconds timeout{0};  ///< 0: none
  place where;
  binds values;
  parameters given;
};

/// \throws sql_failure 400 (390142) for what is no such body or names an unknown parameter
work read_work(const std::string& body);

/// What DML changed.
struct dml_counts {
  std::int64_t inserted = 0, updated = 0, deleted = 0;
};

/// One statement's life, from its POST until it is forgotten. For all threads.
class statement {
 public:
  using clock = std::chrono::steady_clock;
  /// What it came to; immutable once there.
  struct outcome {
    std::shared_ptr<const result_set> rows;
    std::optional<sql_failure> failure;
    std::optional<dml_counts> counts;
    std::vector<std::string> children;  ///< handles, of a multi-statement request
  };

  explicit statement(std::string handle);
  const std::string& handle() const noexcept { return handle_; }
  std::int64_t created_ms() const noexcept { return created_ms_; }
  clock::time_point born() const noexcept { return born_; }

  /// Waits until it has ended, or so long; null: it runs still.
  std::shared_ptr<const outcome> wait(std::chrono::milliseconds most);
  /// False when it had ended.
  bool cancel();

  /// \name For the thread that runs it
  /// @{
  void end(outcome with);
  /// Sleeps; false when it was cancelled meanwhile.
  bool pause(std::chrono::milliseconds time);
  void cancel_by(std::shared_ptr<PGcancel> canceller);  ///< null: no more
  bool cancelled() const;
  /// @}

 private:
  const std::string handle_;
  const std::int64_t created_ms_;
  const clock::time_point born_ = clock::now();
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool cancelled_ = false;
  std::shared_ptr<PGcancel> canceller_;
  std::shared_ptr<const outcome> outcome_;
};

/// A new handle, such as Snowflake's: a UUID that begins with 01.
std::string new_handle();

}  // namespace gridlight::test::snowflake
