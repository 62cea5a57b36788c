#include "tests/server/postgres_support.hpp"

using namespace gridlight;
using namespace gridlight::postgres;
using namespace gridlight::test;

namespace {

std::span<const std::byte> as_bytes(const std::string& s) {
  return std::as_bytes(std::span{s});
}

}  // namespace

TEST_CASE("COPY stores 100,000 rows put in pieces") {
  const temp_db db;
  db.run("CREATE TABLE t (a int, b text)");
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    auto begun = co_await c.copy_begin("COPY t FROM STDIN", soon());
    REQUIRE_MESSAGE(begun, begun.error().log_detail);
    CHECK_FALSE(c.idle());
    auto meanwhile = co_await c.execute("SELECT 1", soon());
    CHECK(meanwhile.error().code == errc::internal);
    std::string chunk;
    for (int i = 0; i < 100'000; ++i) {
      chunk += std::to_string(i) + "\tvalue of row " + std::to_string(i) + "\n";
      if (chunk.size() < 700'000 && i != 99'999) continue;  // a piece larger than one message too
      auto put = co_await c.copy_put(as_bytes(chunk), soon());
      REQUIRE(put);
      chunk.clear();
    }
    auto empty = co_await c.copy_put({}, soon());
    CHECK(empty);
    auto stored = co_await c.copy_finish(soon());
    REQUIRE_MESSAGE(stored, stored.error().log_detail);
    CHECK(*stored == 100'000);
    CHECK(c.idle());
    CHECK(db.value("SELECT count(*) || ' ' || sum(a) FROM t") == "100000 4999950000");
    auto none = co_await c.copy_begin("COPY t FROM STDIN", soon());
    REQUIRE(none);
    stored = co_await c.copy_finish(soon());
    CHECK(*stored == 0);
  });
}

TEST_CASE("COPY that is aborted, refused or abandoned leaves nothing") {
  const temp_db db;
  db.run("CREATE TABLE t (a int)");
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    co_await succeeds(c.copy_begin("COPY t FROM STDIN", soon()));
    co_await succeeds(c.copy_put(as_bytes("1\n2\n"), soon()));
    co_await c.copy_abort("enough", soon());
    CHECK(c.idle());
    CHECK(db.value("SELECT count(*) FROM t") == "0");

    co_await succeeds(c.copy_begin("COPY t FROM STDIN", soon()));
    co_await succeeds(c.copy_put(as_bytes("1\nnot a number\n"), soon()));
    auto stored = co_await c.copy_finish(soon());
    REQUIRE_FALSE(stored);
    CHECK(stored.error().log_detail.find("22P02") == 0);
    CHECK(stored.error().log_detail.find("line 2") != std::string::npos);
    CHECK(c.idle());

    auto wrong = co_await c.copy_begin("SELECT 1", soon());
    CHECK_FALSE(wrong);
    CHECK(c.idle());
    wrong = co_await c.copy_begin("COPY nothing FROM STDIN", soon());
    CHECK(wrong.error().code == errc::schema_mismatch);
    co_await fails(c.copy_put(as_bytes("1\n"), soon()), errc::internal);
    co_await fails(c.copy_finish(soon()), errc::internal);
    co_await c.copy_abort("nothing to abort", soon());
    CHECK(c.idle());
    CHECK(db.value("SELECT count(*) FROM t") == "0");
    co_await succeeds(c.copy_begin("COPY t FROM STDIN", soon()));
    co_await succeeds(c.copy_put(as_bytes("1\n"), soon()));
  });
  CHECK(db.value("SELECT count(*) FROM t") == "0");
}

TEST_CASE("COPY into a table that is locked waits no longer than its deadline") {
  const temp_db db;
  db.run("CREATE TABLE t (a int)");
  auto o = options_for(db.uri());
  o.lock_timeout = 0ms;
  with_connection(o, [&](connection& c) -> asio::awaitable<void> {
    auto locked = co_await c.execute("BEGIN; LOCK TABLE t", soon());
    REQUIRE(locked);
    auto other = co_await connection::open(co_await asio::this_coro::executor, o, soon());
    REQUIRE(other);
    auto late = co_await other->copy_begin("COPY t FROM STDIN", deadline_in(100ms));
    REQUIRE_FALSE(late);
    CHECK(late.error().code == errc::deadline);
    CHECK(other->idle());
    co_await c.execute("ROLLBACK", soon());
    co_await succeeds(other->copy_begin("COPY t FROM STDIN", soon()));
    co_await other->copy_abort("done", soon());
    CHECK(other->idle());
  });
}

TEST_CASE("a server that takes nothing more makes copy_put wait, and end at its deadline") {
  const temp_db db;
  db.run(
      "CREATE TABLE t (a text); CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN PERFORM pg_sleep(0.2); RETURN NEW; END $$; "
      "CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION slow()");
  with_connection(options_for(db.uri()), [&](connection& c) -> asio::awaitable<void> {
    co_await succeeds(c.copy_begin("COPY t FROM STDIN", soon()));
    std::string lines;
    while (lines.size() < 1'000'000)
      lines += std::string(1000, 'x') + "\n";
    const auto until = deadline_in(500ms);
    result<void> put{};
    int pieces = 0;
    while (put && pieces < 1000) {
      put = co_await c.copy_put(as_bytes(lines), until);
      ++pieces;
    }
    REQUIRE_FALSE(put);
    CHECK(put.error().code == errc::deadline);
    CHECK(pieces < 100);  // it did not just fill our memory
    CHECK(c.broken());
  });
}
