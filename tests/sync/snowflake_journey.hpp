#pragma once

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sync/snowflake/rows.hpp"
#include "tests/support/snowflake/source.hpp"

namespace gridlight::test {

namespace client_side = gridlight::sync::snowflake;

/// Our client with pauses that suit a test.
inline client_side::client_options quick(const snowflake_source& source) {
  using namespace std::chrono_literals;
  client_side::client_options o = source.options();
  o.first_poll = 5ms;
  o.longest_poll = 20ms;
  o.attempt_timeout = 700ms;
  o.backoff = {5ms, 20ms, 1500ms};
  return o;
}

/// What one statement came to.
struct journey {
  std::optional<failure> failed;
  client_side::answer head;
  std::vector<std::string> rows;  ///< "a|b", NULL as "~", a row's own error as "[…]"
  client_side::client_counts counts;
};

using each_row = std::function<void(const sync::source_row&)>;

inline std::string line_of(const sync::source_row& row) {
  if (!row.error.empty()) return "[" + row.error + "]";
  std::string out;
  for (const sync::cell& c : row.cells)
    out += (&c == row.cells.data() ? "" : "|") +
           (c.is == sync::cell::kind::null ? std::string{"~"} : std::string{c.text});
  return out;
}

namespace journeys {

using boost::asio::awaitable;

inline awaitable<result<void>> read_partitions(client_side::partition_reader& partitions,
                                               const each_row& take) {
  for (;;) {
    auto next = co_await partitions.next();
    if (!next) co_return next.error();
    if (!*next) co_return result<void>{};
    const auto rows = client_side::open_partition(std::move(**next), partitions.head().columns);
    sync::source_row row;
    for (;;) {
      const auto more = rows->next(row);
      if (!more) co_return more.error();
      if (!*more) break;
      take(row);
    }
  }
}

inline awaitable<result<void>> walk(client_side::client& c, client_side::statement s, std::size_t ahead,
                                    deadline until, client_side::answer& head, const each_row& take) {
  auto e = co_await c.execute(std::move(s), until);
  if (!e) co_return e.error();
  head = e->head;
  client_side::partition_reader partitions{c, std::move(*e), ahead, until};
  co_return co_await read_partitions(partitions, take);
}

}  // namespace journeys

/// Runs a statement and reads all of its rows, `take` being given each; without it they are kept as lines.
inline journey travel(client_side::client_options o, std::shared_ptr<client_side::credentials> who,
                      client_side::statement s, std::chrono::milliseconds time = std::chrono::seconds{20},
                      each_row take = {}, std::size_t ahead = 3) {
  boost::asio::io_context io;
  auto c = client_side::client::make(io.get_executor(), std::move(o), std::move(who));
  REQUIRE(c.has_value());
  journey out;
  if (!take) take = [&](const sync::source_row& row) { out.rows.push_back(line_of(row)); };
  std::optional<result<void>> end;
  boost::asio::co_spawn(io, journeys::walk(*c, std::move(s), ahead, deadline_in(time), out.head, take),
                        [&](const std::exception_ptr& e, result<void> r) {
                          CHECK_FALSE(e);
                          end.emplace(std::move(r));
                        });
  io.run_for(std::chrono::seconds{60});
  REQUIRE(end.has_value());
  if (!*end) out.failed = end->error();
  out.counts = c->counts();
  return out;
}

inline std::string told(const journey& j) {
  return j.failed ? j.failed->detail + " / " + j.failed->log_detail : "no failure";
}

}  // namespace gridlight::test
