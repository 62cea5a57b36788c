#pragma once
// The inside of connection, shared by its sources alone.

#include <libpq-fe.h>
#include <openssl/ssl.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/postgres/connection.hpp"
#include "server/postgres/statement_cache.hpp"

namespace gridlight::postgres {

struct finish_connection {
  void operator()(PGconn* c) const noexcept { PQfinish(c); }
};
using connection_handle = std::unique_ptr<PGconn, finish_connection>;

struct connection::impl {
  /// Takes over a session that is up. Throws boost::system::system_error when out of descriptors.
  impl(boost::asio::any_io_executor executor, connection_handle session, bool behind_pooler);
  ~impl();
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  struct reply {
    result_set last;
    std::optional<failure> error;  ///< of the first statement that failed
    std::string sqlstate;          ///< with it; empty when the connection was lost
  };
  /// After an interruption, which may be a cancellation of the coroutine, awaiting does not throw: the
  /// session is to be put in order first. Whoever has done so turns throw_if_cancelled on again.
  enum class ending { complete, interrupted };
  /// Null: the query has the session alone. Else it shares it, and this is whose it is.
  using sharer = const arguments*;
  static constexpr sharer alone = nullptr;

  /// The whole of query() and query_shared(): prepares when new here, sends, awaits, and once more when the
  /// plan was stale.
  boost::asio::awaitable<result<result_set>> run(const statement& s, const arguments& a, deadline until,
                                                 sharer how);
  /// Sends what libpq has buffered and reads until Postgres is ready for the next query, or asks for COPY
  /// data.
  boost::asio::awaitable<ending> converse(deadline until, reply& out);
  /// converse, with an interruption turned into cancel, drain and errc::deadline.
  boost::asio::awaitable<result<result_set>> finish(deadline until, std::string_view sql, sharer how = alone);
  /// Sends what libpq has buffered, reading meanwhile.
  boost::asio::awaitable<ending> flush(deadline until);
  /// Stops the running query; after it the session can be used again, or is lost.
  boost::asio::awaitable<void> cancel_and_drain();
  /// The number under which it is prepared.
  boost::asio::awaitable<result<std::uint64_t>> prepare(const statement& s, deadline until, sharer how);
  boost::asio::awaitable<result<void>> deallocate(statement_cache::entry e, deadline until, sharer how);

  /// A query in the pipeline; its coroutine waits in `resume`, unless it has given up.
  struct piped {
    using handler = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;
    reply out;
    deadline until;
    sharer whose = alone;
    bool interrupted = false;
    std::optional<handler> resume;
    void complete();
  };
  using piped_list = std::vector<std::shared_ptr<piped>>;
  bool enter_pipeline();  ///< false: it cannot, a query is under way alone
  void leave_pipeline();  ///< once all are answered
  /// Sends what libpq has buffered with a Sync behind it, and awaits its turn. Interrupted when overdue or
  /// cancelled.
  boost::asio::awaitable<ending> converse_shared(deadline until, reply& out, sharer whose);
  void watch_pipeline();
  void on_answers();
  void read_answers(piped_list& ended);
  void fail_pipeline(piped_list& ended);
  void drop_pipeline();
  void flush_pipeline();
  void expire_pipeline();
  void give_up(std::string_view why, bool server_answers);

  /// Waits for the socket; an error means that time is up or the caller cancelled.
  boost::asio::awaitable<boost::system::error_code> wait_either();
  bool consume();
  bool take_notifications();  ///< drops those that have come; whether there were any
  void take(PGresult* r, reply& out);
  bool send(const statement& s, std::uint64_t number, const arguments& a);
  std::optional<failure> refuse(deadline until, sharer how = alone);
  failure lost();
  failure overdue() const;
  std::shared_ptr<PGcancel> canceller() const;

  static void on_notice(void* session, const PGresult* r);
  void arm(deadline until);
  void on_timer();

  connection_handle pg;
  boost::asio::posix::stream_descriptor socket;  ///< a duplicate, owned
  boost::asio::steady_timer timer;
  std::shared_ptr<impl*> self;  ///< null inside once this is gone; what the timer's handler holds
  deadline limit{}, armed_for{};
  bool armed = false, waiting = false, late = false;
  session_limits limits;
  bool broken = false, copying = false, pooled;
  std::string given_up;       ///< why, when it was
  bool cancels = true;        ///< the server takes a cancel
  sharer in_front = alone;    ///< of those that shared when it was given up, the one to be answered next
  deadline asked{}, heard{};  ///< when the query under way began to wait, and when anything came last
  SSL* tls;
  std::deque<std::shared_ptr<piped>> pipeline;  ///< sent and not answered, oldest first
  bool watching = false;
  statement_cache prepared;
  arguments::native scratch;
  steady::time_point opened = steady::now();
};

}  // namespace gridlight::postgres
