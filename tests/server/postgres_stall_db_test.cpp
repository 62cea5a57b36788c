// A database that stops answering without closing anything, and queries that are merely slow.
#include <thread>

#include "server/postgres/pool.hpp"
#include "tests/server/doorman.hpp"
#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

template <class Body>
void with_pool(const std::string& uri, std::size_t size, std::size_t sharers, std::size_t kept, Body body) {
  asio::io_context io{1};
  pool_options o;
  o.lanes[0] = {.size = size, .max_waiting = 64, .sharers = sharers, .kept_connections = kept};
  pool p{io.get_executor(), options_for(uri), o};
  std::exception_ptr error;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        p.start();
        std::exception_ptr thrown;
        try {
          co_await body(p);
        } catch (...) {
          thrown = std::current_exception();
        }
        co_await p.stop();
        if (thrown) std::rethrow_exception(thrown);
      },
      [&](std::exception_ptr e) { error = e; });
  io.run_for(120s);
  if (error) std::rethrow_exception(error);
  CHECK(io.stopped());
}

asio::awaitable<result<result_set>> ask(pool& p, const statement& s, share how = share::no) {
  query_timing timing;
  const arguments none;
  co_return co_await p.query(lane::lookup, s, none, soon(), timing, how);
}

struct tally {
  int answered = 0, unavailable = 0, other = 0, ended = 0;
  double longest_ms = 0;
};

/// Asks beside the caller's work.
void spawn(pool& p, const asio::any_io_executor& executor, const statement& s, share how, tally& t) {
  asio::co_spawn(
      executor,
      [&p, &s, how, &t]() -> asio::awaitable<void> {
        const auto start = steady::now();
        const auto r = co_await ask(p, s, how);
        t.longest_ms = std::max(t.longest_ms, ms_since(start));
        ++(r ? t.answered : r.error().code == errc::database_unavailable ? t.unavailable : t.other);
        ++t.ended;
      },
      asio::detached);
}

const statement one{"SELECT 1::int4"};
const statement sleep_two{"SELECT pg_sleep(2.5)"};

}  // namespace

TEST_CASE("a database that falls silent is told of within two seconds, and the pool is whole soon after") {
  const temp_db db;
  doorman door{db.uri()};
  door.open();
  with_pool(door.uri(), 3, 4, 0, [&](pool& p) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    for (int round = 0; round < 3; ++round) {
      co_await succeeds(ask(p, one));
      tally t;
      if (round == 1)  // in the middle of slow ones
        for (int i = 0; i < 3; ++i)
          spawn(p, executor, sleep_two, share::no, t);
      co_await pause(50ms);
      door.fall_silent();
      for (int i = 0; i < 20; ++i)  // some run alone, some share, some wait
        spawn(p, executor, one, i % 2 == 0 ? share::no : share::yes, t);
      const int all = round == 1 ? 23 : 20;
      const auto start = steady::now();
      while (t.ended < all && ms_since(start) < 5000)
        co_await pause(10ms);
      CHECK(t.unavailable == all);
      CHECK(t.longest_ms < 2000);
      // From now on nobody waits at all.
      const auto again = steady::now();
      co_await fails(ask(p, one), errc::database_unavailable);
      CHECK(ms_since(again) < 100);
      CHECK(p.status().last_error != "");
      co_await pause(round == 2 ? 3000ms : 300ms);
      door.speak();
      const auto back = steady::now();
      while (p.status().lanes[0].open < 3 && ms_since(back) < 10'000)
        co_await pause(10ms);
      CHECK(ms_since(back) < 3000);
    }
  });
  door.close();
}

TEST_CASE("on a database that is well, a slow query is answered, however long the others are silent") {
  const temp_db db;
  with_pool(db.uri(), 2, 4, 0, [&](pool& p) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    tally t;
    for (int i = 0; i < 2; ++i)
      spawn(p, executor, sleep_two, share::no, t);
    co_await pause(2400ms);
    CHECK(t.ended == 0);
    while (t.ended < 2)
      co_await pause(10ms);
    CHECK(t.answered == 2);
    CHECK(p.status().lanes[0].connects == 2);
  });
}

TEST_CASE("short queries behind one that is not are asked again elsewhere, and it has a connection alone") {
  const temp_db db;
  with_pool(db.uri(), 2, 4, 1, [&](pool& p) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const statement endless{"SELECT pg_sleep(5)"};
    tally slow, quick;
    co_await succeeds(ask(p, one));
    spawn(p, executor, endless, share::no, slow);
    spawn(p, executor, endless, share::yes, slow);
    co_await pause(50ms);
    for (int i = 0; i < 3; ++i)
      spawn(p, executor, one, share::yes, quick);
    while (quick.ended < 3)
      co_await pause(10ms);
    CHECK(quick.answered == 3);
    CHECK(quick.longest_ms > 1900);
    CHECK(quick.longest_ms < 4000);
    CHECK(slow.ended == 0);
    while (slow.ended < 2)
      co_await pause(10ms);
    CHECK(slow.answered == 2);
  });
}
