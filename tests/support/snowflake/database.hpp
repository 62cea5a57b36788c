#pragma once

#include <libpq-fe.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gridlight::test::snowflake {

/// A session on the Postgres database under the account. For one thread; cancel() may come from another.
class database {
 public:
  struct closer {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
    void operator()(PGresult* r) const noexcept { PQclear(r); }
    void operator()(PGcancel* c) const noexcept { PQfreeCancel(c); }
  };
  using rows = std::unique_ptr<PGresult, closer>;

  /// \throws std::runtime_error
  explicit database(const std::string& conninfo);

  /// Runs one statement, or several without binds. \throws sql_failure, translated
  rows run(const std::string& sql);
  std::optional<std::string> value(const std::string& sql);
  std::string literal(const std::string& text) const;
  std::string name(const std::string& identifier) const;
  PGconn* raw() const noexcept { return connection_.get(); }
  std::shared_ptr<PGcancel> canceller() const { return {PQgetCancel(connection_.get()), closer{}}; }

  /// Throws what a failed result means to a client of Snowflake.
  [[noreturn]] static void fail(const PGresult* failed);

 private:
  std::unique_ptr<PGconn, closer> connection_;
};

/// Makes what an account keeps, unless it is there.
void make_catalog(database& db);

}  // namespace gridlight::test::snowflake
