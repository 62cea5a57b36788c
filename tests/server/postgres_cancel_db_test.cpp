// Queries that are cancelled again and again, beside neighbours on the same connections.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>
#include <random>

#include "server/postgres/pool.hpp"
#include "tests/server/postgres_support.hpp"
#include "tests/support/soak.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

const statement nap{"SELECT pg_sleep(0.05)"};
const statement echo{"SELECT $1::int4, pg_sleep(0.001)", {oid::int4}};

struct scene {
  scene(const asio::any_io_executor& e, const connect_options& c, const pool_options& o, int cancels,
        unsigned seed)
      : p(e, c, o), wanted(cancels), random(seed) {}

  pool p;
  int wanted;
  std::mt19937 random;
  int cancelled = 0, waited = 0, finished = 0, odd = 0, right = 0, hit = 0, running = 0;
  std::string first_hit;

  bool over() const { return cancelled >= wanted; }
  int below(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }

  // Half of them by their deadline, half as a client does that hangs up.
  asio::awaitable<void> victim(int number) {
    const auto executor = co_await asio::this_coro::executor;
    const arguments none;
    while (!over()) {
      query_timing timing;
      const std::chrono::microseconds time{500 + below(4000)};
      if (number % 2 == 0) {
        const auto r = co_await p.query(lane::lookup, nap, none, deadline_in(time), timing);
        const bool late = !r && (r.error().code == errc::deadline || r.error().code == errc::pool_exhausted);
        ++(late ? timing.db_ms > 0 ? cancelled : waited : r ? finished : odd);
        continue;
      }
      asio::cancellation_signal stop;
      asio::steady_timer end{executor, steady::time_point::max()};
      bool ended = false;
      asio::co_spawn(executor, p.query(lane::lookup, nap, none, soon(), timing),
                     asio::bind_cancellation_slot(
                         stop.slot(), [&](const std::exception_ptr&, const result<result_set>& r) {
                           ++(r ? finished : timing.db_ms > 0 ? cancelled : waited);
                           ended = true;
                           end.cancel();
                         }));
      co_await pause(std::chrono::ceil<std::chrono::milliseconds>(time));
      stop.emit(asio::cancellation_type::terminal);
      while (!ended)
        co_await end.async_wait(asio::as_tuple(asio::use_awaitable));
    }
    --running;
  }

  asio::awaitable<void> neighbour(int number) {
    for (int i = 0; !over(); ++i) {
      query_timing timing;
      arguments a;
      a.add(std::int32_t{number * 1'000'000 + i % 1'000'000});
      const share how = below(3) == 0 ? share::no : share::yes;
      const auto r = co_await p.query(lane::lookup, echo, a, soon(), timing, how);
      if (r && r->integer(0, 0) == number * 1'000'000 + i % 1'000'000) {
        ++right;
      } else if (hit++ == 0) {
        first_hit = r ? "a wrong answer" : r.error().log_detail;
      }
    }
    --running;
  }
};

}  // namespace

TEST_CASE("cancels hit nobody but those whom they are meant for") {
  const temp_db db;
  asio::io_context io{1};
  pool_options o;
  o.lanes[0] = {.size = 4, .max_waiting = 256, .sharers = 4};
  const auto seed = static_cast<unsigned>(chosen_seed());
  scene s{io.get_executor(), options_for(db.uri()), o, count_of(600, 100'000), seed};
  MESSAGE("seed " << seed);
  s.p.start();
  while (s.p.status().lanes[0].open < 4)
    io.run_one();
  const auto start = steady::now();
  const auto spawn = [&](asio::awaitable<void> work) {
    ++s.running;
    asio::co_spawn(io, std::move(work), [&](const std::exception_ptr& e) {
      CHECK_FALSE(e);
      if (s.running == 0) asio::co_spawn(io, s.p.stop(), asio::detached);
    });
  };
  for (int i = 0; i < 4; ++i)
    spawn(s.victim(i));
  for (int i = 0; i < 6; ++i)
    spawn(s.neighbour(i));
  io.run();
  MESSAGE(s.cancelled << " cancelled, " << s.waited << " while they waited, " << s.finished << " finished, "
                      << s.right << " neighbours right, in " << ms_since(start) / 1000 << " s; "
                      << s.p.status().lanes[0].connects << " connections");
  CHECK(s.cancelled >= s.wanted);
  CHECK(s.right > s.wanted / 20);
  CHECK(s.odd == 0);
  CHECK_MESSAGE(s.hit == 0, s.first_hit);
}
