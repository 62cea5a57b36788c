#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gridlight::test {

/// The comment on database gridlight_template that makes a cluster one in which tests may make and drop
/// databases and roles. `./dev` writes it into its own.
inline constexpr std::string_view disposable_mark =
    "gridlight: tests may make and drop what they like in this cluster";

/// Throws, saying what to do, unless the cluster is so marked.
void require_disposable(const std::string& uri);

/// A database of its own for one test, copied from the template that has PostGIS; dropped by the destructor.
/// The cluster, which must be marked as disposable, is named by GRIDLIGHT_TEST_DATABASE_URL, which `./dev
/// test` sets; without it the test fails.
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

/// A role that may log in and nothing else, for one test; dropped with what it was granted. `db` must outlive
/// it.
class temp_role {
 public:
  explicit temp_role(const temp_db& db);
  ~temp_role();
  temp_role(const temp_role&) = delete;
  temp_role& operator=(const temp_role&) = delete;

  const std::string& name() const noexcept { return name_; }
  std::string uri() const;  ///< of the same database, as this role

 private:
  const temp_db& db_;
  std::string name_;
};

}  // namespace gridlight::test
