#include <doctest/doctest.h>

#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::snow_sync;
using test::sync_bench;

TEST_CASE("the largest numbers of JSON, the day's end and the greatest float come as they are") {
  const std::string table = "CREATE TABLE readings (id text PRIMARY KEY, a jsonb, b json, t time, f float4)";
  test::temp_db other;
  other.run(table);
  other.run(
      "INSERT INTO readings VALUES ('big', '{\"a\":12345678901234567890123456789012345678}', "
      "'[123456789012345678901234567890, 1e400]', '24:00:00', '3.4028235e38'), ('bigger', '[1e400, "
      "-1e-400]', "
      "'1e200000', '23:59:59.999999', '-3.4028235e38'), ('plain', '{\"01\": \"\\\"-\"}', '-0.5e3', '00:00', "
      "'Infinity'), ('most', ('1' || repeat('0', 131071))::jsonb, ('0.' || repeat('0', 16382) || '1')::json, "
      "NULL, "
      "NULL)");
  sync_bench b;
  b.db.run(table);
  b.configure(
      "    readings: {mode: mirrored, source: public.readings, table: public.readings, key: id, "
      "connection: " +
      test::in_quotes(other.uri()) + "}\n");
  CHECK(b.run("readings").inserted == 4);
  const std::string all = "SELECT md5(string_agg(ROW(r.*)::text, '|' ORDER BY id)) FROM readings r";
  CHECK(b.db.value(all) == other.value(all));
  CHECK(b.db.value("SELECT t FROM readings WHERE id = 'big'") == "24:00:00");
}

TEST_CASE("a VARIANT's number of 38 digits comes as it is") {
  snow_sync s{"    readings: {source: READINGS, table: public.readings, key: id, mode: full}\n"};
  s.bench.db.run("CREATE TABLE readings (id text PRIMARY KEY, a jsonb)");
  s.run("CREATE TABLE READINGS (ID VARCHAR, A VARIANT)");
  s.run("INSERT INTO READINGS SELECT '1', PARSE_JSON('{\"a\":12345678901234567890123456789012345678}')");
  CHECK(s.bench.run("readings").inserted == 1);
  CHECK(s.bench.db.value("SELECT a->>'a' FROM readings") == "12345678901234567890123456789012345678");
}
