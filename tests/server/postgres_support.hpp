#pragma once

#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>

#include "server/postgres/blocking.hpp"
#include "server/postgres/connection.hpp"
#include "tests/support/temp_db.hpp"

/// A failed CHECK of a result shows what went wrong.
template <class T>
struct doctest::StringMaker<boost::system::result<T, gridlight::failure>> {
  static String convert(const boost::system::result<T, gridlight::failure>& r) {
    return r ? "a value" : (r.error().detail + " / " + r.error().log_detail).c_str();
  }
};
template <>
struct doctest::StringMaker<gridlight::errc> {
  static String convert(gridlight::errc code) { return gridlight::describe(code).slug.data(); }
};

namespace gridlight::test {

namespace asio = boost::asio;
using namespace std::chrono_literals;

inline postgres::connect_options options_for(const std::string& uri) {
  postgres::connect_options o;
  o.uri = secret{uri};
  return o;
}

inline deadline soon() {
  return deadline_in(20s);
}

/// Runs `body(connection&)` on a session of its own.
template <class Body>
void with_connection(const postgres::connect_options& options, Body body) {
  postgres::run_blocking([&](asio::any_io_executor executor) -> asio::awaitable<int> {
    auto opened = co_await postgres::connection::open(executor, options, soon());
    REQUIRE_MESSAGE(opened, opened.error().log_detail);
    postgres::connection c = std::move(*opened);
    co_await body(c);
    co_return 0;
  });
}

inline asio::awaitable<void> pause(std::chrono::milliseconds t) {
  asio::steady_timer timer{co_await asio::this_coro::executor, t};
  co_await timer.async_wait(asio::use_awaitable);
}

// doctest's macros make lambdas, in which nothing can be awaited; so these await and check.

/// The one value of `sql` is `expected`.
inline asio::awaitable<void> expect(postgres::connection& c, std::string sql, std::string expected) {
  auto r = co_await c.execute(sql, soon());
  REQUIRE(r);
  REQUIRE(r->rows() == 1);
  CHECK(r->text(0, 0) == expected);
}

template <class T>
asio::awaitable<void> succeeds(asio::awaitable<result<T>> operation) {
  const auto r = co_await std::move(operation);
  CHECK(r);
}

template <class T>
asio::awaitable<void> fails(asio::awaitable<result<T>> operation, errc code) {
  const auto r = co_await std::move(operation);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

}  // namespace gridlight::test
