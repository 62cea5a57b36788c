#include "server/postgres/connection.hpp"

#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <cassert>
#include <charconv>

#include "server/postgres/connection_impl.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
namespace {

struct statement_name {
  char text[24];
  explicit statement_name(std::uint64_t number) {
    text[0] = 'g';
    *std::to_chars(text + 1, text + sizeof text - 1, number).ptr = '\0';
  }
};

bool has_types(const PGresult* r, std::span<const Oid> expected) {
  if (expected.empty()) return true;
  if (PQnfields(r) != static_cast<int>(expected.size())) return false;
  for (int i = 0; i < PQnfields(r); ++i)
    if (PQftype(r, i) != expected[static_cast<std::size_t>(i)]) return false;
  return true;
}

failure unexpected_types(const statement& s) {
  return {errc::schema_mismatch,
          "the database does not have the tables or columns that are expected",
          {},
          "unexpected number or types of columns from: " + s.sql()};
}

std::string escaped(std::string_view name, char quote) {
  std::string out{quote};
  for (const char c : name) {
    if (c == quote) out += quote;
    if (c != '\0') out += c;
  }
  return out += quote;
}

}  // namespace

connection::connection(std::unique_ptr<impl> p) : impl_(std::move(p)) {}
connection::connection(connection&&) noexcept = default;
connection& connection::operator=(connection&&) noexcept = default;
connection::~connection() = default;

bool connection::broken() const noexcept {
  return impl_->broken || PQstatus(impl_->pg.get()) != CONNECTION_OK;
}
bool connection::idle() const noexcept {
  impl_->leave_pipeline();
  return !broken() && PQtransactionStatus(impl_->pg.get()) == PQTRANS_IDLE;
}
void connection::give_up(std::string_view why, bool server_answers) {
  impl_->give_up(why, server_answers);
}
bool connection::held_up_by(const arguments& a) const noexcept {
  return impl_->in_front == &a;
}
steady::time_point connection::silent_since() const noexcept {
  if (impl_->pipeline.empty() && !impl_->waiting) return steady::time_point::max();
  return std::max(impl_->asked, impl_->heard);
}
steady::time_point connection::last_heard() const noexcept {
  return impl_->heard;
}
connection::endpoint connection::server() const {
  const auto text = [](const char* t) { return std::string{t == nullptr ? "" : t}; };
  PGconn* const c = impl_->pg.get();
  return {text(PQhost(c)), text(PQhostaddr(c)), text(PQport(c))};
}
int connection::backend_pid() const noexcept {
  return PQbackendPID(impl_->pg.get());
}
int connection::server_version() const noexcept {
  return PQserverVersion(impl_->pg.get());
}
const session_limits& connection::limits() const noexcept {
  return impl_->limits;
}
steady::time_point connection::opened_at() const noexcept {
  return impl_->opened;
}

std::string connection::quote_identifier(std::string_view name) {
  return escaped(name, '"');
}

std::string connection::quote_literal(std::string_view text) {
  // Backslashes mean themselves only under standard_conforming_strings; the E form means the same under any
  // setting.
  if (text.find('\\') == text.npos) return escaped(text, '\'');
  std::string doubled;
  for (const char c : text) {
    if (c == '\\') doubled += '\\';
    doubled += c;
  }
  return " E" + escaped(doubled, '\'');
}

bool connection::alive() noexcept {
  // Readable while idle: a notice, a changed parameter, or the farewell of a backend and the end of its
  // stream.
  for (int looks = 0; looks < 8 && !broken(); ++looks) {
    pollfd probe{PQsocket(impl_->pg.get()), POLLIN, 0};
    if (::poll(&probe, 1, 0) <= 0) return true;
    if (!impl_->consume()) impl_->broken = true;
    PQisBusy(impl_->pg.get());  // parses what was read
  }
  return !broken();
}

asio::awaitable<result<bool>> connection::notification(deadline until) {
  impl& i = *impl_;
  if (auto no = i.refuse(until)) co_return *std::move(no);
  i.arm(until);
  i.asked = steady::now();
  for (;;) {
    if (i.take_notifications()) co_return true;
    if (broken()) co_return i.lost();
    if (i.late) co_return false;
    i.waiting = true;
    const auto [ec] = co_await i.socket.async_wait(asio::posix::stream_descriptor::wait_read,
                                                   asio::as_tuple(asio::use_awaitable));
    i.waiting = false;
    if (!ec && !i.consume()) i.broken = true;
    if (ec && !i.late) i.broken = true;
  }
}

asio::awaitable<result<result_set>> connection::query(const statement& s, const arguments& a,
                                                      deadline until) {
  return impl_->run(s, a, until, impl::alone);
}
asio::awaitable<result<result_set>> connection::query_shared(const statement& s, const arguments& a,
                                                             deadline until) {
  assert(!impl_->pooled);
  return impl_->run(s, a, until, &a);
}

asio::awaitable<result<result_set>> connection::impl::run(const statement& s, const arguments& a,
                                                          deadline until, sharer how) {
  if (auto refused = refuse(until, how)) co_return std::move(*refused);
  if (a.has_zero_byte()) co_return failure{errc::bad_parameter, "a text value has a zero byte in it"};
  if (how != alone && !enter_pipeline()) co_return lost();
  const bool unnamed = pooled || s.weight() == 0;
  const bool in_transaction = how == alone && PQtransactionStatus(pg.get()) != PQTRANS_IDLE;
  for (int attempt = 0;; ++attempt) {
    std::uint64_t number = unnamed ? 0 : prepared.touch(s.id());
    if (number == 0 && !unnamed) {
      auto ready = co_await prepare(s, until, how);
      if (!ready) co_return std::move(ready).error();
      number = *ready;
    }
    if (!send(s, number, a)) co_return lost();
    reply got;
    auto talk = how != alone ? converse_shared(until, got, how) : converse(until, got);
    const auto end = co_await std::move(talk);
    if (end == ending::interrupted) {
      if (how == alone) co_await cancel_and_drain();
      co_return overdue();
    }
    if (!got.error) {
      if (unnamed && !has_types(got.last.native(), s.columns())) co_return unexpected_types(s);
      co_return std::move(got.last);
    }
    // The tables have changed under the plan, or somebody deallocated it: nothing was done, so prepare it
    // anew.
    const bool stale = got.sqlstate == "0A000" || got.sqlstate == "26000";
    if (unnamed || in_transaction || attempt > 0 || !stale || broken) {
      got.error->log_detail += "; in: " + s.sql();
      co_return std::move(*got.error);
    }
    // Of those that share, the first sees to it.
    const statement_cache::entry old{s.id(), number};
    if (prepared.erase(old) && got.sqlstate == "0A000") {
      auto gone = co_await deallocate(old, until, how);
      if (!gone) co_return std::move(gone).error();
    }
  }
}

asio::awaitable<result<result_set>> connection::execute(std::string_view sql, deadline until) {
  impl& c = *impl_;
  if (auto refused = c.refuse(until)) co_return std::move(*refused);
  const std::string text{sql};
  if (PQsendQuery(c.pg.get(), text.c_str()) == 0) co_return c.lost();
  auto r = co_await c.finish(until, text);
  const auto status = r ? PQresultStatus(r->native()) : PGRES_FATAL_ERROR;
  if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
    c.broken = true;  // nobody is there to feed or to read it
    co_return failure{errc::internal, "the query failed", {}, "COPY through execute(): " + text};
  }
  co_return r;
}

bool connection::impl::send(const statement& s, std::uint64_t number, const arguments& a) {
  assert(s.parameters().empty() || static_cast<int>(s.parameters().size()) == a.size());
  a.to_native(scratch);
  if (number == 0) {
    const Oid* types = s.parameters().empty() ? nullptr : s.parameters().data();
    return PQsendQueryParams(pg.get(), s.sql().c_str(), a.size(), types, scratch.values.data(),
                             scratch.lengths.data(), scratch.formats.data(), 1) != 0;
  }
  return PQsendQueryPrepared(pg.get(), statement_name{number}.text, a.size(), scratch.values.data(),
                             scratch.lengths.data(), scratch.formats.data(), 1) != 0;
}

asio::awaitable<result<void>> connection::impl::deallocate(statement_cache::entry e, deadline until,
                                                           sharer how) {
  const std::string sql = std::string{"DEALLOCATE "} + statement_name{e.number}.text;
  if (PQsendQueryParams(pg.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0)
    co_return lost();
  auto done = co_await finish(until, sql, how);
  if (!done) co_return std::move(done).error();
  co_return result<void>{};
}

// Those that share may all be at this at once, each under a number of its own; the first that is done is
// kept.
asio::awaitable<result<std::uint64_t>> connection::impl::prepare(const statement& s, deadline until,
                                                                 sharer how) {
  while (prepared.full(s.weight())) {
    const statement_cache::entry oldest = prepared.oldest();
    prepared.erase(oldest);
    auto evicted = co_await deallocate(oldest, until, how);
    if (!evicted) co_return std::move(evicted).error();
  }
  const statement_cache::entry own{s.id(), prepared.new_number(), s.weight()};
  const statement_name name{own.number};
  if (PQsendPrepare(pg.get(), name.text, s.sql().c_str(), static_cast<int>(s.parameters().size()),
                    s.parameters().data()) == 0)
    co_return lost();
  auto parsed = co_await finish(until, s.sql(), how);
  if (!parsed) co_return std::move(parsed).error();
  bool fits = true;
  if (!s.columns().empty()) {
    if (PQsendDescribePrepared(pg.get(), name.text) == 0) co_return lost();
    auto described = co_await finish(until, s.sql(), how);
    if (!described) co_return std::move(described).error();
    fits = has_types(described->native(), s.columns());
  }
  const std::uint64_t there = prepared.touch(s.id());
  if (fits && there == 0) {
    prepared.insert(own);
    co_return own.number;
  }
  // One that does not fit is not kept, so that the next use looks again: the schema may have been put right.
  auto gone = co_await deallocate(own, until, how);
  if (!gone) co_return std::move(gone).error();
  if (!fits) co_return unexpected_types(s);
  co_return there;
}

}  // namespace gridlight::postgres
