#include "server/postgres/pool.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <set>
#include <thread>

#include "tests/server/doorman.hpp"
#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

pool_options lookups(std::size_t size, std::size_t max_waiting = 256) {
  pool_options o;
  o.lanes[0] = {size, max_waiting};
  return o;
}

/// Runs `body(pool&)` with a pool that is started before and stopped after; the loop must then run dry by
/// itself.
template <class Body>
void with_pool(const connect_options& connect, const pool_options& options, Body body) {
  asio::io_context io{1};
  std::exception_ptr error;
  pool p{io.get_executor(), connect, options};
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
  const auto start = steady::now();
  io.run_for(60s);
  if (error) std::rethrow_exception(error);
  CHECK(ms_since(start) < 59'000);
  CHECK(io.stopped());
}

asio::awaitable<result<result_set>> ask(pool& p, const statement& s, deadline until = soon()) {
  query_timing timing;
  const arguments none;
  co_return co_await p.query(lane::lookup, s, none, until, timing);
}

const statement one{"SELECT 1::int4"};
const statement own_pid{"SELECT pg_backend_pid()"};

}  // namespace

TEST_CASE("two connections serve fifty at once, each its own answer") {
  const temp_db db;
  with_pool(options_for(db.uri()), lookups(2), [&](pool& p) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const statement echo{"SELECT $1::int4, pg_backend_pid(), pg_sleep(0.0005)", {oid::int4}};
    int right = 0, ended = 0;
    std::set<std::int64_t> pids;
    asio::steady_timer all{executor, steady::time_point::max()};
    for (int user = 0; user < 50; ++user)
      asio::co_spawn(
          executor,
          [&, user]() -> asio::awaitable<void> {
            for (int i = 0; i < 10; ++i) {
              query_timing timing;
              arguments a;
              a.add(std::int32_t{user * 1000 + i});
              auto r = co_await p.query(lane::lookup, echo, a, soon(), timing);
              REQUIRE(r);
              right += r->integer(0, 0) == user * 1000 + i ? 1 : 0;
              pids.insert(r->integer(0, 1));
              CHECK(timing.db_ms > 0);
            }
          },
          [&](const std::exception_ptr& e) {
            CHECK_FALSE(e);
            if (++ended == 50) all.cancel();
          });
    co_await all.async_wait(asio::as_tuple(asio::use_awaitable));
    CHECK(right == 500);
    CHECK(pids.size() == 2);
    const lane_status s = p.status().lanes[0];
    CHECK(s.open == 2);
    CHECK(s.busy == 0);
    CHECK(s.waiting == 0);
    CHECK(s.acquired == 500);
    CHECK(s.connects == 2);
  });
}

TEST_CASE("a full queue, a deadline in the queue, and a lease that comes back dirty") {
  const temp_db db;
  auto options = lookups(1, 1);
  options.lanes[1] = {1, 4};
  with_pool(options_for(db.uri()), options, [&](pool& p) -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    std::int64_t pid = 0;
    {
      auto held = co_await p.acquire(lane::lookup, soon());
      REQUIRE(held);
      pid = (*held)->backend_pid();
      bool late_done = false;
      asio::co_spawn(
          executor,
          [&]() -> asio::awaitable<void> {
            const auto start = steady::now();
            auto late = co_await ask(p, one, deadline_in(100ms));
            REQUIRE_FALSE(late);
            CHECK(late.error().code == errc::pool_exhausted);
            CHECK(ms_since(start) >= 95);
            CHECK(ms_since(start) < 1000);
            late_done = true;
          },
          asio::detached);
      co_await pause(10ms);
      co_await fails(ask(p, one), errc::pool_exhausted);
      query_timing timing;
      const arguments none;
      co_await succeeds(p.query(lane::tile, one, none, soon(), timing));  // another lane does not mind
      co_await fails(p.query(lane::sync, one, none, soon(), timing), errc::internal);
      co_await pause(200ms);
      CHECK(late_done);
      co_await succeeds((*held)->execute("BEGIN; CREATE TABLE half_done (a int)", soon()));
    }
    auto fresh = co_await ask(p, own_pid);
    REQUIRE(fresh);
    CHECK(fresh->integer(0, 0) != pid);
    CHECK(db.value("SELECT count(*) FROM pg_class WHERE relname = 'half_done'") == "0");
    // A query beyond its deadline is cancelled and its connection kept.
    const statement slow{"SELECT pg_sleep(20)"};
    co_await fails(ask(p, slow, deadline_in(30ms)), errc::deadline);
    auto after = co_await ask(p, own_pid);
    CHECK(after->integer(0, 0) == fresh->integer(0, 0));
  });
}

TEST_CASE("a backend that dies, idle or in a query that reads, costs nobody an answer") {
  const temp_db db;
  with_pool(options_for(db.uri()), lookups(2), [&](pool& p) -> asio::awaitable<void> {
    co_await succeeds(ask(p, one));
    const std::string all =
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = "
        "'gridlight' AND "
        "datname = current_database()";
    for (int i = 0; i < 5; ++i) {
      db.run(all);
      co_await succeeds(ask(p, one));
    }
    std::thread killer{[&] {
      std::this_thread::sleep_for(150ms);
      db.run(all);
    }};
    const statement slow{"SELECT pg_sleep(0.4)"};
    const auto start = steady::now();
    auto r = co_await ask(p, slow);
    killer.join();
    CHECK(r);
    CHECK(ms_since(start) > 500);  // it ran twice
    // What writes is not repeated.
    db.run("CREATE TABLE t (a int)");
    std::thread again{[&] {
      std::this_thread::sleep_for(150ms);
      db.run(all);
    }};
    const statement writes{"INSERT INTO t SELECT 1 FROM pg_sleep(0.4)"};
    auto w = co_await ask(p, writes);
    again.join();
    REQUIRE_FALSE(w);
    CHECK(w.error().code == errc::database_unavailable);
    CHECK(w.error().detail == "the database cannot be reached");
    // Idle ones are noticed and replaced without anybody asking.
    co_await pause(100ms);
    db.run(all);
    const auto before = p.status().lanes[0].connects;
    co_await pause(1500ms);
    CHECK(p.status().lanes[0].connects >= before + 2);
    CHECK(p.status().lanes[0].open == 2);
  });
}

TEST_CASE("a database that goes away is answered fast, and found again when it is back") {
  const temp_db db;
  doorman door{db.uri()};
  door.open();
  with_pool(options_for(door.uri()), lookups(2), [&](pool& p) -> asio::awaitable<void> {
    co_await succeeds(ask(p, one));
    CHECK(p.status().last_error.empty());
    door.close();
    for (int i = 0; i < 3; ++i) {
      const auto start = steady::now();
      co_await fails(ask(p, one), errc::database_unavailable);
      CHECK(ms_since(start) < 1000);
    }
    CHECK_FALSE(p.status().last_error.empty());
    CHECK(p.status().lanes[0].open == 0);
    CHECK(p.status().lanes[0].connect_failures > 0);
    door.open();
    const auto start = steady::now();
    bool back = false;
    while (!back && ms_since(start) < 5000) {
      auto r = co_await ask(p, one);
      back = r.has_value();
    }
    CHECK(back);
    CHECK(ms_since(start) < 2000);
    CHECK(p.status().last_error.empty());
    door.close();
  });
}

TEST_CASE("new connections are warmed; one that cannot be is none") {
  const temp_db db;
  db.run("CREATE TABLE warmed (pid int)");
  auto options = lookups(2);
  options.warm_up_sql = "INSERT INTO warmed VALUES (pg_backend_pid())";
  with_pool(options_for(db.uri()), options, [&](pool& p) -> asio::awaitable<void> {
    auto r = co_await ask(p, own_pid);
    REQUIRE(r);
    CHECK(db.value("SELECT count(*) FROM warmed WHERE pid = " + std::to_string(r->integer(0, 0))) == "1");
  });
  options.warm_up_sql = "SELECT no_such_function()";
  with_pool(options_for(db.uri()), options, [&](pool& p) -> asio::awaitable<void> {
    co_await fails(ask(p, one), errc::database_unavailable);
    CHECK(p.status().last_error.find("no_such_function") != std::string::npos);
  });
}

TEST_CASE("stop wakes those who wait, lets those who work finish, and ends connecting") {
  const temp_db db;
  asio::io_context io{1};
  pool p{io.get_executor(), options_for(db.uri()), lookups(1)};
  p.start();
  bool worked = false, woken = false, stopped = false;
  const statement slow{"SELECT pg_sleep(0.3)"};
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto r = co_await ask(p, slow);
        worked = r.has_value();
        CHECK_FALSE(stopped);
      },
      asio::detached);
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        co_await pause(200ms);
        asio::co_spawn(
            io,
            [&]() -> asio::awaitable<void> {
              auto r = co_await ask(p, one);
              woken = !r && r.error().code == errc::shutting_down;
            },
            asio::detached);
        co_await pause(1ms);
        co_await p.stop();
        stopped = true;
        co_await fails(ask(p, one), errc::shutting_down);
      },
      asio::detached);
  io.run_for(10s);
  CHECK(worked);
  CHECK(woken);
  CHECK(stopped);
  CHECK(io.stopped());

  // A host that answers nothing does not hold it up.
  asio::io_context other{1};
  asio::ip::tcp::acceptor silent{other, {asio::ip::address_v4::loopback(), 0}};
  const auto start = steady::now();
  with_pool(options_for("host=127.0.0.1 port=" + std::to_string(silent.local_endpoint().port())), lookups(2),
            [](pool&) -> asio::awaitable<void> { co_await pause(50ms); });
  CHECK(ms_since(start) < 2000);
}

TEST_CASE("an event loop that ends with queries, waiters and leases in flight leaks nothing") {
  const temp_db db;
  for (const auto run : {0ms, 30ms, 200ms}) {
    asio::io_context io{1};
    pool p{io.get_executor(), options_for(db.uri()), lookups(2)};
    p.start();
    const statement slow{"SELECT pg_sleep(30)"};
    for (int i = 0; i < 5; ++i) {
      asio::co_spawn(
          io, [&]() -> asio::awaitable<void> { co_await ask(p, slow); }, asio::detached);
      asio::co_spawn(
          io,
          [&]() -> asio::awaitable<void> {
            auto l = co_await p.acquire(lane::lookup, soon());
            co_await pause(10s);
          },
          asio::detached);
    }
    io.run_for(run);
  }
  CHECK(true);  // the sanitizers have the word
}

TEST_CASE("a waiter that is cancelled leaves the queue") {
  const temp_db db;
  with_pool(options_for(db.uri()), lookups(1), [&](pool& p) -> asio::awaitable<void> {
    auto held = co_await p.acquire(lane::lookup, soon());
    REQUIRE(held);
    asio::cancellation_signal stop;
    bool gone = false;
    asio::co_spawn(
        co_await asio::this_coro::executor, ask(p, one),
        asio::bind_cancellation_slot(
            stop.slot(), [&](const std::exception_ptr&, const result<result_set>&) { gone = true; }));
    co_await pause(5ms);
    CHECK(p.status().lanes[0].waiting == 1);
    stop.emit(asio::cancellation_type::terminal);
    co_await pause(5ms);
    CHECK(gone);
    { const auto back = std::move(*held); }
    CHECK(p.status().lanes[0].waiting == 0);
    co_await succeeds(ask(p, one));
  });
}

TEST_CASE("status may be asked for by another thread") {
  const temp_db db;
  with_pool(options_for(db.uri()), lookups(2), [&](pool& p) -> asio::awaitable<void> {
    std::atomic<bool> end{false};
    std::thread reader{[&] {
      while (!end)
        CHECK(p.status().lanes[0].open <= 2);
    }};
    for (int i = 0; i < 200; ++i) {
      auto r = co_await ask(p, one);
      if (!r) break;
    }
    end = true;
    reader.join();
    CHECK(p.status().lanes[0].acquired >= 200);
  });
}
