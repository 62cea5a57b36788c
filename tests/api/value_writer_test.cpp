#include "api/value_writer.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "api/value_check.hpp"
#include "server/log_text.hpp"
#include "tests/api/hand_made_result.hpp"

using namespace gridlight;
using namespace gridlight::api;
using test::big_endian;
using test::binary;
namespace oid = postgres::oid;

namespace {

std::string json(Oid type, std::string_view bytes) {
  std::string out = "<";
  append_json_value(out, type, bytes);
  return out.substr(1);
}

std::string integer(std::int64_t v, int bytes) {
  return big_endian(static_cast<std::uint64_t>(v), bytes);
}

std::string numeric(std::int16_t weight, unsigned sign, unsigned scale, const std::vector<int>& groups) {
  std::string out = integer(static_cast<std::int64_t>(groups.size()), 2) + integer(weight, 2) +
                    big_endian(sign, 2) + big_endian(scale, 2);
  for (const int g : groups)
    out += integer(g, 2);
  return out;
}

// Microseconds since 2000-01-01.
std::string time_at(std::int64_t seconds, std::int64_t microseconds = 0) {
  return integer(seconds * 1'000'000 + microseconds, 8);
}

}  // namespace

TEST_CASE("integers and booleans") {
  CHECK(json(oid::boolean, std::string{'\1'}) == "true");
  CHECK(json(oid::boolean, std::string{'\0'}) == "false");
  CHECK(json(oid::int2, integer(-32768, 2)) == "-32768");
  CHECK(json(oid::int4, integer(0, 4)) == "0");
  CHECK(json(oid::int4, integer(-1, 4)) == "-1");
  CHECK(json(oid::int8, integer(std::numeric_limits<std::int64_t>::min(), 8)) == "-9223372036854775808");
}

TEST_CASE("floats are the shortest text that reads back; what JSON cannot hold is null") {
  CHECK(json(oid::float8, binary(0.1)) == "0.1");
  CHECK(json(oid::float8, binary(75.0)) == "75");
  CHECK(json(oid::float8, binary(-1e300)) == "-1e+300");
  CHECK(json(oid::float4, binary(0.1F)) == "0.1");
  for (const double v : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                         -std::numeric_limits<double>::infinity()}) {
    CHECK(json(oid::float8, binary(v)) == "null");
    CHECK(json(oid::float4, binary(static_cast<float>(v))) == "null");
  }
}

TEST_CASE("numeric keeps its own digits") {
  CHECK(json(oid::numeric, numeric(0, 0, 0, {})) == "0");
  CHECK(json(oid::numeric, numeric(0, 0, 2, {})) == "0.00");
  CHECK(json(oid::numeric, numeric(0, 0, 2, {12, 5000})) == "12.50");
  CHECK(json(oid::numeric, numeric(1, 0, 0, {1, 2})) == "10002");
  CHECK(json(oid::numeric, numeric(2, 0, 0, {7})) == "700000000");
  CHECK(json(oid::numeric, numeric(-1, 0x4000, 4, {123})) == "-0.0123");
  CHECK(json(oid::numeric, numeric(-2, 0, 8, {5})) == "0.00000005");
  CHECK(json(oid::numeric, numeric(-3, 0, 3, {5})) == "0.000");
  CHECK(json(oid::numeric, numeric(0, 0xC000, 0, {})) == "null");  // NaN
  CHECK(json(oid::numeric, numeric(0, 0xD000, 0, {})) == "null");  // infinity
  CHECK(json(oid::numeric, numeric(0, 0xF000, 0, {})) == "null");
  CHECK(json(oid::numeric, numeric(0, 0, 0, {1}).substr(0, 9)) == "null");  // cut short
}

TEST_CASE("dates and times") {
  CHECK(json(oid::date, integer(0, 4)) == R"("2000-01-01")");
  CHECK(json(oid::date, integer(-1, 4)) == R"("1999-12-31")");
  CHECK(json(oid::date, integer(59, 4)) == R"("2000-02-29")");
  CHECK(json(oid::date, integer(-730119, 4)) == R"("0001-01-01")");
  CHECK(json(oid::date, integer(-730120, 4)) == R"("0000-12-31")");  // 1 BC
  CHECK(json(oid::date, integer(2921940, 4)) == R"("+10000-01-01")");
  CHECK(json(oid::date, integer(107112390, 4)) == R"("+295263-10-06")");
  CHECK(json(oid::date, integer(std::numeric_limits<std::int32_t>::max(), 4)) == "null");
  CHECK(json(oid::date, integer(std::numeric_limits<std::int32_t>::min(), 4)) == "null");
  CHECK(json(oid::timestamptz, time_at(0)) == R"("2000-01-01T00:00:00Z")");
  CHECK(json(oid::timestamptz, time_at(-1)) == R"("1999-12-31T23:59:59Z")");
  CHECK(json(oid::timestamptz, time_at(86399, 999999)) == R"("2000-01-01T23:59:59.999999Z")");
  CHECK(json(oid::timestamptz, time_at(1, 500000)) == R"("2000-01-01T00:00:01.5Z")");
  CHECK(json(oid::timestamptz, integer(-1, 8)) == R"("1999-12-31T23:59:59.999999Z")");
  CHECK(json(oid::timestamp, time_at(60)) == R"("2000-01-01T00:01:00")");
  CHECK(json(oid::timestamptz, integer(std::numeric_limits<std::int64_t>::max(), 8)) == "null");
  CHECK(json(oid::timestamptz, integer(std::numeric_limits<std::int64_t>::min(), 8)) == "null");
}

// Eight characters are looked at in one step: whatever one must be escaped is found at each place of a step.
TEST_CASE("a text that is escaped from any place on") {
  for (int c = 0; c < 256; ++c) {
    for (std::size_t place = 0; place < 18; ++place) {
      std::string text(18, 'a');
      text[place] = static_cast<char>(c);
      std::string expected = "\"";
      log::append_escaped(expected, text, log::escaping::json);
      CHECK(json(oid::text, text) == expected + "\"");
    }
  }
}

TEST_CASE("texts are escaped, json is passed on, uuids are written out") {
  CHECK(json(oid::text, "") == R"("")");
  CHECK(json(oid::varchar, "a\"b\\c\n\t\x01") == R"("a\"b\\c\n\t\u0001")");
  CHECK(json(oid::text, "zürich ☃ 💥") == "\"zürich ☃ 💥\"");
  CHECK(json(oid::json, R"({"a": [1, 2]})") == R"({"a": [1, 2]})");
  CHECK(json(oid::jsonb, std::string{'\1'} + R"({"a": 1})") == R"({"a": 1})");
  std::string uuid;
  for (int i = 0; i < 16; ++i)
    uuid += static_cast<char>(i * 17);
  CHECK(json(oid::uuid, uuid) == R"("00112233-4455-6677-8899-aabbccddeeff")");
  CHECK(json(12345, "any (other) type") == R"("any (other) type")");
}

TEST_CASE("too few bytes are null, never read past") {
  for (const Oid type : {oid::boolean, oid::int2, oid::int4, oid::int8, oid::float4, oid::float8,
                         oid::numeric, oid::date, oid::timestamp, oid::timestamptz, oid::uuid})
    CHECK(json(type, "") == "null");
  CHECK(json(oid::int8, "1234567") == "null");
}

TEST_CASE("what a key column can hold") {
  CHECK(is_value_of(oid::text, "anything ' \" ; --"));
  CHECK_FALSE(is_value_of(oid::text, std::string_view{"a\0b", 3}));
  CHECK(is_value_of(oid::int2, "-32768"));
  CHECK_FALSE(is_value_of(oid::int2, "32768"));
  CHECK(is_value_of(oid::int8, "9223372036854775807"));
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "1e3", "0x1", "9223372036854775808", "1;"})
    CHECK_FALSE(is_value_of(oid::int8, bad));
  CHECK(is_value_of(oid::uuid, "00112233-4455-6677-8899-AABBccddeeff"));
  CHECK_FALSE(is_value_of(oid::uuid, "00112233445566778899aabbccddeeff"));
  CHECK(is_value_of(oid::date, "2024-02-29"));
  for (const char* bad :
       {"2023-02-29", "2024-13-01", "2024-1-01", "now", "infinity", "0000-01-01", "2024-02-29 "})
    CHECK_FALSE(is_value_of(oid::date, bad));
  CHECK(is_value_of(oid::timestamptz, "2024-02-29T23:59:59Z"));
  CHECK(is_value_of(oid::timestamptz, "2024-02-29T23:59:59.123456Z"));
  for (const char* bad : {"2024-02-29T24:00:00Z", "2024-02-29T23:60:00Z", "2024-02-29T23:59:59",
                          "2024-02-29T23:59:59.Z", "now", ""})
    CHECK_FALSE(is_value_of(oid::timestamptz, bad));
  CHECK(is_value_of(oid::numeric, "-12.50"));
  for (const char* bad : {"", "-", ".5", "5.", "1e5", "NaN", "--1"})
    CHECK_FALSE(is_value_of(oid::numeric, bad));
  CHECK(is_value_of(oid::float8, "1e5"));
  CHECK_FALSE(is_value_of(oid::float8, "nan"));
  CHECK(is_value_of(oid::boolean, "true"));
  CHECK_FALSE(is_value_of(oid::boolean, "t"));
}
