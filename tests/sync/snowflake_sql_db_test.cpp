#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "tests/support/snowflake/process.hpp"
#include "tests/support/snowflake/storm.hpp"
#include "tests/sync/snowflake_journey.hpp"
#include "tests/sync/snowflake_support.hpp"

using namespace gridlight;
using test::json_text;
using test::snow_bench;

namespace {

using table = std::vector<std::vector<std::string>>;

std::string mark(const snow_bench& b) {
  return b
      .rows("SELECT CURRENT_TIMESTAMP()",
            R"(,"parameters":{"TIMESTAMP_LTZ_OUTPUT_FORMAT":"YYYY-MM-DD HH24:MI:SS.FF3 TZH:TZM"})")
      .at(0)
      .at(0);
}

std::string changes(const std::string& from, const std::string& to = {}) {
  return "SELECT ID, N, METADATA$ACTION, METADATA$ISUPDATE FROM T CHANGES (INFORMATION => DEFAULT) AT "
         "(TIMESTAMP => '" +
         from + "'::TIMESTAMP_LTZ)" + (to.empty() ? "" : " END (TIMESTAMP => '" + to + "'::TIMESTAMP_LTZ)") +
         " ORDER BY ID, METADATA$ACTION";
}

}  // namespace

TEST_CASE("emulator: every type as jsonv2 writes it") {
  snow_bench b;
  b.run(
      "CREATE TABLE T (A NUMBER(38,0), B NUMBER(10,2), C FLOAT, D VARCHAR(20), E BOOLEAN, F DATE, G TIME, H "
      "TIMESTAMP_NTZ,"
      " I TIMESTAMP_LTZ, J BINARY, K VARIANT, L GEOGRAPHY)");
  b.db.run(R"(SET search_path = "gridlight.public", public; SET timezone = 'UTC'; INSERT INTO t VALUES
    (99999999999999999999999999999999999999, -1.5, 'NaN', E'tab\t"', true, '1969-12-31', '23:59:59.999999',
     '1969-12-31 23:59:58.5', '2021-01-28 22:09:37.123456+00', '\xab01', '{"a": 1}', 'POINT(1 2)'),
    (-1, 0, '-Infinity', '', false, '2021-01-28', '00:00', '1969-12-31 23:59:59.75', '1970-01-01 00:00+01', '', 'null', NULL))");
  const json_text j{b.post("SELECT * FROM T ORDER BY A DESC").body};
  CHECK(j.rows() == table{{"99999999999999999999999999999999999999", "-1.50", "NaN", "tab\t\"", "true", "-1",
                           "86399.999999000", "-1.500000000", "1611871777.123456000", "AB01", "{\"a\": 1}",
                           R"({"type":"Point","coordinates":[1,2]})"},
                          {"-1", "0.00", "-inf", "", "false", "18655", "0.000000000", "-0.250000000",
                           "-3600.000000000", "", "null", "NULL"}});
  std::string kinds;
  for (int i = 0; i < 12; ++i)
    kinds += j.text("/resultSetMetaData/rowType/" + std::to_string(i) + "/type") + " ";
  CHECK(kinds ==
        "fixed fixed real text boolean date time timestamp_ntz timestamp_ltz binary variant object ");
  CHECK(j.text("/resultSetMetaData/rowType/1/scale") == "2");
  CHECK(j.text("/resultSetMetaData/rowType/3/length") == "20");
  CHECK(j.text("/resultSetMetaData/rowType/11/extTypeName") == "GEOGRAPHY");
  CHECK(b.rows("SELECT ST_ASEWKB(L) FROM T WHERE A > 0") ==
        table{{"0101000020E6100000000000000000F03F0000000000000040"}});
  CHECK(b.rows("SELECT F, G, H, I FROM T WHERE A > 0",
               R"(,"parameters":{"DATE_OUTPUT_FORMAT":"YYYY-MM-DD","TIME_OUTPUT_FORMAT":"HH24:MI:SS.FF9",)"
               R"("TIMESTAMP_NTZ_OUTPUT_FORMAT":"YYYY-MM-DD HH24:MI:SS.FF9",)"
               R"("TIMESTAMP_LTZ_OUTPUT_FORMAT":"YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM"})") ==
        table{{"1969-12-31", "23:59:59.999999000", "1969-12-31 23:59:58.500000000",
               "2021-01-28 22:09:37.123456000 +00:00"}});
}

TEST_CASE("emulator: what Postgres cannot hold is kept as it goes over the wire") {
  snow_bench b;
  b.db.run(
      R"(SET search_path = "gridlight.public", snowflake, public; CREATE TABLE r (a raw_timestamp_tz, b raw_timestamp_ntz,
    c raw_variant, d raw_text, e raw_decfloat); INSERT INTO r VALUES
    ('1611871777.123456789 2280', '-0.000000001', '{"x":undefined}', 'a␀b', '1E+6144'); SELECT track_all())");
  const json_text j{b.post("SELECT * FROM R").body};
  CHECK(j.rows() == table{{"1611871777.123456789 2280", "-0.000000001", "{\"x\":undefined}",
                           std::string{"a\0b", 3}, "1E+6144"}});
  CHECK(j.text("/resultSetMetaData/rowType/0/type") == "timestamp_tz");
  CHECK(b.rows("SELECT A FROM R",
               R"(,"parameters":{"TIMESTAMP_TZ_OUTPUT_FORMAT":"YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM"})") ==
        table{{"2021-01-29 12:09:37.123456789 +1400"}});
  b.snow.statements().change([](auto& s) { s.fraction_digits = -1; });
  CHECK(b.rows("SELECT '1969-12-31 23:59:58.5'::TIMESTAMP_NTZ") == table{{"-1500000000"}});
  b.snow.statements().change([](auto& s) {
    s.fraction_digits = 9;
    s.added_fraction = true;
  });
  CHECK(b.rows("SELECT '1969-12-31 23:59:58.5'::TIMESTAMP_NTZ") == table{{"-2.500000000"}});
}

TEST_CASE("emulator: bindings") {
  snow_bench b;
  const auto bound = [&](const std::string& type, const std::string& value) {
    return b.rows("SELECT ? AS X", R"(,"bindings":{"1":{"type":")" + type + R"(","value":)" + value + "}}")
        .at(0)
        .at(0);
  };
  CHECK(bound("FIXED", R"("99999999999999999999")") == "99999999999999999999");
  CHECK(bound("TEXT", R"("it's ? -- \\ here")") == "it's ? -- \\ here");
  CHECK(bound("TEXT", "null") == "NULL");
  CHECK(bound("BOOLEAN", R"("true")") == "true");
  CHECK(bound("BINARY", R"("0aFF")") == "0AFF");
  CHECK(bound("DATE", R"("86400000")") == "1");
  CHECK(bound("TIMESTAMP_NTZ", R"("-1500000001")") == "-1.500001000");
  CHECK(bound("TIMESTAMP_LTZ", R"("1611871777123456789")") == "1611871777.123456000");
  CHECK(snow_bench::verdict(b.post("SELECT ?", R"(,"bindings":{"1":{"type":"FIXED","value":"x"}})")) ==
        "422 100037");
  b.run("CREATE TABLE T (ID NUMBER, N VARCHAR)");
  const json_text many{
      b.post("INSERT INTO T (ID, N) VALUES (?, ?)",
             R"(,"bindings":{"1":{"type":"FIXED","value":["1","2"]},"2":{"type":"TEXT","value":["a",null]}})")
          .body};
  CHECK(many.text("/stats/numRowsInserted") == "2");
  CHECK(b.rows("SELECT * FROM T ORDER BY ID") == table{{"1", "a"}, {"2", "NULL"}});
}

TEST_CASE("emulator: what cannot be done is said as Snowflake says it") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER NOT NULL, N VARCHAR)");
  const std::map<std::string, std::string> all{{"SELECT * FROM NOWHERE", "422 002003"},
                                               {"SELECT * FROM OTHER.PUBLIC.T", "422 002003"},
                                               {"SELECT NOBODY FROM T", "422 000904"},
                                               {"SELECT FROM WHERE", "422 001003"},
                                               {"SELECT NO_SUCH(1)", "422 002140"},
                                               {"SELECT 'x'::NUMBER", "422 100038"},
                                               {"INSERT INTO T VALUES (NULL, 'a')", "422 100072"},
                                               {"PUT file://x @y", "422 391911"},
                                               {"GET @y file://x", "422 391911"},
                                               {"BEGIN", "422 391911"},
                                               {"COMMIT", "422 391911"},
                                               {"SET X = 1", "422 391911"},
                                               {"ALTER SESSION SET TIMEZONE = 'UTC'", "422 391911"},
                                               {"SHOW TABLES", "422 391911"},
                                               {"USE SCHEMA PUBLIC", "422 391911"},
                                               {"SELECT 1; SELECT 2", "422 000008"}};
  for (const auto& one : all) {
    CAPTURE(one.first);
    CHECK(snow_bench::verdict(b.post(one.first)) == one.second);
  }
  CHECK(json_text{b.post("SELECT * FROM NOWHERE").body}.text("/sqlState") == "42S02");
  CHECK(snow_bench::verdict(b.post("SELECT 1", R"(,"parameters":{"GEOGRAPHY_OUTPUT_FORMAT":"WKB"})")) ==
        "400 390142");
  CHECK(snow_bench::verdict(b.post("SELECT 1", R"(,"warehouse":"wh")")) == "422 391920");
  CHECK(snow_bench::verdict(b.post("SELECT 1", R"(,"role":"sync")")) == "422 391921");
  CHECK(snow_bench::verdict(b.send("POST", "/api/v2/statements",
                                   R"({"statement":"SELECT 1","database":"GRIDLIGHT","schema":"public"})")) ==
        "422 391919");
  CHECK(snow_bench::verdict(b.post("SELECT ?; SELECT 2",
                                   R"(,"parameters":{"MULTI_STATEMENT_COUNT":"2"},)"
                                   R"("bindings":{"1":{"type":"TEXT","value":"x"}})")) == "422 391912");
  CHECK(snow_bench::verdict(b.post("SELECT ?")) == "422 002049");
  CHECK(snow_bench::verdict(b.send("POST", "/api/v2/statements",
                                   R"({"statement":"SELECT 1","database":"gridlight"})")) == "422 391918");
  CHECK(snow_bench::verdict(b.send("POST", "/api/v2/statements", "{")) == "400 390142");
}

TEST_CASE("emulator: several statements in one request") {
  snow_bench b;
  const std::string three = R"(,"parameters":{"MULTI_STATEMENT_COUNT":"0"})";
  const json_text j{
      b.post(
           "BEGIN; CREATE TABLE T (ID NUMBER); INSERT INTO T VALUES (1), (2); COMMIT; SELECT COUNT(*) FROM T",
           three)
          .body};
  REQUIRE(j.value["statementHandles"].get_array().size() == 5);
  CHECK(json_text{b.get(j.text("/statementHandles/2")).body}.text("/stats/numRowsInserted") == "2");
  CHECK(json_text{b.get(j.text("/statementHandles/4")).body}.rows() == table{{"2"}});
  const auto failed =
      b.post("INSERT INTO T VALUES (3); SELECT NOBODY FROM T; INSERT INTO T VALUES (4)", three);
  CHECK(snow_bench::verdict(failed) == "422 100132");
  CHECK(json_text{failed.body}.text("/sqlState") == "P0000");
  CHECK(b.rows("SELECT COUNT(*) FROM T") == table{{"3"}});
}

TEST_CASE("emulator: MERGE through a staging bind") {
  snow_bench b;
  b.run(
      "CREATE OR REPLACE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR, AT TIMESTAMP_NTZ) CHANGE_TRACKING "
      "= TRUE");
  b.run("INSERT INTO T (ID, N) VALUES (1, 'one'), (2, 'two')");
  const std::string merge =
      "MERGE INTO GRIDLIGHT.PUBLIC.T AS t USING (SELECT value:id::NUMBER AS id, value:n::VARCHAR AS n, "
      "value:at::TIMESTAMP_NTZ AS at"
      " FROM TABLE(FLATTEN(PARSE_JSON(?)))) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.n = s.n, t.at "
      "= s.at"
      " WHEN NOT MATCHED THEN INSERT (id, n, at) VALUES (s.id, s.n, s.at)";
  const auto bind = [](const std::string& rows) {
    return R"(,"bindings":{"1":{"type":"TEXT","value":)" + test::snowflake::json(rows) + "}}";
  };
  const json_text j{
      b.post(merge,
             bind(R"([{"id":"2","n":"zwei","at":null},{"id":"3","n":"drei","at":"2026-01-01 00:00:00"}])"))
          .body};
  CHECK(j.text("/stats/numRowsInserted") == "1");
  CHECK(j.text("/stats/numRowsUpdated") == "1");
  CHECK(j.rows() == table{{"1", "1"}});
  CHECK(j.text("/resultSetMetaData/rowType/0/name") == "number of rows inserted");
  CHECK(b.rows("SELECT ID, N, AT FROM T ORDER BY ID") ==
        table{{"1", "one", "NULL"}, {"2", "zwei", "NULL"}, {"3", "drei", "1767225600.000000000"}});
  CHECK(snow_bench::verdict(b.post(merge, bind(R"([{"id":"2","n":"a"},{"id":"2","n":"b"}])"))) ==
        "422 100090");
}

TEST_CASE("emulator: the information schema, and sums to compare tables by") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(10,2) NOT NULL, N VARCHAR, AT TIMESTAMP_LTZ, G GEOGRAPHY)");
  CHECK(b.rows("SELECT COLUMN_NAME, DATA_TYPE, IS_NULLABLE, NUMERIC_PRECISION, NUMERIC_SCALE FROM "
               "INFORMATION_SCHEMA.COLUMNS"
               " WHERE TABLE_SCHEMA = 'PUBLIC' AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION",
               R"(,"bindings":{"1":{"type":"TEXT","value":"T"}})") ==
        table{{"ID", "NUMBER", "NO", "10", "2"},
              {"N", "TEXT", "YES", "NULL", "NULL"},
              {"AT", "TIMESTAMP_LTZ", "YES", "NULL", "NULL"},
              {"G", "GEOGRAPHY", "YES", "NULL", "NULL"}});
  b.run("INSERT INTO T VALUES (1, 'a', NULL, NULL), (2, 'b', NULL, NULL)");
  CHECK(b.rows("SELECT TABLE_NAME, TABLE_TYPE, ROW_COUNT FROM GRIDLIGHT.INFORMATION_SCHEMA.TABLES WHERE "
               "TABLE_SCHEMA = 'PUBLIC'") == table{{"T", "BASE TABLE", "2"}});
  const auto hash = b.rows("SELECT HASH_AGG(*), COUNT(*), HASH_AGG(ID, N) FROM GRIDLIGHT.PUBLIC.T");
  CHECK(hash == b.rows("SELECT HASH_AGG(*), COUNT(*), HASH_AGG(ID, N) FROM T X"));
  b.run("UPDATE T SET N = 'c' WHERE ID = 2");
  CHECK(hash != b.rows("SELECT HASH_AGG(*), COUNT(*), HASH_AGG(ID, N) FROM T"));
  CHECK(b.rows("SELECT SUM(MD5_NUMBER_LOWER64(X)) FROM (SELECT IFF(ID > 1, NVL(N, ''), 'z') AS X FROM T)")
            .size() == 1);
  CHECK(b.rows("SELECT DATEADD(minute, -10, '2026-01-01 00:00'::TIMESTAMP_NTZ)::VARCHAR") ==
        table{{"2025-12-31 23:50:00"}});
}

TEST_CASE("emulator: CHANGES tells the net of what was committed") {
  snow_bench b;
  const std::string before = mark(b);
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR)");
  b.run("INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c')");
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string from = mark(b);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("UPDATE T SET N = 'a2' WHERE ID = 1");
  b.run("UPDATE T SET N = 'a3' WHERE ID = 1");
  b.run("DELETE FROM T WHERE ID = 2");
  b.run("INSERT INTO T VALUES (4, 'd'), (5, 'e')");
  b.run("DELETE FROM T WHERE ID = 5");
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string to = mark(b);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("DELETE FROM T WHERE ID = 3");
  const table net{{"1", "a", "DELETE", "true"},
                  {"1", "a3", "INSERT", "true"},
                  {"2", "b", "DELETE", "false"},
                  {"4", "d", "INSERT", "false"}};
  CHECK(b.rows(changes(from, to)) == net);
  CHECK(b.rows(changes(to)) == table{{"3", "c", "DELETE", "false"}});
  CHECK(snow_bench::verdict(b.post(changes(before))) == "422 000707");
  CHECK(b.rows("SELECT ID FROM T CHANGES (INFORMATION => APPEND_ONLY) AT (TIMESTAMP => '" + from +
               "'::TIMESTAMP_LTZ) ORDER BY 1") == table{{"4"}, {"5"}});
  b.run("ALTER TABLE T ADD COLUMN G GEOGRAPHY");
  CHECK(snow_bench::verdict(b.post(changes(from, to))) == "422 000002");
  b.snow.statements().change([](auto& s) { s.geospatial_changes = true; });
  CHECK(b.rows(changes(from, to)) == net);
}

TEST_CASE("emulator: a table as it was") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(38,0), N VARCHAR)");
  b.run("INSERT INTO T VALUES (1, 'a'), (2, 'b'), (3, 'c'), (3, 'c')");
  const auto at = [&](const std::string& when) {
    return b.rows("SELECT ID, X.N FROM GRIDLIGHT.PUBLIC.T AT (TIMESTAMP => '" + when +
                  "'::TIMESTAMP_LTZ) AS X WHERE ID > 0 ORDER BY ID");
  };
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string then = mark(b);
  const table before{{"1", "a"}, {"2", "b"}, {"3", "c"}, {"3", "c"}};
  CHECK(at(then) == before);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("UPDATE T SET N = 'a2' WHERE ID = 1");
  b.run("UPDATE T SET N = 'a3' WHERE ID = 1");
  b.run("DELETE FROM T WHERE ID = 2");
  b.run("INSERT INTO T VALUES (3, 'c'), (4, 'd'), (5, 'e')");
  b.run("DELETE FROM T WHERE ID = 5");
  CHECK(at(then) == before);
  CHECK(b.rows("SELECT COUNT(*) FROM T") == table{{"5"}});
  CHECK(snow_bench::verdict(b.post("SELECT * FROM T AT (TIMESTAMP => '2020-01-01'::TIMESTAMP_LTZ)")) ==
        "422 000707");
  CHECK(snow_bench::verdict(b.post("SELECT * FROM U AT (OFFSET => -1)")) == "422 002003");
}

TEST_CASE("emulator: changes are told where they are tracked, time travel everywhere") {
  snow_bench b;
  b.snow.statements().change([](auto& s) { s.tracks_by_default = false; });
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR)");
  b.run("CREATE TABLE TRACKED (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR) CHANGE_TRACKING = TRUE");
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string from = mark(b);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("INSERT INTO T VALUES (1, 'a')");
  b.run("INSERT INTO TRACKED VALUES (1, 'a')");
  const auto of = [&](const std::string& table, const std::string& when) {
    return b.post("SELECT ID FROM " + table + " CHANGES (INFORMATION => DEFAULT) AT (TIMESTAMP => '" + when +
                  "'::TIMESTAMP_LTZ)");
  };
  CHECK(json_text{of("TRACKED", from).body}.rows() == table{{"1"}});
  const auto none = of("T", from);
  CHECK(snow_bench::verdict(none) == "422 000707");
  CHECK(json_text{none.body}.text("/message").find("Change tracking is not enabled") != std::string::npos);
  CHECK(b.rows("SELECT COUNT(*) FROM T AT (TIMESTAMP => '" + from + "'::TIMESTAMP_LTZ)") == table{{"0"}});
  b.run("ALTER TABLE T SET CHANGE_TRACKING = TRUE");
  CHECK(snow_bench::verdict(of("T", from)) == "422 000707");
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string later = mark(b);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("DELETE FROM T WHERE ID = 1");
  CHECK(json_text{of("T", later).body}.rows() == table{{"1"}});
  b.run("ALTER TABLE T SET CHANGE_TRACKING = FALSE");
  CHECK(snow_bench::verdict(of("T", later)) == "422 000707");
}

TEST_CASE("emulator: a table that is altered keeps its history") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N NUMBER(38,0))");
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  const std::string from = mark(b);
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  b.run("INSERT INTO T VALUES (1, 10)");
  b.run("ALTER TABLE T ALTER COLUMN N SET DATA TYPE VARCHAR");
  b.run("ALTER TABLE T ADD COLUMN M NUMBER");
  b.run("INSERT INTO T VALUES (2, 'x', 7)");
  CHECK(b.rows(changes(from)) == table{{"1", "10", "INSERT", "false"}, {"2", "x", "INSERT", "false"}});
  b.run("ALTER TABLE T DROP COLUMN M");
  b.run("DELETE FROM T WHERE ID = 1");
  CHECK(b.rows(changes(from)) == table{{"2", "x", "INSERT", "false"}});
  b.run("CREATE OR REPLACE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR)");
  CHECK(snow_bench::verdict(b.post(changes(from))) == "422 000707");
}

TEST_CASE("emulator: moments by number") {
  snow_bench b;
  CHECK(b.rows("SELECT DATE_PART(EPOCH_NANOSECOND, '1969-12-31 23:59:58.5'::TIMESTAMP_LTZ), "
               "DATE_PART(EPOCH_SECOND, '1970-01-01 00:01'::TIMESTAMP_NTZ), DATE_PART(year, "
               "'2026-05-01'::DATE)") == table{{"-1500000000", "60", "2026"}});
  CHECK(b.rows("SELECT TO_TIMESTAMP_LTZ(1611871777123456789, 9), TO_TIMESTAMP_NTZ(-1), "
               "TO_TIMESTAMP_NTZ('1970-01-02')") ==
        table{{"1611871777.123456000", "-1.000000000", "86400.000000000"}});
}

TEST_CASE("emulator: a stream advances when DML has consumed it") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N VARCHAR)");
  b.run("CREATE TABLE BATCH (ID NUMBER, ACTION VARCHAR)");
  b.run("CREATE OR REPLACE STREAM S ON TABLE T");
  CHECK(b.rows("SELECT SYSTEM$STREAM_HAS_DATA('S')") == table{{"false"}});
  b.run("INSERT INTO T VALUES (1, 'a')");
  CHECK(b.rows("SELECT ID, METADATA$ACTION FROM S") == table{{"1", "INSERT"}});
  CHECK(b.rows("SELECT SYSTEM$STREAM_HAS_DATA('S')") == table{{"true"}});
  CHECK(b.rows("SELECT ID FROM T CHANGES (INFORMATION => DEFAULT) AT (STREAM => 'S')") == table{{"1"}});
  b.run("INSERT INTO BATCH SELECT ID, METADATA$ACTION FROM S");
  CHECK(b.rows("SELECT * FROM BATCH") == table{{"1", "INSERT"}});
  CHECK(b.rows("SELECT ID FROM S").empty());
}

TEST_CASE("emulator: no change is lost between two marks, whoever writes meanwhile") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, N NUMBER)");
  std::string from = mark(b);
  std::atomic<bool> done{false};
  std::vector<std::thread> writers;
  for (int w = 0; w < 3; ++w)
    writers.emplace_back([&, w] {
      for (int i = 0; i < 25; ++i)
        b.db.run("BEGIN; INSERT INTO \"gridlight.public\".t SELECT " + std::to_string(1000 * w + 10 * i) +
                 " + k, k FROM generate_series(0, 2) k; SELECT pg_sleep(0.02); COMMIT");
      done = true;
    });
  std::size_t seen = 0;
  for (int after = 0; after < 3;) {
    after = done ? after + 1 : 0;
    const std::string to = mark(b);
    seen += b.rows(changes(from, to)).size();
    from = to;
  }
  for (auto& w : writers)
    w.join();
  std::this_thread::sleep_for(std::chrono::milliseconds{5});
  seen += b.rows(changes(from)).size();
  CHECK(seen == 225);
}

TEST_CASE("emulator: the demo's source tables, and a storm over them") {
  snow_bench b;
  const auto storm_once = [&] {
    test::snowflake::make_source_tables(b.db.uri(), "GRIDLIGHT", "PUBLIC", 0.001, 1);
    test::snowflake::storm s{b.db.uri(), "GRIDLIGHT", "PUBLIC", 7};
    int changed = 0;
    for (int i = 0; i < 10; ++i)
      changed += s.step(1);
    CHECK(changed > 20);
    return b.rows(
        "SELECT HASH_AGG(CIRCUIT_ID, AVG_LOAD_PERCENT), (SELECT HASH_AGG(OUTAGE_ID, STATUS, "
        "CUSTOMERS_AFFECTED) FROM"
        " OUTAGE_RESTORATION_TRACKER), (SELECT HASH_AGG(FROM_ASSET_ID, TO_ASSET_ID) FROM "
        "FLUX_OPS_CENTER_TOPOLOGY),"
        " (SELECT HASH_AGG(WORK_ORDER_ID, STATUS) FROM WORK_ORDERS) FROM CIRCUIT_METADATA");
  };
  const table once = storm_once();
  CHECK(storm_once() == once);
}

TEST_CASE("emulator: the executable says where it is, and its weather changes the tables") {
  const test::temp_db db;
  const test::temp_folder folder;
  test::emulator_process snow{{"--database-url", db.uri(), "--folder", folder.path().string(), "--tables",
                               "--scale", "0.001", "--storm", "5"}};
  CHECK(snow["key"].starts_with(folder.path().string()));
  test::client_side::client_options o;
  o.host = snow["host"];
  o.port = static_cast<std::uint16_t>(std::stoi(snow["port"]));
  o.ca_file = snow["certificate"];
  o.database = snow["database"];
  o.schema = snow["schema"];
  o.warehouse = snow["warehouse"];
  o.role = snow["role"];
  std::ifstream file{snow["key"]};
  const std::string pem{std::istreambuf_iterator<char>{file}, {}};
  auto made = test::client_side::from_key_pair({snow["account"], snow["user"], secret{pem}, {}});
  REQUIRE(made.has_value());
  const std::shared_ptr<test::client_side::credentials> who = std::move(*made);
  const auto sum = [&] {
    const auto j = test::travel(o, who, {.sql = "SELECT HASH_AGG(*), COUNT(*) FROM CIRCUIT_METADATA"});
    CHECK_MESSAGE(!j.failed, test::told(j));
    return j.rows;
  };
  const auto before = sum();
  REQUIRE(before.size() == 1);
  CHECK_FALSE(before[0].ends_with("|0"));
  auto now = before;
  for (int i = 0; i < 50 && now == before; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
    now = sum();
  }
  CHECK(now != before);
  CHECK(snow.stop() == 0);
}
