#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gridlight::test {

/// A database of its own for one test, copied from the template that has PostGIS; dropped by the destructor.
/// The cluster is named by GRIDLIGHT_TEST_DATABASE_URL, which `./dev test` sets; without it the test fails.
class temp_db {
 public:
  temp_db();
  ~temp_db();
  temp_db(const temp_db&) = delete;
  temp_db& operator=(const temp_db&) = delete;

  const std::string& uri() const noexcept { return uri_; }

  /// Runs SQL (several statements allowed); a failure throws std::runtime_error with Postgres's message.
  void run(std::string_view sql) const;
  /// Rows as texts, NULL as "NULL".
  std::vector<std::vector<std::string>> rows(std::string_view sql) const;
  /// The one value of a one-row answer.
  std::string value(std::string_view sql) const;

 private:
  std::string name_, uri_;
};

}  // namespace gridlight::test
