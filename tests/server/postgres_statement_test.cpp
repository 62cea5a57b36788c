#include <doctest/doctest.h>

#include "server/postgres/connection.hpp"
#include "server/postgres/statement.hpp"
#include "server/postgres/statement_cache.hpp"

using namespace gridlight;
using namespace gridlight::postgres;

TEST_CASE("every statement has an id of its own, and copies share it") {
  const statement a{"SELECT 1"}, b{"SELECT 1"};
  CHECK(a.id() != b.id());
  CHECK(statement{a}.id() == a.id());
}

TEST_CASE("only what surely just reads may be run a second time") {
  for (const char* sql : {"SELECT 1", "  select * from t", "WITH a AS (SELECT 1) SELECT * FROM a",
                          "VALUES (1)", "TABLE t", "-- \nSELECT updated_at, deleted FROM t"})
    CHECK_MESSAGE(statement{sql}.repeatable(), sql);
  for (const char* sql : {"", "INSERT INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "CALL f()",
                          "DROP TABLE t", "WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a",
                          "SELECT * INTO u FROM t", "SELECT 1; Update t SET a=1"})
    CHECK_FALSE_MESSAGE(statement{sql}.repeatable(), sql);
}

TEST_CASE("arguments are big-endian, null-terminated where text, and keep their order") {
  arguments a;
  a.add(1.0).add(std::int64_t{-2}).add(std::int32_t{258}).add(true).add_text("x'\"y").add_null().add_text("");
  const auto n = a.to_native();
  REQUIRE(a.size() == 7);
  CHECK(std::string(n.values[0], 8) == std::string("\x3f\xf0\0\0\0\0\0\0", 8));
  CHECK(std::string(n.values[1], 8) == std::string("\xff\xff\xff\xff\xff\xff\xff\xfe"));
  CHECK(std::string(n.values[2], 4) == std::string("\0\0\1\2", 4));
  CHECK(n.lengths[3] == 1);
  CHECK(std::string(n.values[4]) == "x'\"y");
  CHECK(n.formats[4] == 0);
  CHECK(n.values[5] == nullptr);
  CHECK(std::string(n.values[6]).empty());
  CHECK_FALSE(a.has_zero_byte());
  CHECK(a.add_text(std::string_view{"a\0b", 3}).has_zero_byte());
}

TEST_CASE("the statement cache forgets the least recently used, and numbers each preparation anew") {
  statement_cache cache{2};
  const auto insert = [&](std::uint64_t id) {
    const auto number = cache.new_number();
    cache.insert({id, number});
    return number;
  };
  const auto one = insert(1), two = insert(2);
  CHECK(one != 0);
  CHECK(one != two);
  CHECK(cache.full(1));
  CHECK(cache.touch(1) == one);
  CHECK(cache.oldest().id == 2);
  CHECK_FALSE(cache.erase({2, one}));  // another preparation
  CHECK(cache.erase({2, two}));
  CHECK_FALSE(cache.erase({2, two}));
  CHECK(cache.touch(2) == 0);
  const auto again = insert(2);
  CHECK(again > two);
  CHECK(cache.touch(2) == again);
  CHECK(cache.oldest().id == 1);
  CHECK_FALSE(cache.erase({99, 1}));
  CHECK(cache.full(1));
}

TEST_CASE("the statement cache counts what statements weigh; one heavier than all has it for itself") {
  statement_cache cache{4};
  CHECK_FALSE(cache.full(9));
  cache.insert({1, cache.new_number(), 3});
  CHECK_FALSE(cache.full(1));
  CHECK(cache.full(2));
  CHECK(cache.erase({1, 1}));
  CHECK_FALSE(cache.full(4));
}

TEST_CASE("identifiers and literals are quoted") {
  CHECK(connection::quote_identifier("geom") == "\"geom\"");
  CHECK(connection::quote_identifier("a\"b") == "\"a\"\"b\"");
  CHECK(connection::quote_identifier("") == "\"\"");
  CHECK(connection::quote_literal("it's") == "'it''s'");
  CHECK(connection::quote_literal("a\\'b") == " E'a\\\\''b'");
}

TEST_CASE("a SQLSTATE becomes the failure that a client may read") {
  const auto code = [](std::string_view state) { return from_sqlstate(state, "secret words").code; };
  CHECK(code("57014") == errc::deadline);
  CHECK(code("55P03") == errc::deadline);
  for (const char* state : {"53300", "57P01", "57P02", "57P03", "08000", "08006"})
    CHECK(code(state) == errc::database_unavailable);
  CHECK(code("42P01") == errc::schema_mismatch);
  CHECK(code("42703") == errc::schema_mismatch);
  CHECK(code("22021") == errc::bad_parameter);
  CHECK(code("42601") == errc::internal);
  CHECK(code("") == errc::internal);
  const failure f = from_sqlstate("42P01", "relation \"customers\" does not exist");
  CHECK(f.detail.find("customers") == std::string::npos);
  CHECK(f.log_detail == "42P01: relation \"customers\" does not exist");
  CHECK(from_sqlstate("08006", "gone\n\tfor good\n").log_detail == "08006: gone for good");
}

TEST_CASE("an empty result has no rows and affects none") {
  const result_set none;
  CHECK(none.rows() == 0);
  CHECK(none.columns() == 0);
  CHECK(none.affected() == 0);
}
