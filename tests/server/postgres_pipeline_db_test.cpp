#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>
#include <set>
#include <thread>

#include "server/postgres/pool.hpp"
#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

/// Runs `body(i)` for i below `count`, all at once, and waits for the last.
template <class Body>
asio::awaitable<void> all_at_once(int count, Body body) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer all{executor, steady::time_point::max()};
  int ended = 0;
  for (int i = 0; i < count; ++i)
    asio::co_spawn(executor, body(i), [&](const std::exception_ptr& e) {
      CHECK_FALSE(e);
      if (++ended == count) all.cancel();
    });
  if (ended < count) co_await all.async_wait(asio::as_tuple(asio::use_awaitable));
}

const statement echo{"SELECT $1::int4, pg_backend_pid()", {oid::int4}};

asio::awaitable<result<result_set>> shared_echo(connection& c, int i, deadline until = soon()) {
  arguments a;
  a.add(std::int32_t{i});
  co_return co_await c.query_shared(echo, a, until);
}

}  // namespace

TEST_CASE("many queries at once on one connection: each its own answer, in any order of asking") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    int right = 0;
    co_await all_at_once(40, [&](int i) -> asio::awaitable<void> {
      for (int k = 0; k < 25; ++k) {
        auto r = co_await shared_echo(c, i * 100 + k);
        REQUIRE_MESSAGE(r, r.error().log_detail);
        right += r->rows() == 1 && r->integer(0, 0) == i * 100 + k ? 1 : 0;
      }
    });
    CHECK(right == 1000);
    CHECK(c.idle());
    // Afterwards it is like any other.
    const arguments none;
    const statement plain{"SELECT 7::int4"};
    const auto r = co_await c.query(plain, none, soon());
    REQUIRE(r);
    CHECK(r->integer(0, 0) == 7);
    co_await succeeds(c.execute("SELECT 1; SELECT 2", soon()));
  });
}

TEST_CASE("an error is only its own query's") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement divide{"SELECT 10 / $1::int4", {oid::int4}};
    const statement absent{"SELECT 1 FROM there_is_no_such_table"};
    int answers = 0, errors = 0, missing = 0;
    co_await all_at_once(60, [&](int i) -> asio::awaitable<void> {
      arguments a;
      if (i % 3 == 2) {
        const auto r = co_await c.query_shared(absent, a, soon());
        missing += !r && r.error().code == errc::schema_mismatch ? 1 : 0;
        co_return;
      }
      a.add(std::int32_t{i % 3});  // 0 divides by zero
      const auto r = co_await c.query_shared(divide, a, soon());
      (r ? answers : errors) += 1;
      if (r) CHECK(r->integer(0, 0) == 10);
    });
    CHECK(answers == 20);
    CHECK(errors == 20);
    CHECK(missing == 20);
    CHECK(c.idle());
    CHECK_FALSE(c.broken());
  });
}

TEST_CASE("a plan gone stale, a statement deallocated, a column of another type: as for a query alone") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    co_await succeeds(c.execute("CREATE TABLE t (a int4); INSERT INTO t VALUES (1)", soon()));
    const statement all{"SELECT * FROM t"};
    const statement typed{"SELECT a FROM t", {}, {oid::int4}};
    const arguments none;
    const auto ask = [&](const statement& s) { return c.query_shared(s, none, soon()); };
    co_await succeeds(ask(all));
    co_await succeeds(ask(typed));
    co_await succeeds(c.execute("ALTER TABLE t ADD b text DEFAULT 'x'", soon()));
    int wide = 0;
    co_await all_at_once(8, [&](int) -> asio::awaitable<void> {
      const auto r = co_await ask(all);
      wide += r && r->columns() == 2 ? 1 : 0;
    });
    CHECK(wide == 8);
    co_await succeeds(c.execute("DEALLOCATE ALL", soon()));
    co_await succeeds(ask(all));
    co_await succeeds(c.execute("ALTER TABLE t ALTER a TYPE int8", soon()));
    int refused = 0;
    co_await all_at_once(8, [&](int) -> asio::awaitable<void> {
      const auto r = co_await ask(typed);
      refused += !r && r.error().code == errc::schema_mismatch ? 1 : 0;
    });
    CHECK(refused == 8);
    co_await succeeds(c.execute("ALTER TABLE t ALTER a TYPE int4", soon()));
    co_await succeeds(ask(typed));
  });
}

TEST_CASE("more statements than a session keeps") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    std::vector<statement> many;
    for (int i = 0; i < 700; ++i)
      many.emplace_back("SELECT " + std::to_string(i) + "::int4");
    int right = 0;
    co_await all_at_once(8, [&](int user) -> asio::awaitable<void> {
      const arguments none;
      for (int i = user % 4; i < 700; i += 4) {  // each by two users
        const auto r = co_await c.query_shared(many[static_cast<std::size_t>(i)], none, soon());
        right += r && r->integer(0, 0) == i ? 1 : 0;
      }
    });
    CHECK(right == 2 * 700);
  });
}

TEST_CASE("a backend that dies takes all that share it, and each is told") {
  const temp_db db;
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    const statement slow{"SELECT pg_sleep(20)"};
    int unavailable = 0;
    const auto executor = co_await asio::this_coro::executor;
    const int pid = c.backend_pid();
    asio::co_spawn(
        executor,
        [&db, pid]() -> asio::awaitable<void> {
          co_await pause(50ms);
          db.run("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
        },
        asio::detached);
    co_await all_at_once(5, [&](int) -> asio::awaitable<void> {
      const arguments none;
      const auto r = co_await c.query_shared(slow, none, soon());
      unavailable += !r && r.error().code == errc::database_unavailable ? 1 : 0;
    });
    CHECK(unavailable == 5);
    CHECK(c.broken());
    const auto r = co_await shared_echo(c, 1);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::database_unavailable);
  });
}

TEST_CASE("who is overdue leaves at its deadline; the others still get their answers, and no more come") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement slow{"SELECT pg_sleep(0.3)"};
    const auto start = steady::now();
    int late = 0, answered = 0;
    co_await all_at_once(4, [&](int i) -> asio::awaitable<void> {
      if (i == 0) {
        const arguments none;
        const auto r = co_await c.query_shared(slow, none, deadline_in(100ms));
        late += !r && r.error().code == errc::deadline ? 1 : 0;
        CHECK(ms_since(start) < 250);
      } else {
        const auto r = co_await shared_echo(c, i);
        answered += r && r->integer(0, 0) == i ? 1 : 0;
      }
    });
    CHECK(late == 1);
    CHECK(answered == 3);
    CHECK(c.broken());
  });
}

TEST_CASE("one that is cancelled leaves the others alone") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement slow{"SELECT pg_sleep(0.2)"};
    const arguments none;
    asio::cancellation_signal stop;
    bool gone = false;
    asio::co_spawn(
        co_await asio::this_coro::executor, c.query_shared(slow, none, soon()),
        asio::bind_cancellation_slot(
            stop.slot(), [&](const std::exception_ptr&, const result<result_set>&) { gone = true; }));
    co_await pause(20ms);
    asio::post(co_await asio::this_coro::executor, [&] { stop.emit(asio::cancellation_type::terminal); });
    const auto r = co_await shared_echo(c, 5);
    CHECK(gone);
    REQUIRE(r);
    CHECK(r->integer(0, 0) == 5);
    CHECK(c.idle());
  });
}

TEST_CASE("what is larger than the socket's buffer comes through both ways") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement mirror{"SELECT $1::text"};
    int right = 0;
    co_await all_at_once(6, [&](int i) -> asio::awaitable<void> {
      const std::string text(4'000'000 + static_cast<std::size_t>(i), static_cast<char>('a' + i));
      arguments a;
      a.add_text(text);
      const auto r = co_await c.query_shared(mirror, a, soon());
      right += r && r->text(0, 0) == text ? 1 : 0;
    });
    CHECK(right == 6);
  });
}

TEST_CASE("an event loop that ends with a pipeline in flight leaks nothing") {
  const temp_db db;
  for (const auto run : {20ms, 60ms, 200ms}) {
    asio::io_context io{1};
    pool_options o;
    o.lanes[0] = {.size = 1, .max_waiting = 8, .sharers = 3};
    pool p{io.get_executor(), options_for(db.uri()), o};
    p.start();
    const statement slow{"SELECT pg_sleep(30)"};
    for (int i = 0; i < 6; ++i)
      asio::co_spawn(
          io,
          [&]() -> asio::awaitable<void> {
            query_timing timing;
            const arguments none;
            co_await p.query(lane::lookup, slow, none, soon(), timing, share::yes);
          },
          asio::detached);
    io.run_for(run);
  }
  CHECK(true);  // the sanitizers have the word
}

TEST_CASE("through a pool: shared and alone, mixed, with backends killed all the time") {
  const temp_db db;
  asio::io_context io{1};
  pool_options o;
  o.lanes[0] = {.size = 2, .max_waiting = 256, .sharers = 4};
  pool p{io.get_executor(), options_for(db.uri()), o};
  int asked = 0, right = 0, wrong = 0, ended = 0;
  std::set<std::int64_t> pids;
  constexpr int users = 24;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        p.start();
        co_await all_at_once(users, [&](int user) -> asio::awaitable<void> {
          // On until a backend's successor was seen: a quick machine is done before the first is killed.
          for (int i = 0; i < 60 || (pids.size() <= 2 && i < 6000); ++i) {
            ++asked;
            query_timing timing;
            arguments a;
            a.add(std::int32_t{user * 10'000 + i});
            auto r = co_await p.query(lane::lookup, echo, a, soon(), timing,
                                      (user + i) % 3 == 0 ? share::no : share::yes);
            if (r) pids.insert(r->integer(0, 1));
            (r && r->integer(0, 0) == user * 10'000 + i ? right : wrong) += 1;
            if (i % 5 == 0) co_await pause(1ms);
          }
          ++ended;
        });
        co_await p.stop();
      },
      asio::detached);
  std::thread killer{[&] {
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(15ms);
      db.run(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
          "AND application_name = 'gridlight' AND pid <> pg_backend_pid() LIMIT 1");
    }
  }};
  io.run_for(60s);
  killer.join();
  CHECK(ended == users);
  CHECK(right == asked);
  CHECK(wrong == 0);
  CHECK(pids.size() > 2);
}
