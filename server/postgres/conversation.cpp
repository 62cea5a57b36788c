// How connection talks with libpq: one exchange of query and answer, its watchdog, and how one is broken off.
#include <fcntl.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>

#include "server/postgres/connection_impl.hpp"
#include "server/postgres/offload.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
using boost::system::error_code;
using descriptor = asio::posix::stream_descriptor;
namespace {

constexpr auto drain_time = std::chrono::seconds{1};

// libpq closes its socket by itself when the server goes away, before anyone could take it from Asio. So Asio
// watches a duplicate of its own, which no reuse of the number can confuse.
int duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw boost::system::system_error{error_code{errno, boost::system::system_category()}};
  return copy;
}

std::string field(const PGresult* r, int code) {
  const char* text = PQresultErrorField(r, code);
  return text == nullptr ? std::string{} : std::string{text};
}

}  // namespace

connection::impl::impl(asio::any_io_executor executor, connection_handle session, bool behind_pooler)
    : pg(std::move(session)),
      socket(executor, duplicate(PQsocket(pg.get()))),
      timer(executor),
      self(std::make_shared<impl*>(this)),
      pooled(behind_pooler),
      tls(static_cast<SSL*>(PQsslStruct(pg.get(), "OpenSSL"))) {
  PQsetnonblocking(pg.get(), 1);
  PQsetNoticeReceiver(pg.get(), on_notice, this);
}

void connection::impl::on_notice(void* session, const PGresult* r) {
  std::string_view text{PQresultErrorMessage(r)};
  while (!text.empty() && text.back() == '\n')
    text.remove_suffix(1);
  spdlog::debug("postgres: {}", text);
  // The farewell of a backend comes as a notice when nothing was asked; the end of the stream may be still to
  // come.
  if (field(r, PG_DIAG_SQLSTATE).starts_with("57P")) static_cast<impl*>(session)->broken = true;
}

connection::impl::~impl() {
  *self = nullptr;
  // Nobody waits for this answer any more (its coroutine was destroyed): Postgres shall not go on working for
  // it.
  if (cancels && PQtransactionStatus(pg.get()) == PQTRANS_ACTIVE)
    run_off_thread(chore::cancel, [handle = canceller()] {
      char error[256];
      PQcancel(handle.get(), error, sizeof error);
    });
}

std::shared_ptr<PGcancel> connection::impl::canceller() const {
  return {PQgetCancel(pg.get()), [](PGcancel* c) { PQfreeCancel(c); }};
}

std::optional<failure> connection::impl::refuse(deadline until, sharer how) {
  assert(!waiting);  // one operation at a time
  if (how == alone) leave_pipeline();
  if (broken || PQstatus(pg.get()) != CONNECTION_OK)
    return from_sqlstate("08003", "the connection is broken");
  if (pipeline.empty() ? PQtransactionStatus(pg.get()) == PQTRANS_ACTIVE : how == alone)
    return failure{
        errc::internal, "the query failed", {}, "the connection is in the middle of a query or a COPY"};
  if (steady::now() >= until) return overdue();
  return {};
}

failure connection::impl::overdue() const {
  if (!given_up.empty()) return from_sqlstate("08006", given_up);
  return from_sqlstate("57014", "the deadline has passed");
}

failure connection::impl::lost() {
  if (PQstatus(pg.get()) != CONNECTION_OK) broken = true;
  if (!given_up.empty()) return from_sqlstate("08006", given_up);
  if (broken) return from_sqlstate("08006", PQerrorMessage(pg.get()));
  return {errc::internal, "the query failed", {}, PQerrorMessage(pg.get())};
}

// One timer for a session's life. It is moved only when an operation ends sooner than it is set for; when it
// fires too early, it is set to the running operation's limit. With deadlines seconds away that costs next to
// nothing.
void connection::impl::arm(deadline until) {
  limit = until;
  late = false;
  if (armed && armed_for <= until) return;
  armed = true;
  armed_for = until;
  timer.expires_at(until);
  timer.async_wait([owner = self](const error_code& ec) {
    if (!ec && *owner != nullptr) (*owner)->on_timer();
  });
}

void connection::impl::on_timer() {
  armed = false;
  if (!pipeline.empty()) return expire_pipeline();
  if (!waiting) return;
  if (steady::now() < limit) return arm(limit);
  late = true;
  socket.cancel();
}

void connection::impl::give_up(std::string_view why, bool server_answers) {
  if (!given_up.empty()) return;
  given_up = why;
  cancels = server_answers;
  broken = true;
  late = true;
  if (waiting) socket.cancel();
  if (pipeline.empty()) return;
  in_front = pipeline.front()->whose;
  piped_list ended;
  fail_pipeline(ended);
  asio::post(socket.get_executor(), [ended = std::move(ended)] {
    for (const auto& one : ended)
      one->complete();
  });
}

bool connection::impl::consume() {
  heard = steady::now();
  if (PQconsumeInput(pg.get()) == 0) return false;
  // What TLS has decrypted already makes no socket readable.
  while (tls != nullptr && SSL_pending(tls) > 0 && PQisBusy(pg.get()) != 0)
    if (PQconsumeInput(pg.get()) == 0) return false;
  return true;
}

bool connection::impl::take_notifications() {
  bool any = false;
  while (PGnotify* const told = PQnotifies(pg.get())) {
    any = true;
    PQfreemem(told);
  }
  return any;
}

asio::awaitable<error_code> connection::impl::wait_either() {
  const auto [ec] =
      co_await asio::async_initiate<const asio::as_tuple_t<asio::use_awaitable_t<>>, void(error_code)>(
          [this](auto handler) {
            using handler_type = decltype(handler);
            struct state {
              handler_type handler;
              error_code first{};
              int pending = 2;
            };
            auto shared = std::make_shared<state>(state{std::move(handler)});
            const auto one = [shared, owner = self](const error_code& outcome) {
              if (--shared->pending == 1) {
                shared->first = outcome;
                if (*owner != nullptr) (*owner)->socket.cancel();  // the other
              } else {
                std::move(shared->handler)(shared->first);
              }
            };
            socket.async_wait(descriptor::wait_read, one);
            socket.async_wait(descriptor::wait_write, one);
          },
          asio::as_tuple(asio::use_awaitable));
  co_return ec;
}

void connection::impl::take(PGresult* r, reply& out) {
  const auto status = PQresultStatus(r);
  result_set owned{r};
  if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR) {
    if (out.error) return;  // the first is the cause
    out.sqlstate = field(r, PG_DIAG_SQLSTATE);
    std::string message = field(r, PG_DIAG_MESSAGE_PRIMARY);
    if (out.sqlstate.empty()) {
      broken = true;  // libpq's own error: the session is gone
      message = PQresultErrorMessage(r);
    }
    for (const int more : {PG_DIAG_MESSAGE_DETAIL, PG_DIAG_MESSAGE_HINT, PG_DIAG_CONTEXT})
      if (const std::string text = field(r, more); !text.empty()) message += "; " + text;
    out.error = from_sqlstate(out.sqlstate.empty() ? "08006" : out.sqlstate, message);
  } else {
    out.last = std::move(owned);
  }
}

asio::awaitable<connection::impl::ending> connection::impl::flush(deadline until) {
  arm(until);
  asked = steady::now();
  while (PQflush(pg.get()) == 1) {
    if (late) co_return ending::interrupted;
    waiting = true;
    const error_code ec = co_await wait_either();
    waiting = false;
    if (ec) {
      co_await asio::this_coro::throw_if_cancelled(false);
      co_return ending::interrupted;
    }
    if (!consume()) break;  // the reason is read with the result
  }
  co_return ending::complete;
}

asio::awaitable<connection::impl::ending> connection::impl::converse(deadline until, reply& out) {
  arm(until);
  asked = steady::now();
  if (PQflush(pg.get()) == 1) {
    const ending sent = co_await flush(until);
    if (sent == ending::interrupted) co_return sent;
  }
  for (;;) {
    while (PQisBusy(pg.get()) != 0) {
      if (late) co_return ending::interrupted;
      waiting = true;
      const auto [ec] =
          co_await socket.async_wait(descriptor::wait_read, asio::as_tuple(asio::use_awaitable));
      waiting = false;
      if (ec) {
        co_await asio::this_coro::throw_if_cancelled(false);
        co_return ending::interrupted;
      }
      if (!consume()) break;
    }
    PGresult* const r = PQgetResult(pg.get());
    if (r == nullptr) break;
    const auto status = PQresultStatus(r);
    take(r, out);
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) break;
  }
  if (PQstatus(pg.get()) != CONNECTION_OK) broken = true;
  co_return ending::complete;
}

asio::awaitable<result<result_set>> connection::impl::finish(deadline until, std::string_view sql,
                                                             sharer how) {
  reply out;
  auto talk = how != alone ? converse_shared(until, out, how) : converse(until, out);
  const ending end = co_await std::move(talk);
  if (end == ending::interrupted) {
    if (how == alone) co_await cancel_and_drain();
    co_return overdue();
  }
  if (out.error) {
    out.error->log_detail += "; in: ";
    out.error->log_detail += sql;
    co_return std::move(*out.error);
  }
  co_return std::move(out.last);
}

// A cancel hits whatever the backend runs when it arrives. So its call must have returned (the signal is then
// sent; an idle backend ignores it) and the answer must be read to its end before the session runs anything
// else.
asio::awaitable<void> connection::impl::cancel_and_drain() {
  if (!given_up.empty()) {
    co_await asio::this_coro::throw_if_cancelled(true);
    co_return;
  }
  const deadline patience = steady::now() + drain_time;
  std::function<void()> cancel = [handle =
                                      canceller()] {  // named: g++ 12 destroys an awaited call's lambda twice
    char error[256];
    if (PQcancel(handle.get(), error, sizeof error) == 0) spdlog::debug("postgres: cancel: {}", error);
  };
  const bool told =
      co_await await_off_thread(socket.get_executor(), chore::cancel, std::move(cancel), patience);
  if (told) {
    reply unwanted;
    const ending end = co_await converse(patience, unwanted);
    broken = broken || end == ending::interrupted || PQtransactionStatus(pg.get()) == PQTRANS_ACTIVE;
  } else {
    broken = true;
  }
  co_await asio::this_coro::throw_if_cancelled(true);
}

}  // namespace gridlight::postgres
