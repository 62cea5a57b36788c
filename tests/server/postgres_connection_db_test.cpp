#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cmath>
#include <limits>
#include <thread>

#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

// g++ 12 cannot have an initializer list in an expression that awaits.
template <class... Types>
statement typed(std::string sql, Types... parameters) {
  return statement{std::move(sql), std::vector<Oid>{parameters...}};
}

// A loopback port on which nothing listens.
int closed_port() {
  asio::io_context io;
  asio::ip::tcp::acceptor a{io, {asio::ip::address_v4::loopback(), 0}};
  return a.local_endpoint().port();
}

}  // namespace

TEST_CASE("values come back as they were bound, in binary") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement s{
        "SELECT $1::float8, $2::int8, $3::int4, $4::bool, $5::text, $6::bytea, $7::text, 'x'::varchar, "
        "7::int2, "
        "1.5::float4",
        {},
        {oid::float8, oid::int8, oid::int4, oid::boolean, oid::text, oid::bytea, oid::text, oid::varchar,
         oid::int2, oid::float4}};
    const std::string unicode = "San José ⚡ \"'\\ \t\n";
    const std::byte raw[] = {std::byte{0}, std::byte{255}, std::byte{39}};
    for (const double x : {0.1, -0.0, 1e308, 5e-324, std::numeric_limits<double>::infinity()})
      for (const std::int64_t i : {std::int64_t{0}, std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max(), std::int64_t{-1}}) {
        arguments a;
        a.add(x)
            .add(i)
            .add(std::int32_t{-2147483647 - 1})
            .add(i < 0)
            .add_text(unicode)
            .add_bytes(raw)
            .add_null();
        auto r = co_await c.query(s, a, soon());
        REQUIRE_MESSAGE(r, r.error().log_detail);
        REQUIRE(r->rows() == 1);
        CHECK(r->number(0, 0) == x);
        CHECK(std::signbit(r->number(0, 0)) == std::signbit(x));
        CHECK(r->integer(0, 1) == i);
        CHECK(r->integer(0, 2) == std::numeric_limits<std::int32_t>::min());
        CHECK(r->boolean(0, 3) == (i < 0));
        CHECK(r->text(0, 4) == unicode);
        CHECK(r->bytes(0, 5).size() == 3);
        CHECK(r->bytes(0, 5)[1] == std::byte{255});
        CHECK(r->is_null(0, 6));
        CHECK(r->text(0, 7) == "x");
        CHECK(r->integer(0, 8) == 7);
        CHECK(r->number(0, 9) == 1.5);
      }
    auto nan = co_await c.query(statement{"SELECT 'NaN'::float8, ''::text, NULL::int8"}, {}, soon());
    CHECK(std::isnan(nan->number(0, 0)));
    CHECK(nan->text(0, 1).empty());
    CHECK_FALSE(nan->is_null(0, 1));
    CHECK(nan->is_null(0, 2));
    CHECK(nan->integer(0, 2) == 0);
  });
}

TEST_CASE("no rows, many rows, one row of 10 MB, an argument of 10 MB") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    auto none = co_await c.query(statement{"SELECT 1 WHERE false"}, {}, soon());
    CHECK(none->rows() == 0);
    auto many = co_await c.query(statement{"SELECT i FROM generate_series(1, 200000) i"}, {}, soon());
    REQUIRE(many->rows() == 200000);
    CHECK(many->integer(199999, 0) == 200000);
    auto large = co_await c.query(statement{"SELECT repeat('ä', 5000000)"}, {}, soon());
    CHECK(large->text(0, 0).size() == 10'000'000);
    arguments a;
    a.add_text(std::string(10'000'000, 'x'));
    // Echoed while it is sent again and again: neither side may wait for the other for ever.
    const statement echo{"SELECT $1::text", {oid::text}};
    for (int i = 0; i < 3; ++i) {
      auto back = co_await c.query(echo, a, soon());
      REQUIRE(back);
      CHECK(back->text(0, 0).size() == 10'000'000);
    }
  });
}

TEST_CASE("failures say what a client may know, and the connection goes on") {
  const temp_db db;
  db.run("CREATE TABLE t (a int PRIMARY KEY, b text)");
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    auto r = co_await c.query(statement{"SELECT * FROM no_such_table"}, {}, soon());
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::schema_mismatch);
    CHECK(r.error().detail.find("no_such_table") == std::string::npos);
    CHECK(r.error().log_detail.find("no_such_table") != std::string::npos);
    r = co_await c.query(statement{"SELEC 1"}, {}, soon());
    CHECK(r.error().code == errc::internal);
    r = co_await c.query(typed("SELECT 1/$1", oid::int4), arguments{}.add(std::int32_t{0}), soon());
    CHECK(r.error().code == errc::internal);
    CHECK(r.error().log_detail.find("22012") == 0);
    r = co_await c.query(typed("SELECT $1", oid::text), arguments{}.add_text("\xff\xfe"), soon());
    CHECK(r.error().code == errc::bad_parameter);
    r = co_await c.query(typed("SELECT $1", oid::text), arguments{}.add_text(std::string_view{"a\0b", 3}),
                         soon());
    CHECK(r.error().code == errc::bad_parameter);
    const statement wider{"SELECT a, b FROM t", {}, {oid::int8, oid::text}},
        fewer{"SELECT a, b FROM t", {}, {oid::int4}};
    r = co_await c.query(wider, {}, soon());
    CHECK(r.error().code == errc::schema_mismatch);
    r = co_await c.query(fewer, {}, soon());
    CHECK(r.error().code == errc::schema_mismatch);
    r = co_await c.execute("COPY t FROM STDIN", deadline_in(-1s));
    CHECK(r.error().code == errc::deadline);
    CHECK(c.idle());
    r = co_await c.execute("SELECT 1; SELECT 2", soon());
    CHECK(r->text(0, 0) == "2");
    r = co_await c.execute("", soon());
    CHECK(r);
    r = co_await c.execute("INSERT INTO t SELECT i FROM generate_series(1, 42) i", soon());
    CHECK(r->affected() == 42);
    r = co_await c.execute("COPY t TO STDOUT", soon());
    CHECK_FALSE(r);
    CHECK(c.broken());
  });
}

TEST_CASE("a query beyond its deadline is cancelled in Postgres and its connection serves on") {
  const temp_db db;
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      const auto start = steady::now();
      auto r = co_await c.query(statement{"SELECT pg_sleep(30)"}, {}, deadline_in(50ms));
      REQUIRE_FALSE(r);
      CHECK(r.error().code == errc::deadline);
      CHECK(ms_since(start) < 1500);
      REQUIRE_FALSE(c.broken());
      CHECK(c.idle());
    }
    CHECK(db.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE "
                   "'SELECT pg_sleep%' AND state = "
                   "'active'") == "0");
    // The cancel never hits what comes next.
    const statement quick{"SELECT $1::int4", {oid::int4}};
    for (int i = 0; i < 200; ++i) {
      auto late = co_await c.query(statement{"SELECT pg_sleep(0.002)"}, {}, deadline_in(2ms));
      if (!late) CHECK(late.error().code == errc::deadline);
      auto r = co_await c.query(quick, arguments{}.add(std::int32_t{i}), soon());
      REQUIRE_MESSAGE(r, r.error().log_detail);
      CHECK(r->integer(0, 0) == i);
    }
    auto past = co_await c.query(quick, arguments{}.add(std::int32_t{1}), deadline_in(-1s));
    CHECK(past.error().code == errc::deadline);
    auto timeout = co_await c.execute("SET statement_timeout = 20; SELECT pg_sleep(5)", soon());
    CHECK(timeout.error().code == errc::deadline);
  });
}

TEST_CASE("a large answer that is too late is drained too") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement endless{"SELECT repeat('x', 1000) FROM generate_series(1, 100000000)"};
    auto r = co_await c.query(endless, {}, deadline_in(100ms));
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::deadline);
    CHECK(c.idle());
    co_await expect(c, "SELECT 1", "1");
  });
}

TEST_CASE("a backend that is terminated, in a query or while idle, is a broken connection") {
  const temp_db db;
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    std::thread killer{[&, pid = c.backend_pid()] {
      std::this_thread::sleep_for(100ms);
      db.run("SELECT pg_terminate_backend(" + std::to_string(pid) + ")");
    }};
    auto r = co_await c.query(statement{"SELECT pg_sleep(30)"}, {}, soon());
    killer.join();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == errc::database_unavailable);
    CHECK(c.broken());
    auto again = co_await c.query(statement{"SELECT 1"}, {}, soon());
    CHECK(again.error().code == errc::database_unavailable);
  });
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    CHECK(c.alive());
    db.run("SELECT pg_terminate_backend(" + std::to_string(c.backend_pid()) + ", 5000)");
    CHECK_FALSE(c.alive());
    CHECK(c.broken());
    CHECK_FALSE(c.idle());
    co_return;
  });
}

TEST_CASE("what cannot be reached is database_unavailable, and no word of the URI comes out") {
  const int port = closed_port();
  const std::string dead = "host=127.0.0.1 password=hush-hush port=" + std::to_string(port);
  for (const std::string& uri :
       {dead, std::string{"postgresql://me:hush-hush@[oops/db"},
        std::string{"postgresql://u:hush-hush%zz@h/db"},
        std::string{"host=no-such-host.invalid password=hush-hush"}, std::string{"service=hush-hush-none"}}) {
    run_blocking([&](asio::any_io_executor executor) -> asio::awaitable<int> {
      auto r = co_await connection::open(executor, options_for(uri), soon());
      REQUIRE_FALSE(r);
      CHECK(r.error().code == errc::database_unavailable);
      CHECK(r.error().detail == "the database cannot be reached");
      if (uri.find("service") == std::string::npos)
        CHECK(r.error().log_detail.find("hush-hush") == std::string::npos);
      CHECK_FALSE(r.error().log_detail.empty());
      co_return 0;
    });
  }
}

TEST_CASE("of several hosts, a dead first one does not matter") {
  const temp_db db;
  const std::string& uri = db.uri();
  const auto from = uri.find("host='") + 6, to = uri.find('\'', from);
  const auto port_from = uri.find("port='") + 6, port_to = uri.find('\'', port_from);
  REQUIRE(from != std::string::npos);
  const std::string host = uri.substr(from, to - from), port = uri.substr(port_from, port_to - port_from);
  const std::string both = uri + " host='127.0.0.1," + host + "' port='" + std::to_string(closed_port()) +
                           "," + port + "' target_session_attrs=read-write";
  with_connection(options_for(both),
                  [](connection& c) -> asio::awaitable<void> { co_await expect(c, "SELECT 1", "1"); });
  // One that accepts and then says nothing is given up in time for the next.
  asio::io_context io;
  asio::ip::tcp::acceptor silent{io, {asio::ip::address_v4::loopback(), 0}};
  const std::string mute = uri + " host='127.0.0.1," + host + "' port='" +
                           std::to_string(silent.local_endpoint().port()) + "," + port + "'";
  with_connection(options_for(mute),
                  [](connection& c) -> asio::awaitable<void> { co_await expect(c, "SELECT 1", "1"); });
  auto hurried = options_for(uri + " host=127.0.0.1 port=" + std::to_string(silent.local_endpoint().port()));
  hurried.connect_timeout = 100ms;
  const auto start = steady::now();
  run_blocking([&](asio::any_io_executor executor) -> asio::awaitable<int> {
    auto r = co_await connection::open(executor, hurried, soon());
    CHECK_FALSE(r);
    co_return 0;
  });
  CHECK(ms_since(start) < 1000);
}

TEST_CASE("an event loop that is destroyed in the middle of a query leaves nothing behind") {
  const temp_db db;
  {
    asio::io_context io{1};
    const auto options = options_for(db.uri());
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          auto opened = co_await connection::open(io.get_executor(), options, soon());
          REQUIRE(opened);
          co_await opened->execute("SELECT pg_sleep(60)", soon());
        },
        asio::detached);
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { co_await connection::open(io.get_executor(), options, soon()); },
        asio::detached);
    io.run_for(300ms);
  }
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    gone = db.value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE "
               "'SELECT pg_sleep(60)%'") == "0";
    std::this_thread::sleep_for(20ms);
  }
  CHECK(gone);
}

TEST_CASE("a query whose asker is cancelled is cancelled in Postgres, and its connection serves on") {
  const temp_db db;
  asio::io_context io{1};
  const auto options = options_for(db.uri());
  asio::cancellation_signal stop;
  std::optional<connection> c;
  bool ended = false;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto opened = co_await connection::open(io.get_executor(), options, soon());
        REQUIRE(opened);
        c.emplace(std::move(*opened));
        auto r = co_await c->execute("SELECT pg_sleep(60)", soon());
        CHECK(r.error().code == errc::deadline);
        ended = true;
      },
      asio::bind_cancellation_slot(stop.slot(), asio::detached));
  io.run_for(300ms);
  REQUIRE(c);
  stop.emit(asio::cancellation_type::terminal);
  const auto start = steady::now();
  while (!ended && ms_since(start) < 3000)
    io.run_for(10ms);
  CHECK(ended);
  CHECK(c->idle());
  c.reset();
}
