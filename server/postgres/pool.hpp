#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::postgres {

/// Work of one kind; each lane has connections of its own, so that none starves another.
enum class lane { lookup, tile, sync, admin };
inline constexpr std::size_t lane_count = 4;
std::string_view name(lane l) noexcept;

/// Whether a query may run on a connection that others use at the same time: it is sent behind theirs and
/// answered after them (a pipeline), and cannot be cancelled. For queries of a few milliseconds that only
/// read.
enum class share { no, yes };

/// Whose query it is. Those of callers with priority are served before all others that wait, and have places
/// that ordinary ones cannot take.
enum class urgency { ordinary, priority };

/// Connections of one lane in one thread's pool.
struct lane_options {
  std::size_t size = 0;           ///< connections kept open; 0: the lane is not used
  std::size_t max_waiting = 256;  ///< requests that may wait; one more fails with pool_exhausted at once
  std::size_t sharers = 1;        ///< queries that may share a connection
  std::size_t kept_waiting = 0;   ///< of max_waiting: places for priority alone
  /// Connections that ordinary queries never have alone: there short ones pass while long ones run.
  std::size_t kept_connections = 0;
  /// Over so many connections those that share spread before they join each other; then they take another
  /// only when those are full. More that run at once than the machine has cores only get into each other's
  /// way.
  std::size_t spread = std::numeric_limits<std::size_t>::max();
  std::string session_sql = {};  ///< run on each new connection of the lane before it serves; empty: none
};

struct pool_options {
  lane_options lanes[lane_count];
  std::chrono::milliseconds max_age{30 * 60 * 1000};  ///< a connection older than this is replaced when idle
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{500};
  std::string warm_up_sql;  ///< run on each new connection before it serves; empty: none
};

/// What /ready, /health and /metrics show.
struct lane_status {
  std::size_t open = 0, busy = 0, waiting = 0;
  std::uint64_t acquired = 0, exhausted = 0, timed_out = 0, connects = 0, connect_failures = 0;
};
struct pool_status {
  lane_status lanes[lane_count];
  std::string last_error;  ///< last connect error in libpq's words, empty after a success; for the log
  std::string limits;      ///< how sessions are not set as they should be; empty: they are
};

/// Time spent waiting for a connection and in Postgres, added up over a request's queries, in milliseconds.
struct query_timing {
  double queue_ms = 0, db_ms = 0;
};

/// The connections of one thread. It must be destroyed before the event loop that it runs on. All calls on
/// its executor's thread, but `status()`, which any thread may call.
class pool {
 public:
  pool(boost::asio::any_io_executor executor, const connect_options& connect, const pool_options& options);
  ~pool();
  pool(const pool&) = delete;
  pool& operator=(const pool&) = delete;

  void start();  ///< begins to connect; returns at once
  boost::asio::awaitable<void>
  stop();  ///< wakes the waiting with shutting_down, closes idle ones, waits for the rest

  /// A connection on loan; going out of scope gives it back (clean), or has it drained or replaced.
  class lease {
   public:
    lease(lease&&) noexcept;
    lease& operator=(lease&&) noexcept;
    ~lease();
    connection& operator*() const noexcept;
    connection* operator->() const noexcept;

   private:
    friend class pool;
    struct impl;
    explicit lease(std::unique_ptr<impl> p);
    std::unique_ptr<impl> impl_;
  };

  /// Fails with pool_exhausted (queue full, or none came free by `until`), database_unavailable (no
  /// connection could be made, or the database has stopped answering; the last error is known), or
  /// shutting_down.
  boost::asio::awaitable<result<lease>> acquire(lane l, deadline until, urgency rank = urgency::ordinary);

  /// One statement on a connection of the lane. The usual way for a handler. When the connection dies under a
  /// statement that is repeatable(), another one runs it again, twice at most, within `until`; only such
  /// statements share. A query without an answer while a fresh connection gets none either is given up with
  /// database_unavailable (see stall_watch); one that is slow on a database that is well is left alone.
  boost::asio::awaitable<result<result_set>> query(lane l, const statement& s, const arguments& a,
                                                   deadline until, query_timing& timing,
                                                   share how = share::no, urgency rank = urgency::ordinary);

  pool_status status() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace gridlight::postgres
