// What a session keeps: its settings, its statements, its limits.
#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

TEST_CASE("a notice or a changed setting does not make an idle connection dead") {
  const temp_db db;
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    co_await c.execute("LISTEN news", soon());
    db.run("NOTIFY news");
    co_await pause(50ms);
    CHECK(c.alive());
    co_await expect(c, "DO $$ BEGIN RAISE NOTICE 'hello'; END $$; SELECT 1", "1");
  });
}

TEST_CASE("a plan that the tables have outgrown is prepared again, outside a transaction") {
  const temp_db db;
  db.run("CREATE TABLE t (a int4); INSERT INTO t VALUES (1)");
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    const statement s{"SELECT * FROM t"};
    co_await succeeds(c.query(s, {}, soon()));
    db.run("ALTER TABLE t ADD b int4");
    auto r = co_await c.query(s, {}, soon());
    REQUIRE_MESSAGE(r, r.error().log_detail);
    CHECK(r->columns() == 2);
    co_await c.execute("DEALLOCATE ALL", soon());
    co_await succeeds(c.query(s, {}, soon()));
    co_await c.execute("BEGIN", soon());
    db.run("ALTER TABLE t ADD c int4");
    r = co_await c.query(s, {}, soon());
    CHECK_FALSE(r);
    CHECK_FALSE(c.idle());
    co_await c.execute("ROLLBACK", soon());
    co_await succeeds(c.query(s, {}, soon()));
    // The types that the code reads by position are looked at again.
    const statement strict{"SELECT a FROM t", {}, {oid::int4}};
    co_await succeeds(c.query(strict, {}, soon()));
    db.run("ALTER TABLE t ALTER a TYPE int8");
    for (int i = 0; i < 2; ++i) {
      r = co_await c.query(strict, {}, soon());
      REQUIRE_FALSE(r);
      CHECK(r.error().code == errc::schema_mismatch);
    }
    db.run("ALTER TABLE t ALTER a TYPE int4");
    co_await succeeds(c.query(strict, {}, soon()));
  });
}

TEST_CASE("more statements than a session may keep are let go, the oldest first") {
  const temp_db db;
  with_connection(options_for(db.uri()), [](connection& c) -> asio::awaitable<void> {
    const statement first{"SELECT 0"};
    co_await succeeds(c.query(first, {}, soon()));
    for (int i = 0; i < 600; ++i)
      co_await succeeds(c.query(statement{"SELECT " + std::to_string(i)}, {}, soon()));
    co_await expect(c, "SELECT count(*) FROM pg_prepared_statements", "512");
    co_await succeeds(c.query(first, {}, soon()));
  });
}

TEST_CASE("behind a pooler nothing is kept in the session") {
  const temp_db db;
  auto o = options_for(db.uri());
  o.pooled = true;
  with_connection(o, [](connection& c) -> asio::awaitable<void> {
    const statement s{"SELECT $1::int4 + 1", {oid::int4}, {oid::int4}};
    const auto sum = co_await c.query(s, arguments{}.add(std::int32_t{41}), soon());
    REQUIRE(sum);
    CHECK(sum->integer(0, 0) == 42);
    const statement wrong{"SELECT 1", {}, {oid::text}};
    co_await fails(c.query(wrong, {}, soon()), errc::schema_mismatch);
    co_await expect(c, "SELECT count(*) FROM pg_prepared_statements", "0");
    co_await expect(c, "SHOW lock_timeout", "0");
    co_await expect(c, "SHOW TimeZone", "UTC");
  });
}

TEST_CASE("a session is set as told, but what the user's URI says stands") {
  const temp_db db;
  auto o = options_for(db.uri());
  o.statement_timeout = 1234ms;
  o.idle_in_transaction_timeout = 5s;
  with_connection(o, [](connection& c) -> asio::awaitable<void> {
    co_await expect(c, "SHOW statement_timeout", "1234ms");
    co_await expect(c, "SHOW idle_in_transaction_session_timeout", "5s");
    co_await expect(c, "SHOW lock_timeout", "2s");
    co_await expect(c, "SHOW TimeZone", "UTC");
    co_await expect(c, "SHOW client_encoding", "UTF8");
    co_await expect(c, "SHOW application_name", "gridlight");
    CHECK(c.server_version() >= 150000);
    CHECK(c.backend_pid() > 0);
  });
  o.uri =
      secret{db.uri() + " application_name=theirs client_encoding=LATIN1 options='-c statement_timeout=77s'"};
  with_connection(o, [](connection& c) -> asio::awaitable<void> {
    co_await expect(c, "SHOW statement_timeout", "77s");
    co_await expect(c, "SHOW application_name", "theirs");
    co_await expect(c, "SHOW lock_timeout", "2s");
    co_await expect(c, "SHOW client_encoding", "UTF8");
  });
  db.run("ALTER ROLE CURRENT_USER IN DATABASE " +
         connection::quote_identifier(db.value("SELECT current_database()")) +
         " SET TimeZone = 'America/Chicago'");
  with_connection(o,
                  [](connection& c) -> asio::awaitable<void> { co_await expect(c, "SHOW TimeZone", "UTC"); });
}

TEST_CASE("a transaction left idle is ended by Postgres") {
  const temp_db db;
  auto o = options_for(db.uri());
  o.idle_in_transaction_timeout = 50ms;
  with_connection(o, [](connection& c) -> asio::awaitable<void> {
    co_await c.execute("BEGIN", soon());
    co_await pause(300ms);
    auto r = co_await c.execute("SELECT 1", soon());
    REQUIRE_FALSE(r);
    CHECK(c.broken());
  });
}

TEST_CASE("a session knows its limits, and where they are not those that were meant") {
  const temp_db db;
  auto o = options_for(db.uri());
  o.statement_timeout = 1234ms;
  o.idle_in_transaction_timeout = 5s;
  o.lock_timeout = 0ms;
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    CHECK(c.limits().statement == 1234ms);
    CHECK(c.limits().idle_in_transaction == 5s);
    CHECK(c.limits().lock == 0ms);
    CHECK(difference(o, c.limits()) == "");
    co_return;
  });
  // What a role is set to is overruled.
  const std::string name = connection::quote_identifier(db.value("SELECT current_database()"));
  db.run("ALTER DATABASE " + name + " SET statement_timeout = '2h'; ALTER DATABASE " + name +
         " SET lock_timeout = '1d'");
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    CHECK(difference(o, c.limits()) == "");
    co_return;
  });
  // Behind a pooler it stands.
  o.pooled = true;
  o.lock_timeout = 2s;
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    CHECK(
        difference(o, c.limits()) ==
        "sessions are not limited as configured: statement_timeout is 7200 s, not 1234 ms, "
        "idle_in_transaction_session_timeout is 0 (none), not 5 s, lock_timeout is 86400 s, not 2 s; behind "
        "a pooler the role has to set them");
    co_return;
  });
  db.run("ALTER DATABASE " + name + " SET statement_timeout = '1s'; ALTER DATABASE " + name +
         " SET lock_timeout = '2s'; ALTER DATABASE " + name +
         " SET idle_in_transaction_session_timeout = '1500ms'");
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    CHECK(c.limits().idle_in_transaction == 1500ms);
    CHECK(difference(o, c.limits()) == "");  // shorter than need be is no danger
    co_return;
  });
  o.pooled = false;
  o.uri = secret{db.uri() + " options='-c statement_timeout=77s'"};
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    CHECK(difference(o, c.limits()) ==
          "sessions are not limited as configured: statement_timeout is 77 s, not 1234 ms; the connection's "
          "options do");
    co_return;
  });
}
