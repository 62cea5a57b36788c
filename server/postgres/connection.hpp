#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/postgres/result.hpp"
#include "server/postgres/statement.hpp"
#include "server/secret.hpp"

namespace gridlight::postgres {

/// How to reach Postgres and what every session is set to.
struct connect_options {
  secret uri;  ///< URI, key=value, or empty: libpq's PG* and service file
  std::string application_name = "gridlight";
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds statement_timeout{10000};  ///< 0: none (loading)
  std::chrono::milliseconds idle_in_transaction_timeout{60000};
  std::chrono::milliseconds lock_timeout{2000};
  /// What was sent may stay unacknowledged by the other machine for so long (TCP).
  std::chrono::milliseconds unanswered_timeout{30000};
  bool pooled = false;  ///< behind PgBouncer in transaction mode
};

/// What is in force in a session; 0: no limit.
struct session_limits {
  std::chrono::milliseconds statement{0}, idle_in_transaction{0}, lock{0};
};
/// Where the limits of a session are not those of the options, in a sentence; empty: they are. Behind a
/// pooler they are the role's, and only longer ones are wrong.
std::string difference(const connect_options& wanted, const session_limits& found);
/// Logs such a sentence; the same one once in a process. `whose`: "postgres", "sync".
void warn_of_limits(std::string_view whose, const std::string& sentence);

/// One libpq session, asynchronous, on one executor; not thread-safe. One operation at a time.
/// Every operation ends by its deadline: then the query is cancelled in Postgres, drained, and errc::deadline
/// comes back (the same when the awaiting coroutine is cancelled); a connection that could not be drained is
/// `broken()` and must be destroyed.
class connection {
 public:
  /// Fails with database_unavailable (detail without host or user; log_detail with libpq's words).
  static boost::asio::awaitable<result<connection>> open(boost::asio::any_io_executor executor,
                                                         const connect_options& options, deadline until);
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  /// Runs a prepared statement (preparing it when new here) and reads its rows in binary format.
  boost::asio::awaitable<result<result_set>> query(const statement& s, const arguments& a, deadline until);

  /// The same for up to a few short queries that are under way at once, when all are asked in this way
  /// (libpq's pipeline mode, a Sync each): they are answered in order, an error is only its own query's, and
  /// none is cancelled. One that is overdue ends with errc::deadline and leaves the connection broken() for
  /// all. Behind a pooler there is no such thing.
  boost::asio::awaitable<result<result_set>> query_shared(const statement& s, const arguments& a,
                                                          deadline until);

  /// Runs SQL text without parameters, several statements allowed; the rows of the last, in text format.
  boost::asio::awaitable<result<result_set>> execute(std::string_view sql, deadline until);

  /// COPY ... FROM STDIN: begin, put any number of times, then finish (rows stored) or abort. A wrong row is
  /// reported by finish. A deadline that passes during put leaves the connection broken, and nothing stored.
  boost::asio::awaitable<result<void>> copy_begin(std::string_view copy_sql, deadline until);
  boost::asio::awaitable<result<void>> copy_put(std::span<const std::byte> data, deadline until);
  boost::asio::awaitable<result<std::int64_t>> copy_finish(deadline until);
  boost::asio::awaitable<void> copy_abort(std::string_view reason, deadline until);

  /// Waits for a notification on a channel that it LISTENs to, while nothing else is asked; several that came
  /// together count as one. False: none came by `until`. Fails when the session is lost.
  boost::asio::awaitable<result<bool>> notification(deadline until);

  /// Ends all queries under way with database_unavailable and breaks the connection: they end soon, not
  /// within this call. In Postgres they are cancelled unless it answers nothing.
  void give_up(std::string_view why, bool server_answers);
  /// Of the queries that shared it when it was given up, the one with these arguments stood first.
  bool held_up_by(const arguments& a) const noexcept;
  /// Since when a query under way has had nothing from the server; time_point::max(): none is.
  steady::time_point silent_since() const noexcept;
  steady::time_point last_heard() const noexcept;

  /// Where it leads.
  struct endpoint {
    std::string host, address, port;
    friend bool operator==(const endpoint&, const endpoint&) = default;
  };
  endpoint server() const;
  /// Whether a server takes a new connection, or says why not, in time; as `options` say, but there.
  static boost::asio::awaitable<bool> answers(boost::asio::any_io_executor executor,
                                              const connect_options& options, const endpoint& there,
                                              deadline until);
  /// Several hosts are tried in turn, each for a while.
  static bool has_several_hosts(const connect_options& options);

  bool broken() const noexcept;  ///< must not be used again
  bool idle() const noexcept;    ///< PQTRANS_IDLE: may go back to a pool
  bool alive() noexcept;         ///< while idle: a look at the socket finds a backend that has gone
  int backend_pid() const noexcept;
  int server_version() const noexcept;  ///< such as 150018
  steady::time_point opened_at() const noexcept;
  const session_limits& limits() const noexcept;  ///< as they were found when it was opened

  /// `name` quoted as an SQL identifier. The only way an identifier comes into SQL text.
  static std::string quote_identifier(std::string_view name);
  /// `text` as an SQL string literal, for the few statements that take no parameters (SET, COMMENT).
  static std::string quote_literal(std::string_view text);

 private:
  struct impl;
  explicit connection(std::unique_ptr<impl> p);
  std::unique_ptr<impl> impl_;
};

/// The failure that a Postgres error is: 57014 and 55P03 (lock_timeout) → deadline, 53300/57P0x/08xxx →
/// database_unavailable, 42P01/42703 → schema_mismatch, 22021 (no UTF-8) → bad_parameter, others → internal.
/// SQLSTATE and message go to log_detail.
failure from_sqlstate(std::string_view sqlstate, std::string_view message);

}  // namespace gridlight::postgres
