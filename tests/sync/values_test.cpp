#include "sync/load/values.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gridlight::sync;

TEST_CASE("integers") {
  CHECK(read_integer("0") == 0);
  CHECK(read_integer(" -12 ") == -12);
  CHECK(read_integer("+7") == 7);
  CHECK(read_integer("5.00") == 5);
  CHECK(read_integer("9223372036854775807") == INT64_MAX);
  CHECK(read_integer("-9223372036854775808") == INT64_MIN);
  for (const char* bad :
       {"", " ", "9223372036854775808", "1.5", "1.", ".0", "1e3", "0x1", "+-1", "1 2", "one"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_integer(bad));
  }
}

TEST_CASE("numbers are finite") {
  CHECK(read_number("1.5") == 1.5);
  CHECK(read_number(" -2e3 ") == -2000);
  CHECK(read_number("+.5") == 0.5);
  CHECK(read_number("-0") == 0);
  for (const char* bad :
       {"", "nan", "NaN", "inf", "-Infinity", "1e999", "1,5", "1 2", "+-1", "0x10", "1.5kV"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_number(bad));
  }
}

TEST_CASE("booleans") {
  for (const char* yes : {"t", "TRUE", "yes", "1", "on"})
    CHECK(read_boolean(yes) == true);
  for (const char* no : {"f", "False", "n", "0", "OFF"})
    CHECK(read_boolean(no) == false);
  CHECK_FALSE(read_boolean("maybe"));
  CHECK_FALSE(read_boolean(""));
}

TEST_CASE("dates") {
  CHECK(read_date("2000-01-01") == 0);
  CHECK(read_date("1999-12-31") == -1);
  CHECK(read_date("2024-02-29") == 8825);
  CHECK(read_date("0001-01-01") == -730119);
  for (const char* bad : {"2023-02-29", "2024-13-01", "2024-00-01", "2024-1-1", "24-01-01", "0000-01-01",
                          "2024-01-01x", "2024/01/01", ""}) {
    CAPTURE(bad);
    CHECK_FALSE(read_date(bad));
  }
}

TEST_CASE("times, with and without a zone") {
  const auto utc = [](const char* text) {
    const auto t = read_time(text);
    REQUIRE(t);
    CHECK(t->zoned);
    return t->microseconds;
  };
  CHECK(utc("2000-01-01T00:00:00Z") == 0);
  CHECK(utc("2000-01-01 01:00:00+01") == 0);
  CHECK(utc("2000-01-01 05:30:00.5+05:30") == 500'000);
  CHECK(utc("1999-12-31 19:00-0500") == 0);
  CHECK(utc("2000-01-01 00:00:00.1234567 UTC") == 123'457);
  CHECK(utc("2000-01-01 00:00:00.9999999Z") == 1'000'000);
  CHECK(utc("2016-12-31T23:59:60Z") == utc("2017-01-01T00:00:00Z"));
  const auto local = read_time("2019-09-03 18:55");
  REQUIRE(local);
  CHECK_FALSE(local->zoned);
  for (const char* bad :
       {"2000-01-01", "2000-01-01T", "2000-01-01 24:00", "2000-01-01 12:60", "2000-01-01 12", "noon",
        "2000-01-01 12:00:00.", "2000-01-01 12:00 CET", "2000-01-01 12:00+1", "2000-02-30 12:00Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_time(bad));
  }
}

TEST_CASE("uuids") {
  CHECK(read_uuid("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11") == "a0eebc999c0b4ef8bb6d6bb9bd380a11");
  CHECK(read_uuid("{a0eebc999c0b4ef8bb6d6bb9bd380a11}") == "a0eebc999c0b4ef8bb6d6bb9bd380a11");
  CHECK_FALSE(read_uuid("a0eebc99"));
  CHECK_FALSE(read_uuid("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g"));
  CHECK_FALSE(read_uuid(""));
}

namespace {

// The groups of a packed numeric as text: "groups weight sign scale: g g g".
std::string unpacked(const char* text, int precision = 0, int scale = 0) {
  const auto n = read_numeric(text, precision, scale);
  if (!n) return "none";
  if (n->too_large) return "too large";
  std::string out;
  for (std::size_t i = 0; i + 1 < n->bytes.size(); i += 2) {
    const int v = static_cast<std::int16_t>((static_cast<unsigned char>(n->bytes[i]) << 8) |
                                            static_cast<unsigned char>(n->bytes[i + 1]));
    out += (i == 0 ? "" : " ") + std::to_string(v);
  }
  return out;
}

}  // namespace

TEST_CASE("numerics in Postgres's own form") {
  CHECK(unpacked("0") == "0 0 0 0");
  CHECK(unpacked("0.00") == "0 0 0 2");
  CHECK(unpacked("1") == "1 0 0 0 1");
  CHECK(unpacked("-12345.678") == "3 1 16384 3 1 2345 6780");
  CHECK(unpacked("0.0001") == "1 -1 0 4 1");
  CHECK(unpacked("0.00001") == "1 -2 0 5 1000");
  CHECK(unpacked("1e4") == "1 1 0 0 1");
  CHECK(unpacked("1.5e-3") == "1 -1 0 4 15");
  CHECK(unpacked("2.345", 12, 2) == "2 0 0 2 2 3500");
  CHECK(unpacked("-0.005", 12, 2) == "1 -1 16384 2 100");
  CHECK(unpacked("0.004", 12, 2) == "0 0 0 2");
  CHECK(unpacked("9.999", 3, 2) == "too large");
  CHECK(unpacked("9.994", 3, 2) == "2 0 0 2 9 9900");
  CHECK(unpacked("99999999999", 12, 2) == "too large");
  for (const char* bad : {"", ".", "-", "1e", "1e+", "NaN", "1..2", "1,0", "1e99999"})
    CHECK(unpacked(bad) == "none");
}
