#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "server/postgres/connection_impl.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
namespace {

bool wants_rows(const result_set& r) {
  return PQresultStatus(r.native()) == PGRES_COPY_IN;
}

failure no_copy() {
  return {errc::internal, "the query failed", {}, "no COPY is running here"};
}

}  // namespace

asio::awaitable<result<void>> connection::copy_begin(std::string_view copy_sql, deadline until) {
  impl& c = *impl_;
  if (auto refused = c.refuse(until)) co_return std::move(*refused);
  const std::string text{copy_sql};
  if (PQsendQuery(c.pg.get(), text.c_str()) == 0) co_return c.lost();
  auto begun = co_await c.finish(until, text);
  if (!begun) co_return std::move(begun).error();
  if (!wants_rows(*begun)) {
    if (PQtransactionStatus(c.pg.get()) == PQTRANS_ACTIVE) c.broken = true;  // COPY TO: nobody would read it
    co_return failure{errc::internal, "the query failed", {}, "not a COPY FROM STDIN: " + text};
  }
  c.copying = true;
  co_return result<void>{};
}

asio::awaitable<result<void>> connection::copy_put(std::span<const std::byte> data, deadline until) {
  impl& c = *impl_;
  if (!c.copying) co_return no_copy();
  if (c.broken) co_return c.lost();  // given up between two pieces
  // A message's length is an int; pieces keep libpq's buffer small too.
  constexpr std::size_t piece = 256 * 1024;
  while (!data.empty()) {
    const auto part = data.first(std::min(piece, data.size()));
    data = data.subspan(part.size());
    if (PQputCopyData(c.pg.get(), reinterpret_cast<const char*>(part.data()),
                      static_cast<int>(part.size())) != 1)
      co_return c.lost();
    const auto end = co_await c.flush(until);
    if (end == impl::ending::interrupted) {
      co_await asio::this_coro::throw_if_cancelled(true);
      c.broken = true;  // half a message may be on its way; Postgres drops the COPY with the session
      co_return c.overdue();
    }
    if (PQstatus(c.pg.get()) != CONNECTION_OK) co_return c.lost();
  }
  co_return result<void>{};
}

asio::awaitable<result<std::int64_t>> connection::copy_finish(deadline until) {
  impl& c = *impl_;
  if (!c.copying) co_return no_copy();
  c.copying = false;
  if (c.broken) co_return c.lost();
  if (PQputCopyEnd(c.pg.get(), nullptr) != 1) co_return c.lost();
  auto stored = co_await c.finish(until, "COPY");
  if (!stored) co_return std::move(stored).error();
  co_return stored->affected();
}

asio::awaitable<void> connection::copy_abort(std::string_view reason, deadline until) {
  impl& c = *impl_;
  if (!c.copying) co_return;
  c.copying = false;
  if (broken()) co_return;
  if (PQputCopyEnd(c.pg.get(), std::string{reason}.c_str()) != 1) {
    c.broken = true;
    co_return;
  }
  // The answer is the error that was asked for.
  auto refused = co_await c.finish(until, "COPY");
  if (refused) c.broken = true;
}

}  // namespace gridlight::postgres
