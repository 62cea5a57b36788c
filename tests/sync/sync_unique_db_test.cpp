#include <doctest/doctest.h>

#include "tests/sync/sync_snow.hpp"

using namespace gridlight;
using test::did;
using test::snow_sync;
using test::sync_bench;

namespace {

// Poles with a key, a number that is theirs alone, and a note that the source knows nothing of.
void make_poles(const test::temp_db& db) {
  db.run(
      "CREATE TABLE poles (id text PRIMARY KEY, code text UNIQUE, height int, note text DEFAULT 'none', "
      "doubled "
      "int GENERATED ALWAYS AS (height * 2) STORED, n int GENERATED ALWAYS AS IDENTITY)");
}

struct mirrored_poles {
  test::temp_db other;
  sync_bench b;

  mirrored_poles() {
    other.run(
        "CREATE TABLE poles AS SELECT 'P' || n AS id, 'c' || n AS code, n AS height FROM generate_series(1, "
        "50) n");
    make_poles(b.db);
    b.configure(
        "    poles: {mode: mirrored, source: public.poles, table: public.poles, key: id, columns: [id, code, "
        "height], connection: " +
        test::in_quotes(other.uri()) + "}\n");
    b.run("poles");
  }
  void exchange() const {
    other.run(
        "UPDATE poles SET code = CASE id WHEN 'P1' THEN 'c2' WHEN 'P2' THEN 'c3' ELSE 'c1' END, height = "
        "height + 1 "
        "WHERE id IN ('P1', 'P2', 'P3')");
  }
  std::string sum(const test::temp_db& db) const {
    return db.value("SELECT string_agg(concat_ws(' ', id, code, height), ', ' ORDER BY id) FROM poles");
  }
};

const std::string poles =
    "    poles: {source: POLES, table: public.poles, key: id, columns: [id, code, height], timezone: UTC, "
    "mode: ";

void make_source(snow_sync& s) {
  s.run(
      "CREATE TABLE POLES (ID VARCHAR NOT NULL PRIMARY KEY, CODE VARCHAR, HEIGHT NUMBER(9,0), AT "
      "TIMESTAMP_LTZ) "
      "CHANGE_TRACKING = TRUE");
  s.run(
      "INSERT INTO POLES (ID, CODE, HEIGHT, AT) VALUES ('P1', 'c1', 1, '2026-01-01'), ('P2', 'c2', 2, "
      "'2026-01-01'), "
      "('P3', 'c3', 3, '2026-01-01')");
  make_poles(s.bench.db);
  s.bench.run("poles");
  s.bench.db.run("UPDATE poles SET note = 'of ' || id");
}
std::string served(const snow_sync& s) {
  return s.bench.db.value(
      "SELECT string_agg(concat_ws(' ', id, code, height, note), ', ' ORDER BY id) FROM poles");
}

}  // namespace

TEST_CASE(
    "rows that exchange what only one of them may hold are merged, and keep what the source does not say") {
  mirrored_poles m;
  m.b.db.run("UPDATE poles SET note = 'of ' || id");
  const std::string kept = "SELECT string_agg(concat_ws(' ', id, note, n), ', ' ORDER BY id) FROM poles";
  const std::string before = m.b.db.value(kept);
  m.exchange();
  CHECK(did(m.b.run("poles")) == "merged +0 ~3 -0 =50");
  CHECK(m.b.last_run("rows_written, rows_deleted, status") == "3 0 success");
  CHECK(m.sum(m.b.db) == m.sum(m.other));
  CHECK(m.b.db.value(kept) == before);
  CHECK(m.b.db.value("SELECT bool_and(doubled = 2 * height) FROM poles") == "t");
  m.other.run(
      "DELETE FROM poles WHERE id = 'P9'; UPDATE poles SET code = 'c9' WHERE id = 'P8'; "
      "INSERT INTO poles VALUES ('new', 'c8', 5)");
  CHECK(did(m.b.run("poles")) == "merged +1 ~1 -1 =50");
  CHECK(m.sum(m.b.db) == m.sum(m.other));
}

TEST_CASE("rows that others refer to are not taken out for that: the run says what stands in its way") {
  mirrored_poles m;
  m.b.db.run(
      "CREATE TABLE lamps (pole text REFERENCES poles ON DELETE CASCADE); INSERT INTO lamps VALUES ('P1')");
  const std::string before = m.sum(m.b.db);
  m.exchange();
  const auto out = m.b.try_run("poles");
  REQUIRE(out.has_error());
  CHECK(out.error().log_detail.find("poles_code_key") != std::string::npos);
  CHECK(m.sum(m.b.db) == before);
  CHECK(m.b.db.value("SELECT count(*) FROM lamps") == "1");
}

TEST_CASE("watermark: rows that exchange a value, or take that of a row that is gone, are merged") {
  snow_sync s{poles + "watermark, watermark: AT, overlap: 0s}\n"};
  make_source(s);
  s.run(
      "UPDATE POLES SET CODE = CASE ID WHEN 'P1' THEN 'c2' ELSE 'c1' END, AT = '2026-01-02' WHERE ID <> "
      "'P3'");
  CHECK(did(s.bench.run("poles")) == "merged +0 ~2 -0 =3");
  CHECK(s.bench.last_run("mode, rows_written") == "watermark 2");
  CHECK(served(s) == "P1 c2 1 of P1, P2 c1 2 of P2, P3 c3 3 of P3");
  // That one has gone only a look at all rows tells.
  s.run("DELETE FROM POLES WHERE ID = 'P3'");
  s.run("INSERT INTO POLES (ID, CODE, HEIGHT, AT) VALUES ('P4', 'c3', 4, '2026-01-03')");
  CHECK(did(s.bench.run("poles")) == "merged +1 ~0 -1 =3");
  CHECK(s.bench.last_run("mode, rows_written, rows_deleted") == "full 1 1");
  CHECK(served(s) == "P1 c2 1 of P1, P2 c1 2 of P2, P4 c3 4 none");
}

TEST_CASE("changes: rows that exchange a value are merged") {
  snow_sync s{poles + "changes}\n"};
  make_source(s);
  s.run("UPDATE POLES SET CODE = CASE ID WHEN 'P1' THEN 'c3' ELSE 'c1' END WHERE ID <> 'P2'");
  s.run("DELETE FROM POLES WHERE ID = 'P2'");
  CHECK(did(s.bench.run("poles")) == "merged +0 ~2 -1 =2");
  CHECK(s.bench.last_run("mode, rows_written, rows_deleted") == "changes 2 1");
  CHECK(served(s) == "P1 c3 1 of P1, P3 c1 3 of P3");
}

TEST_CASE("bad rows are found whatever the columns are called") {
  test::temp_db other;
  sync_bench b;
  const std::string columns = "(place text, ordinal int, key text, other int, nth int, bad bool";
  other.run("CREATE TABLE odd " + columns +
            "); INSERT INTO odd VALUES ('a', 1, 'k', 1, 1), ('a', 1, 'l', 2, 2), ('b', -1, 'k', 1, 1), ('c', "
            "2, NULL, NULL, NULL)");
  b.db.run("CREATE TABLE odd " + columns +
           ", PRIMARY KEY (place, ordinal), CONSTRAINT pos CHECK (ordinal > 0 AND tableoid > 0))");
  b.configure(
      "    odd: {mode: mirrored, source: public.odd, table: public.odd, key: [place, ordinal], max_errors: "
      "2, "
      "connection: " +
      test::in_quotes(other.uri()) + "}\n");
  CHECK(did(b.run("odd")) == "merged +2 ~0 -0 =2");
  CHECK(b.db.value("SELECT string_agg(concat_ws(' ', place, key, nth), ', ' ORDER BY place) FROM odd") ==
        "a k 1, c");
  CHECK(b.db.value("SELECT string_agg(concat_ws(': ', key, reason), '; ' ORDER BY reason) FROM "
                   "gridlight.sync_error") == "a, 1: duplicate \"place\", \"ordinal\"; violates pos");
}
