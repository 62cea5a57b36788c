// Every type and edge case of the contract's section 4: from the emulator through our client, its decoder and
// row_encoder into Postgres by COPY.
#include <boost/asio/co_spawn.hpp>

#include "sync/load/mapping.hpp"
#include "sync/load/row_encoder.hpp"
#include "tests/sync/snowflake_journey.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::journey;
using test::quick;
using test::snowflake_source;
using test::temp_db;
using test::told;
using test::travel;

namespace {

std::vector<sync::target_column> columns_of(const temp_db& db, const std::string& table) {
  boost::asio::io_context io;
  std::vector<sync::target_column> out;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        postgres::connect_options o;
        o.uri = secret{db.uri()};
        const deadline until = deadline_in(10s);
        auto opened = co_await postgres::connection::open(io.get_executor(), o, until);
        REQUIRE(opened.has_value());
        auto found = co_await sync::read_target(*opened, "public", table);
        REQUIRE(found.has_value());
        out = std::move(*found);
      },
      [](const std::exception_ptr& e) { CHECK_FALSE(e); });
  io.run();
  return out;
}

void copy(const temp_db& db, const std::string& table, std::string rows) {
  rows = sync::row_encoder::header() + rows + sync::row_encoder::trailer();
  test::snowflake::database session{db.uri()};
  const test::snowflake::database::rows begun{
      PQexec(session.raw(), ("COPY " + table + " FROM STDIN (FORMAT binary)").c_str())};
  REQUIRE(PQresultStatus(begun.get()) == PGRES_COPY_IN);
  REQUIRE(PQputCopyData(session.raw(), rows.data(), static_cast<int>(rows.size())) == 1);
  REQUIRE(PQputCopyEnd(session.raw(), nullptr) == 1);
  const test::snowflake::database::rows done{PQgetResult(session.raw())};
  REQUIRE_MESSAGE(PQresultStatus(done.get()) == PGRES_COMMAND_OK, PQerrorMessage(session.raw()));
}

// Reads `sql` into `table`, whose columns have its names; the reasons of the rows that cannot be stored.
std::vector<std::string> move_rows(snowflake_source& s, const temp_db& db, const std::string& sql,
                                   const std::string& table, bool text_times) {
  const auto target = columns_of(db, table);
  sync::row_encoder encoder{target, 0};
  std::vector<std::string> names, reasons;
  for (const auto& c : target)
    names.push_back(c.name);
  auto mapping = sync::map_columns(target, names, {}, false, {});
  REQUIRE(mapping.has_value());
  encoder.bind(std::move(*mapping));
  auto o = quick(s);
  o.attempt_timeout = 10s;
  o.text_times = text_times;
  std::string rows;
  const journey j = travel(o, s.key_pair(), {.sql = sql}, 20s, [&](const sync::source_row& row) {
    std::string reason = row.error.empty() ? encoder.encode(row, rows) : row.error;
    if (!reason.empty()) reasons.push_back(std::move(reason));
  });
  REQUIRE_MESSAGE(!j.failed, told(j));
  copy(db, table, std::move(rows));
  return reasons;
}

struct value {
  std::string type;      // of Snowflake
  std::string wire;      // as it goes over the wire
  std::string stored;    // Postgres's column
  std::string expected;  // its text; of a bad value a part of the reason
};

// The values as columns c1, c2, … of a table of domains, in one row, or each in a row of its own.
void make_tables(snowflake_source& s, const temp_db& db, const std::vector<value>& values, bool one_row) {
  std::string wires, targets, row, names;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = (i == 0 ? "c" : ", c") + std::to_string(i + 1);
    wires += name + " snowflake.raw_" + values[i].type;
    targets += name + " " + values[i].stored;
    row += std::string{i == 0 ? "" : ", "} + "$v$" + values[i].wire + "$v$";
    names += name;
  }
  const std::string table = snowflake_source::table("T");
  std::string sql = "SET search_path = snowflake, public; CREATE TABLE " + table + " (" + wires + "); ";
  if (one_row) sql += "INSERT INTO " + table + " VALUES (" + row + "); ";
  for (std::size_t i = 0; i < values.size() && !one_row; ++i)
    sql +=
        "INSERT INTO " + table + " (c" + std::to_string(i + 1) + ") VALUES ($v$" + values[i].wire + "$v$); ";
  s.db().run(sql + "SELECT snowflake.track_all()");
  db.run("CREATE TABLE arrived (" + targets + ")");
}

void arrive(const std::vector<value>& values, bool text_times) {
  CAPTURE(text_times);
  snowflake_source s;
  const temp_db db;
  db.run("ALTER DATABASE " + db.value("SELECT quote_ident(current_database())") + " SET timezone = 'UTC'");
  make_tables(s, db, values, true);
  CHECK(move_rows(s, db, "SELECT * FROM T", "arrived", text_times).empty());
  const auto rows = db.rows("SELECT * FROM arrived");
  REQUIRE(rows.size() == 1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i].type);
    CAPTURE(values[i].wire);
    CHECK(rows[0][i] == values[i].expected);
  }
}

void refuse(const std::vector<value>& values, bool text_times) {
  CAPTURE(text_times);
  snowflake_source s;
  const temp_db db;
  make_tables(s, db, values, false);
  const auto reasons = move_rows(s, db, "SELECT * FROM T", "arrived", text_times);
  for (const auto& row : db.rows("SELECT arrived::text FROM arrived"))
    FAIL_CHECK("stored: " << row[0]);
  REQUIRE(reasons.size() == values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i].type);
    CAPTURE(values[i].wire);
    CAPTURE(reasons[i]);
    const std::string name = "c" + std::to_string(i + 1) + ": ";
    CHECK((reasons[i].starts_with(name) || reasons[i].starts_with("C" + name.substr(1))));
    CHECK(reasons[i].find(values[i].expected) != std::string::npos);
  }
}

const std::string nines(38, '9');

const std::vector<value> good{
    {"fixed", nines, "numeric(38,0)", nines},
    {"fixed", "-" + nines, "numeric", "-" + nines},
    {"fixed", "1234567890123456789012345678.0123456789", "numeric(38,10)",
     "1234567890123456789012345678.0123456789"},
    {"fixed", "9223372036854775807", "bigint", "9223372036854775807"},
    {"fixed", "-9223372036854775808", "bigint", "-9223372036854775808"},
    {"fixed", "-32768", "smallint", "-32768"},
    {"fixed", "-0.50", "numeric(4,2)", "-0.50"},
    {"real", "NaN", "double precision", "NaN"},
    {"real", "inf", "double precision", "Infinity"},
    {"real", "-inf", "real", "-Infinity"},
    {"real", "0.1", "double precision", "0.1"},
    {"real", "1.7976931348623157e308", "double precision", "1.7976931348623157e+308"},
    {"real", "NaN", "numeric(10,2)", "NaN"},
    {"decfloat", "1.5E+30", "numeric", "1500000000000000000000000000000"},
    {"decfloat", "12345678901234567890123456789012345678", "numeric",
     "12345678901234567890123456789012345678"},
    {"text", "tab\t\"quoted\" \\ zür \xF0\x9F\x94\x8C", "text", "tab\t\"quoted\" \\ zür \xF0\x9F\x94\x8C"},
    {"text", "", "varchar(3)", ""},
    {"boolean", "true", "boolean", "t"},
    {"boolean", "0", "boolean", "f"},
    {"boolean", "TRUE", "boolean", "t"},
    {"date", "0", "date", "1970-01-01"},
    {"date", "-1", "date", "1969-12-31"},
    {"date", "-719162", "date", "0001-01-01"},
    {"date", "2932896", "date", "9999-12-31"},
    {"time", "0.000000000", "time", "00:00:00"},
    {"time", "86399.999999999", "time", "23:59:59.999999"},
    {"timestamp_ntz", "1611871777.123456789", "timestamp", "2021-01-28 22:09:37.123456"},
    {"timestamp_ntz", "-1.500000000", "timestamp", "1969-12-31 23:59:58.5"},
    {"timestamp_ntz", "-0.250000000", "timestamp", "1969-12-31 23:59:59.75"},
    {"timestamp_ntz", "-0.000000001", "timestamp", "1969-12-31 23:59:59.999999"},
    {"timestamp_ntz", "-1546391837.123456789", "timestamp", "1920-12-30 22:42:42.876543"},
    {"timestamp_ntz", "253402300799.999999999", "timestamp", "9999-12-31 23:59:59.999999"},
    {"timestamp_ntz", "1611871777.5", "timestamptz", "2021-01-28 22:09:37.5+00"},
    {"timestamp_ltz", "-1.500000000", "timestamptz", "1969-12-31 23:59:58.5+00"},
    {"timestamp_ltz", "1611871777.999999999", "timestamptz", "2021-01-28 22:09:37.999999+00"},
    {"timestamp_tz", "1611871777.123456789 960", "timestamptz", "2021-01-28 22:09:37.123456+00"},
    {"timestamp_tz", "1611871777.123456789 2280", "timestamptz", "2021-01-28 22:09:37.123456+00"},
    {"timestamp_tz", "-0.500000000 600", "timestamptz", "1969-12-31 23:59:59.5+00"},
    {"timestamp_tz", "0.000000000 2220", "timestamptz", "1970-01-01 00:00:00+00"},
    {"binary", "00FFa0", "bytea", "\\x00ffa0"},
    {"binary", "", "bytea", "\\x"},
    {"variant", "{\"x\": undefined, \"y\": NaN, \"z\": [-Infinity, Infinity], \"s\": \"undefined, NaN\"}",
     "jsonb",
     "{\"s\": \"undefined, NaN\", \"x\": null, \"y\": \"NaN\", \"z\": [\"-Infinity\", \"Infinity\"]}"},
    {"variant", "null", "jsonb", "null"},
    {"variant", "undefined", "json", "null"},
    {"array", "[\n  1,\n  undefined\n]", "jsonb", "[1, null]"},
    {"object", "{\n  \"a\": \"b\"\n}", "jsonb", "{\"a\": \"b\"}"},
    {"map", "{\"1\": NaN}", "jsonb", "{\"1\": \"NaN\"}"},
    {"vector", "[1.500000,2.000000]", "jsonb", "[1.500000, 2.000000]"},
    {"binary", "0101000020E6100000000000000000F03F0000000000000040", "geometry(Point,4326)",
     "0101000020E6100000000000000000F03F0000000000000040"},
    {"binary", "0101000020110F0000000000000000F03F0000000000000040", "geometry(Point,3857)",
     "0101000020110F0000000000000000F03F0000000000000040"},
    // SRID 0 with the flag: PostGIS keeps none.
    {"binary", "010100002000000000000000000000F03F0000000000000040", "geometry",
     "0101000000000000000000F03F0000000000000040"},
    {"geography", R"({"coordinates":[1,2],"type":"Point"})", "geometry(Point,4326)",
     "0101000020E6100000000000000000F03F0000000000000040"},
    {"text", "POINT(1 2)", "geometry(Point,4326)", "0101000020E6100000000000000000F03F0000000000000040"},
    {"text", "SRID=4326;POINT(1 2)", "geometry", "0101000020E6100000000000000000F03F0000000000000040"}};

// Readings of numbers that text never has.
const std::vector<value> good_numbers{
    {"timestamp_ntz", "1611871777123456789", "timestamp", "2021-01-28 22:09:37.123456"},
    {"timestamp_ltz", "-1546391837123456789", "timestamptz", "1920-12-30 22:42:42.876543+00"},
    {"timestamp_ntz", "1611871777", "timestamp", "2021-01-28 22:09:37"},
    {"timestamp_ntz", "1611871777.1", "timestamp", "2021-01-28 22:09:37.1"},
    {"timestamp_tz", "0 0", "timestamptz", "1970-01-01 00:00:00+00"},
    {"timestamp_tz", "0 2880", "timestamptz", "1970-01-01 00:00:00+00"},
    {"time", "1", "time", "00:00:01"}};

const std::vector<value> bad{
    {"fixed", nines + "9", "numeric(38,0)", "too large"},
    {"fixed", "9223372036854775808", "bigint", "9223372036854775808"},
    {"fixed", "2147483648", "integer", "out of range"},
    {"real", "inf", "numeric(10,2)", "too large"},
    {"text",
     "a\xE2\x90\x80"
     "b",
     "text", "NUL"},
    {"text", "four", "varchar(3)", "longer"},
    {"text", "x", "integer", "not a whole number"},
    {"boolean", "maybe", "boolean", "not true or false"},
    {"variant", R"(["a\u0000b"])", "jsonb", "NUL"},
    {"variant", "{\"a\":", "jsonb", "JSON"},
    {"binary", "0g", "bytea", "hex"},
    {"binary", "0101000020110F0000000000000000F03F0000000000000040", "geometry(Point,4326)", "SRID 3857"},
    {"binary", "01010000A0E6100000000000000000F03F00000000000000400000000000000840", "geometry(Point,4326)",
     "Z or M"},
    {"text", "POINT(200 2)", "geometry(Point,4326)", "outside"},
    {"geography", R"({"coordinates":[],"type":"Nothing"})", "geometry", "geometry"}};

const std::vector<value> bad_numbers{{"date", "2932897", "date", "out of range"},
                                     {"date", "1.5", "date", "not a date"},
                                     {"time", "86400", "time", "not a time"},
                                     {"timestamp_ntz", "253402300800", "timestamp", "out of range"},
                                     {"timestamp_ntz", "1.1234567890", "timestamp", "not a point in time"},
                                     {"timestamp_ntz", "0 1440", "timestamp", "without an offset"},
                                     {"timestamp_tz", "0 2881", "timestamptz", "not a point in time"}};

}  // namespace

TEST_CASE("types: every value arrives in Postgres as the contract says") {
  for (const bool text_times : {true, false})
    arrive(good, text_times);
  arrive(good_numbers, false);
}

TEST_CASE("types: what cannot be stored is that row's reason, with the column's name") {
  for (const bool text_times : {true, false})
    refuse(bad, text_times);
  refuse(bad_numbers, false);
}

TEST_CASE("types: NULL of every type is NULL") {
  snowflake_source s;
  const temp_db db;
  make_tables(s, db, good, true);
  s.db().run("TRUNCATE " + snowflake_source::table("T") + "; INSERT INTO " + snowflake_source::table("T") +
             " DEFAULT VALUES");
  CHECK(move_rows(s, db, "SELECT * FROM T", "arrived", true).empty());
  CHECK(db.value("SELECT count(*) FROM arrived WHERE arrived IS NULL") == "1");
}

// Real columns this time: what the emulator writes of them under each setting must come back the same.
TEST_CASE("types: whatever the server's settings, a table comes through unchanged") {
  snowflake_source s{{.first_rows = 7, .partition_rows = 50}};
  const temp_db db;
  s.run(
      "CREATE TABLE T (ID NUMBER(38,0), D DATE, T TIME, N TIMESTAMP_NTZ, L TIMESTAMP_LTZ, F FLOAT, X "
      "NUMBER(20,6),"
      " B BINARY, V VARIANT, G GEOGRAPHY)");
  const std::string table = snowflake_source::table("T");
  // Around 1970, with fractions and without.
  s.db().run("SET timezone = 'UTC'; INSERT INTO " + table + R"( SELECT i,
      date '1970-01-01' + i * 997, time '00:00' + i * interval '7 minutes 0.000001 second',
      timestamp '1970-01-01' + i * interval '37 days 11 hours 0.250001 second',
      timestamptz '1970-01-01 00:00+00' + i * interval '0.5 second', i / 3.0, i / 8.0,
      decode(md5(i::text), 'hex'), jsonb_build_object('i', i, 'a', ARRAY['x', NULL]),
      ST_SetSRID(ST_MakePoint(i / 7.0, i / 9.0), 4326)::geography FROM generate_series(-150, 150) i)");
  db.run(
      "CREATE TABLE arrived (id bigint, d date, t time, n timestamp, l timestamptz, f float8, x numeric, b "
      "bytea, "
      "v jsonb, g geometry(Point,4326), e geometry)");
  const std::string shown = "id, d, t, n, l AT TIME ZONE 'UTC', f, x, b, v, ";
  const auto expected =
      s.db().rows("SELECT " + shown + "ST_AsText(g::geometry, 6) FROM " + table + " ORDER BY id");
  REQUIRE(expected.size() == 301);
  const auto comes_through = [&](bool text_times) {
    db.run("TRUNCATE arrived");
    CHECK(move_rows(s, db, "SELECT ID, D, T, N, L, F, X, B, V, G, ST_ASEWKB(G) AS E FROM T", "arrived",
                    text_times)
              .empty());
    CHECK(db.rows("SELECT " + shown + "ST_AsText(g, 6) FROM arrived ORDER BY id") == expected);
    CHECK(db.rows("SELECT " + shown + "ST_AsText(e, 6) FROM arrived ORDER BY id") == expected);
  };
  for (const int digits : {9, 6, -1})
    for (const bool folded : {false, true}) {
      CAPTURE(digits);
      CAPTURE(folded);
      s.emulator().statements().change([&](auto& how) {
        how.fraction_digits = digits;
        how.upper_types = how.bare_partitions = how.geography_as_type = folded;
      });
      comes_through(true);
      // Of nanoseconds near 1970 nobody can tell that they are none of seconds.
      if (digits > 0) comes_through(false);
    }
  // The other reading of times before 1970 has another number for the same time: text alone tells them apart.
  s.emulator().statements().change([](auto& how) { how.added_fraction = true; });
  comes_through(true);
}
