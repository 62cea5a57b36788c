#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "sync/load/mapping.hpp"
#include "sync/load/row_encoder.hpp"
#include "sync/snowflake/decode.hpp"
#include "sync/snowflake/rows.hpp"
#include "tests/sync/load_support.hpp"

using namespace gridlight;
using namespace gridlight::sync;
using namespace gridlight::sync::snowflake;

namespace {

column of_type(std::string type, std::string extension = "") {
  column c;
  c.name = "C";
  c.type = std::move(type);
  c.extension = std::move(extension);
  return c;
}

// What the cell becomes; "! reason" when it cannot be read.
std::string decoded(const std::string& type, std::string_view text) {
  const std::vector<column> columns{of_type(type)};
  row_decoder decoder{columns};
  std::vector<cell> cells{{cell::kind::text, text}};
  const std::string reason = decoder.decode(cells);
  if (!reason.empty()) return "! " + reason;
  if (cells[0].is == cell::kind::number)
    return std::isnan(cells[0].number) ? "nan" : std::to_string(cells[0].number);
  return std::string{cells[0].text};
}

// Of a cell of that type, in a column of that kind: COPY's bytes behind the field's length, or "! reason".
std::string stored(const std::string& type, std::string_view text, column_kind kind, int precision = 0,
                   int scale = 0) {
  const std::vector<column> columns{of_type(type)};
  row_decoder decoder{columns};
  source_row row;
  row.cells = {{cell::kind::text, text}};
  if (std::string reason = decoder.decode(row.cells); !reason.empty()) return "! " + reason;
  target_column target;
  target.name = "c";
  target.kind = kind;
  target.precision = precision;
  target.scale = scale;
  const std::vector<target_column> table{target};
  row_encoder encoder{table, 0};
  encoder.bind(*map_columns(table, {"C"}, {}, false, {}));
  std::string out;
  if (std::string reason = encoder.encode(row, out); !reason.empty()) return "! " + reason;
  return out.substr(6);
}

std::string big_endian(std::int64_t value) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
  return out;
}

partition_body body(std::string text, std::uint64_t rows, std::uint64_t most = 1 << 20) {
  return {std::move(text), false, rows, most};
}

// All rows as "a|b", NULL as "~", a row's error in brackets; a failure ends them with "! why".
std::string rows_of(partition_body b, std::size_t width, const std::string& type = "text") {
  const std::vector<column> columns(width, of_type(type));
  const auto source = open_partition(std::move(b), columns);
  std::string out;
  source_row row;
  for (;;) {
    const auto more = source->next(row);
    if (!more) return out + "! " + more.error().detail;
    if (!*more) return out;
    for (const cell& c : row.cells)
      out += (c.is == cell::kind::null ? "~" : std::string{c.text}) + "|";
    if (!row.error.empty()) out += "[" + row.error + "]";
    out += ";";
  }
}

}  // namespace

TEST_CASE("times before 1970 are signed decimals, floored") {
  CHECK(read_instant("-1.500000000") == instant{-2, 500'000'000});
  CHECK(read_instant("-0.250000000") == instant{-1, 750'000'000});
  CHECK(read_instant("-1546391837.123456789") == instant{-1546391838, 876'543'211});
  CHECK(read_instant("-1") == instant{-1, 0});
  CHECK(read_instant("0") == instant{0, 0});
  CHECK(decoded("timestamp_ntz", "-0.000000001") == "1969-12-31 23:59:59.999999");
  CHECK(decoded("timestamp_ntz", "-1.5") == "1969-12-31 23:59:58.500000");
}

TEST_CASE("nanoseconds are cut toward the past; point-less long numbers are nanoseconds") {
  CHECK(decoded("timestamp_ntz", "1611871777.123456789") == "2021-01-28 22:09:37.123456");
  CHECK(decoded("timestamp_ntz", "1611871777123456789") == "2021-01-28 22:09:37.123456");
  CHECK(decoded("timestamp_ntz", "-1546391837123456789") == "1920-12-30 22:42:42.876543");
  CHECK(decoded("timestamp_ntz", "86399.999999999") == "1970-01-01 23:59:59.999999");
  CHECK(decoded("timestamp_ntz", "1611871777") == "2021-01-28 22:09:37.000000");
  CHECK(decoded("timestamp_ntz", "1611871777.1") == "2021-01-28 22:09:37.100000");
  for (const char* bad : {"", "x", "1.1234567890", "1611871777123", "1e9", "--1", "1.5x", "+1", "1 2 3"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_instant(bad));
  }
}

TEST_CASE("offsets are for show; up to 24 hours are taken") {
  CHECK(decoded("timestamp_tz", "1611871777.123456789 960") == "2021-01-28 22:09:37.123456Z");
  CHECK(decoded("timestamp_tz", "0.000000000 2280") == "1970-01-01 00:00:00.000000Z");
  CHECK(decoded("timestamp_tz", "0 2880") == "1970-01-01 00:00:00.000000Z");
  CHECK(decoded("timestamp_tz", "0 0") == "1970-01-01 00:00:00.000000Z");
  CHECK(decoded("timestamp_tz", "0 2881").starts_with("! C: "));
  CHECK(decoded("timestamp_tz", "0 -1").starts_with("! C: "));
  CHECK(decoded("timestamp_ntz", "0 1440").starts_with("! C: "));
}

TEST_CASE("times as text") {
  CHECK(decoded("timestamp_ntz", "1969-12-31 23:59:59.999999999") == "1969-12-31 23:59:59.999999");
  CHECK(decoded("timestamp_ltz", "2021-01-28 22:09:37.123456789 +00:00") == "2021-01-28 22:09:37.123456Z");
  CHECK(decoded("timestamp_tz", "2021-01-29 12:09:37.000000000 +14:00") == "2021-01-28 22:09:37.000000Z");
  CHECK(decoded("timestamp_tz", "2021-01-28 10:00:00.000000000 -1130") == "2021-01-28 21:30:00.000000Z");
  CHECK(decoded("timestamp_tz", "2021-01-28 10:00:00.0").starts_with("! C: "));
  CHECK(decoded("timestamp_ntz", "2021-01-28 10:00:00 +01:00").starts_with("! C: "));
  CHECK(decoded("timestamp_ntz", "2021-02-30 10:00:00").starts_with("! C: "));
  CHECK(decoded("timestamp_ntz", "253402300800").ends_with("is out of range (years 1 to 9999)"));
  CHECK(decoded("timestamp_ntz", "253402300799.999999999") == "9999-12-31 23:59:59.999999");
}

TEST_CASE("dates and times of day") {
  CHECK(decoded("date", "0") == "1970-01-01");
  CHECK(decoded("date", "-1") == "1969-12-31");
  CHECK(decoded("date", "18655") == "2021-01-28");
  CHECK(decoded("date", "-719162") == "0001-01-01");
  CHECK(decoded("date", "2021-01-28") == "2021-01-28");
  CHECK(decoded("date", "-719163").starts_with("! C: "));
  CHECK(decoded("date", "99999999999").starts_with("! C: "));
  CHECK(decoded("date", "1.5").starts_with("! C: "));
  CHECK(decoded("time", "0.000000000") == "00:00:00.000000");
  CHECK(decoded("time", "86399.999999999") == "23:59:59.999999");
  CHECK(decoded("time", "23:59:59.999999999") == "23:59:59.999999");
  for (const char* bad : {"86400", "-1", "24:00:00", "12:60:00", "12:00:00x"}) {
    CAPTURE(bad);
    CHECK(decoded("time", bad).starts_with("! C: "));
  }
}

TEST_CASE("semi-structured values are JSON afterwards") {
  CHECK(strict_json("undefined") == "null");
  CHECK(strict_json("[undefined, NaN,-Infinity\n,Infinity]") == R"([null, "NaN","-Infinity"
,"Infinity"])");
  CHECK(strict_json(R"({"undefined": undefined, "a": "NaN, undefined", "b\"": [NaN]})") ==
        R"({"undefined": null, "a": "NaN, undefined", "b\"": ["NaN"]})");
  CHECK(strict_json(R"({"a": -1, "b": null})") == R"({"a": -1, "b": null})");
  CHECK(strict_json("\"unended undefined") == "\"unended undefined");
  CHECK(decoded("array", "[\n  1,\n  undefined\n]") == "[\n  1,\n  null\n]");
  CHECK(decoded("variant", "null") == "null");
}

TEST_CASE("values arrive in COPY's form") {
  CHECK(stored("timestamp_ntz", "946684800.000001999", column_kind::timestamp) == big_endian(1));
  CHECK(stored("timestamp_ltz", "946684799.999999999", column_kind::timestamptz) == big_endian(-1));
  CHECK(stored("timestamp_tz", "946684800.5 2280", column_kind::timestamptz) == big_endian(500'000));
  CHECK(stored("time", "86399.999999999", column_kind::time) == big_endian(86'399'999'999));
  CHECK(stored("date", "10957", column_kind::date) == std::string(4, '\0'));
  CHECK(stored("binary", "00FFa0", column_kind::bytea) == std::string{"\0\xff\xa0", 3});
  CHECK(stored("binary", "", column_kind::bytea).empty());
  CHECK(stored("binary", "0g", column_kind::bytea).starts_with("! c: "));
  CHECK(stored("boolean", "TRUE", column_kind::boolean) == "\1");
  CHECK(stored("boolean", "0", column_kind::boolean) == std::string(1, '\0'));
  CHECK(stored("fixed", "9223372036854775807", column_kind::int8) == big_endian(INT64_MAX));
  CHECK(stored("fixed", "9223372036854775808", column_kind::int8).starts_with("! c: "));
  CHECK(stored("variant", "[undefined]", column_kind::jsonb) == "\1[null]");
  CHECK(stored("variant", R"(["\u0000"])", column_kind::jsonb) == "! c: holds a NUL character");
  CHECK(stored("text", {"a\0b", 3}, column_kind::text) == "! c: holds a NUL character");
  const std::string digits(38, '9');
  const std::string wide = stored("fixed", "-" + digits, column_kind::numeric, 38, 0);
  CHECK(wide.substr(0, 8) == std::string{"\0\x0a\0\x09\x40\0\0\0", 8});
  CHECK(wide.size() == 8 + 20);
  CHECK(stored("fixed", digits + "9", column_kind::numeric, 38, 0).starts_with("! c: "));
  CHECK(stored("decfloat", "1.5E+3", column_kind::numeric).substr(0, 2) == std::string{"\0\1", 2});
}

TEST_CASE("numbers that are none") {
  CHECK(decoded("real", "NaN") == "nan");
  CHECK(decoded("real", "-inf") == "-inf");
  CHECK(stored("real", "NaN", column_kind::float8).size() == 8);
  CHECK(stored("real", "inf", column_kind::float8) == std::string{"\x7f\xf0\0\0\0\0\0\0", 8});
  CHECK(stored("real", "-inf", column_kind::float4) == std::string{"\xff\x80\0\0", 4});
  CHECK(stored("real", "NaN", column_kind::numeric, 10, 2) == std::string{"\0\0\0\0\xc0\0\0\0", 8});
  CHECK(stored("real", "inf", column_kind::numeric, 10, 2).starts_with("! c: "));
  CHECK(stored("real", "inf", column_kind::numeric) == std::string{"\0\0\0\0\xd0\0\0\0", 8});
}

TEST_CASE("EWKB with an SRID, and GeoJSON in an object") {
  const std::string point = "0101000020E6100000000000000000F03F0000000000000040";
  CHECK(stored("binary", point, column_kind::geometry).size() == 25);
  const std::vector<column> columns{of_type("object", "GEOGRAPHY")};
  row_decoder decoder{columns};
  std::vector<cell> cells{{cell::kind::text, R"({"type":"Point","coordinates":[1,2]})"}};
  CHECK(decoder.decode(cells).empty());
  CHECK(geometry_from_text(cells[0].text).error.empty());
}

TEST_CASE("partitions: both shapes, wherever the data stands") {
  const std::string rows = R"([["1","a"],["2",null] , [null,"x]\"[\u00e9"]])";
  const std::string expected = "1|a|;2|~|;~|x]\"[\xc3\xa9|;";
  CHECK(rows_of(body(rows, 3), 2) == expected);
  CHECK(rows_of(body("{\"data\":" + rows + "}", 3), 2) == expected);
  CHECK(rows_of(body("{\"a\":[1,{\"b\":\"}\"}], \"x\":7, \"data\" : " + rows + ",\"code\":\"0\"} ", 3), 2) ==
        expected);
  partition_body zipped = body(test::packed(rows), 3);
  zipped.gzip = true;
  CHECK(rows_of(std::move(zipped), 2) == expected);
  CHECK(rows_of(body("[]", 0), 2).empty());
}

TEST_CASE("partitions that are not what they should be") {
  CHECK(rows_of(body(R"([["1"]])", 2), 1).find("1 rows instead of 2") != std::string::npos);
  CHECK(rows_of(body(R"([["1"],["2"]])", 1), 1).find("more rows") != std::string::npos);
  CHECK(rows_of(body(R"([["1","2"]])", 1), 1).find("2 cells instead of 1") != std::string::npos);
  CHECK(rows_of(body(R"([["1"],["2)", 2), 1).find("cut off") != std::string::npos);
  CHECK(rows_of(body(R"({"data":[["1"]])", 1), 1).find("cut off") != std::string::npos);
  CHECK(rows_of(body(R"([[1]])", 1), 1).find("neither text nor null") != std::string::npos);
  CHECK(rows_of(body(R"([[["1"]]])", 1), 1).find("neither text nor null") != std::string::npos);
  CHECK(rows_of(body(R"({"code":"391908","message":"m"})", 1), 1).find("no data") != std::string::npos);
  CHECK(rows_of(body("<html>", 1), 1).find("no rows") != std::string::npos);
  CHECK(rows_of(body("", 1), 1).find("no rows") != std::string::npos);
  CHECK(rows_of(body("[[\"" + std::string(2000, 'x') + "\"]]", 1, 1000), 1).find("larger") !=
        std::string::npos);
  partition_body cut = body(test::packed(R"([["1"]])"), 1);
  cut.gzip = true;
  cut.bytes.resize(cut.bytes.size() - 6);
  CHECK(rows_of(cut, 1).find("cut off") != std::string::npos);
  cut.bytes = R"([["1"]])";
  CHECK(rows_of(cut, 1).find("no gzip") != std::string::npos);
  // A bomb: 30 MB of blanks in 30 KB.
  partition_body bomb = body(test::packed("[" + std::string(30'000'000, ' ') + "]"), 0);
  bomb.gzip = true;
  CHECK(rows_of(std::move(bomb), 1).find("larger") != std::string::npos);
}

TEST_CASE("a row that is no Unicode is that row's error alone") {
  CHECK(rows_of(body(R"([["\ud800"],["b"]])", 2), 1) == "|[C: holds text that is not Unicode];b|;");
  CHECK(rows_of(body("[[\"\xff\"],[\"b\"]]", 2), 1) == "[not UTF-8];b|;");
  CHECK(rows_of(body(R"([["x"],["1"]])", 2), 1, "date") == "x|[C: \"x\" is not a date];1970-01-02|;");
}

TEST_CASE("answers: members in any order, types folded") {
  const auto a = read_answer(
      R"({"data":[["1"]],"code":"090001","sqlState":"00000","statementHandle":"h","createdOn":1760000000000,)"
      R"("stats":{"numRowsInserted":3,"numRowsUpdated":2,"numRowsDeleted":1,"numDuplicateRowsUpdated":0},)"
      R"("resultSetMetaData":{"numRows":6,"format":"jsonv2","rowType":[{"name":"ID","type":"FIXED","precision":38,)"
      R"("scale":0,"length":null,"nullable":false},{"name":"G","type":"object","extTypeName":"geography"}],)"
      R"("partitionInfo":[{"rowCount":2,"uncompressedSize":40},{"rowCount":4,"uncompressedSize":80,"compressedSize":55}]}})");
  REQUIRE(a.has_value());
  CHECK(a->has_data);
  CHECK(a->columns.size() == 2);
  CHECK(a->columns[0].type == "fixed");
  CHECK_FALSE(a->columns[0].nullable);
  CHECK(a->columns[1].extension == "GEOGRAPHY");
  CHECK(a->partitions.at(1).packed == 55);
  CHECK(a->changed.updated == 2);
  CHECK_FALSE(
      read_answer(R"({"resultSetMetaData":{"numRows":6,"partitionInfo":[{"rowCount":2}]}})").has_value());
  CHECK_FALSE(read_answer(R"({"resultSetMetaData":{"numRows":0,"format":"arrowv1"}})").has_value());
  for (const char* bad :
       {"", "<html></html>", "{", "{\"a\":", "{\"a\":1", "{} x", "[]", "{\"a\":\"", "{\"data\":[}"})
    CHECK_FALSE(read_answer(bad).has_value());
}
