#include <doctest/doctest.h>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::did;
using test::sync_bench;

namespace {

// A source in another database, and the layer of substations kept from it.
struct mirror {
  test::temp_db other;
  sync_bench bench;

  explicit mirror(const std::string& keys = {}) {
    other.run(
        "CREATE TABLE stations (\"SUBSTATION_ID\" text, substation_name text, latitude float8, longitude "
        "float8, "
        "capacity_mva float8, voltage_level text, commissioned_date date, operational_status text)");
    bench.configure("    substations: {mode: mirrored, source: public.stations, batch_size: 7, connection: " +
                    test::in_quotes(other.uri()) + keys + "}\n");
  }
  void fill(int from, int to) const {
    other.run(
        "INSERT INTO stations SELECT 'S' || n, 'name ' || n, 29 + n * 0.0001, -95 - n * 0.0001, n, '138kV', "
        "'2001-02-03'::date + n, 'ACTIVE' FROM generate_series(" +
        std::to_string(from) + ", " + std::to_string(to) + ") n");
  }
  std::string source_sum() const {
    return other.value(
        "SELECT md5(string_agg(ROW(s.*)::text, '|' ORDER BY \"SUBSTATION_ID\" COLLATE \"C\")) FROM stations "
        "s");
  }
  std::string served_sum() const {
    return bench.db.value(
        "SELECT md5(string_agg(ROW(substation_id, substation_name, latitude, longitude, capacity_mva, "
        "voltage_level, "
        "commissioned_date, operational_status)::text, '|' ORDER BY substation_id)) FROM substations");
  }
};

}  // namespace

TEST_CASE("a full run: swapped when much differs, merged when little does, nothing when nothing does") {
  mirror m;
  m.fill(1, 3000);
  CHECK(did(m.bench.run("substations")) == "swapped +3000 ~0 -0 =3000");
  CHECK(m.served_sum() == m.source_sum());
  const std::string first = m.bench.version("substations");
  CHECK(m.bench.last_run(
            "status, rows_read, rows_written, rows_deleted, rows_rejected, mode, fencing_token > 0") ==
        "success 3000 3000 0 0 mirrored t");
  CHECK(
      m.bench.db.value("SELECT row_count || ' ' || (source_synced_at IS NOT NULL) FROM gridlight.layer_state "
                       "WHERE layer = 'substations'") == "3000 true");

  const std::string synced = "SELECT source_synced_at FROM gridlight.layer_state WHERE layer = 'substations'";
  const std::string before = m.bench.db.value(synced);
  CHECK(did(m.bench.run("substations")) == "nothing changed +0 ~0 -0 =3000");
  CHECK(m.bench.version("substations") == first);  // no version for nothing
  CHECK(m.bench.db.value(synced) != before);       // but it is known to be fresh

  m.other.run(
      "UPDATE stations SET capacity_mva = -1 WHERE \"SUBSTATION_ID\" IN ('S7', 'S8'); "
      "DELETE FROM stations WHERE \"SUBSTATION_ID\" = 'S9'");
  m.fill(3001, 3004);
  const std::string oid = m.bench.db.value("SELECT 'substations'::regclass::oid");
  CHECK(did(m.bench.run("substations")) == "merged +4 ~2 -1 =3003");
  CHECK(m.bench.db.value("SELECT 'substations'::regclass::oid") == oid);
  CHECK(m.served_sum() == m.source_sum());
  CHECK(m.bench.version("substations") == std::to_string(std::stoi(first) + 1));  // one, for all of it
  CHECK(m.bench.last_run("status, rows_written, rows_deleted") == "success 6 1");
  CHECK(m.bench.left_over() == "0");
}

TEST_CASE("a dry run says what would change and leaves no trace") {
  mirror m;
  m.fill(1, 20);
  sync::run_options dry;
  dry.dry_run = dry.checksums = true;
  const auto out = m.bench.run("substations", dry);
  CHECK(did(out) == "nothing was changed +20 ~0 -0 =0");
  CHECK(out.source_checksum != out.live_checksum);
  CHECK(m.bench.db.value("SELECT count(*) FROM gridlight.sync_run") == "0");
  CHECK(m.bench.left_over() == "0");
  m.bench.run("substations");
  const auto same = m.bench.run("substations", dry);
  CHECK(same.did == "nothing would change");
  CHECK(same.source_checksum == same.live_checksum);
}

TEST_CASE("the shrink guard refuses, but for a run that is told otherwise") {
  mirror m;
  m.fill(1, 100);
  m.bench.run("substations");
  m.other.run("DELETE FROM stations WHERE substation_name > 'name 5'");
  const std::string sum = m.served_sum();
  CHECK(m.bench.fail("substations").find("would be left of 100, which is less than 80 %") !=
        std::string::npos);
  CHECK(m.served_sum() == sum);
  CHECK(m.bench.last_run("status, rows_written, rows_deleted") == "failed 0 0");
  CHECK(m.bench.last_run("error").find("--allow-shrink") != std::string::npos);
  CHECK(m.bench.left_over() == "0");
  sync::run_options shrink;
  shrink.allow_shrink = true;
  m.bench.run("substations", shrink);
  CHECK(m.served_sum() == m.source_sum());
}

TEST_CASE("where the guard is off, no rows at all is what the source counts, too") {
  mirror m{", min_share: 0"};
  m.fill(1, 10);
  m.bench.run("substations");
  m.other.run("DELETE FROM stations");
  CHECK(did(m.bench.run("substations")) == "merged +0 ~0 -10 =0");
}

TEST_CASE("bad rows are left out up to the limit, and told of") {
  mirror m{", max_errors: 3"};
  m.fill(1, 10);
  m.other.run(
      "INSERT INTO stations VALUES ('X1', 'x', 91, 0), (NULL, 'no key', 1, 1), ('S3', 'twice', 1, 1)");
  CHECK(did(m.bench.run("substations")) == "merged +10 ~0 -0 =10");
  CHECK(m.bench.last_run("status, rows_read, rows_written, rows_rejected") == "success 13 10 3");
  CHECK(
      m.bench.db.value(
          "SELECT string_agg(coalesce(key, '-') || ': ' || reason, ' | ' ORDER BY error_id) FROM "
          "gridlight.sync_error") ==
      "X1: latitude: \"91\" is no latitude | -: substation_id: is missing | S3: duplicate \"substation_id\"");
  CHECK(m.bench.db.value("SELECT payload->>'substation_name' FROM gridlight.sync_error WHERE key = 'X1'") ==
        "x");
  m.other.run("INSERT INTO stations VALUES ('X2', 'x', 91, 0)");
  CHECK(m.bench.fail("substations").find("4 bad rows where at most 3 may be (max_errors); the first, X1") !=
        std::string::npos);
  CHECK(m.bench.db.value("SELECT count(*) FROM substations") == "10");
  CHECK(m.bench.last_run("status, rows_rejected") == "failed 4");
}

TEST_CASE("columns that differ are refused by name; new ones are ignored, added or refused by policy") {
  mirror m;
  m.fill(1, 10);
  m.bench.run("substations");
  m.other.run("ALTER TABLE stations ADD COLUMN \"OWNER\" text DEFAULT 'city', ADD COLUMN size numeric(6,2)");
  CHECK(did(m.bench.run("substations")) == "nothing changed +0 ~0 -0 =10");
  const std::string base = "    substations: {mode: mirrored, source: public.stations, connection: " +
                           test::in_quotes(m.other.uri()) + ", new_columns: ";
  m.bench.configure(base + "refuse}\n");
  CHECK(m.bench.fail("substations")
            .find("the source has a new column OWNER (text); the source has a new column "
                  "size (numeric(6,2))") != std::string::npos);
  m.bench.configure(base + "add}\n");
  CHECK(did(m.bench.run("substations")) == "merged +0 ~10 -0 =10");
  CHECK(m.bench.db.value("SELECT owner || ' ' || pg_typeof(size) FROM substations LIMIT 1") ==
        "city numeric");
  m.other.run(
      "ALTER TABLE stations DROP COLUMN voltage_level, ALTER latitude TYPE text USING latitude::text");
  CHECK(m.bench.fail("substations").find("the source has no column voltage_level") != std::string::npos);
  m.other.run("ALTER TABLE stations ADD COLUMN voltage_level text");
  CHECK(m.bench.fail("substations")
            .find("\"latitude\" is text (text), which latitude (double precision) cannot "
                  "take") != std::string::npos);
  CHECK(m.bench.db.value("SELECT count(*) FROM substations") == "10");
}

TEST_CASE("columns, transform and a table without a layer") {
  mirror m;
  m.fill(1, 10);
  m.bench.db.run("CREATE TABLE places (id text PRIMARY KEY, label text, note text DEFAULT 'mine')");
  m.bench.configure(
      "    places:\n      mode: mirrored\n      table: public.places\n      key: id\n      connection: " +
      test::in_quotes(m.other.uri()) +
      "\n      transform: SELECT \"SUBSTATION_ID\" AS id, substation_name FROM stations WHERE capacity_mva "
      "< 5\n"
      "      columns: {label: upper(substation_name)}\n");
  CHECK(did(m.bench.run("places")) == "merged +4 ~0 -0 =4");
  CHECK(m.bench.db.value("SELECT string_agg(id || label || note, ',' ORDER BY id) FROM places") ==
        "S1NAME 1mine,S2NAME 2mine,S3NAME 3mine,S4NAME 4mine");
}

TEST_CASE("a run whose lease was taken over changes nothing") {
  mirror m;
  m.fill(1, 10);
  sync::run_options old;
  old.token = m.bench.take_lease();
  m.bench.take_lease();
  for (const int rows : {10, 3000}) {  // merged, swapped
    if (rows > 10) m.fill(11, rows);
    CHECK(m.bench.fail("substations", old) ==
          "another instance has taken over the sync: nothing was changed");
    CHECK(m.bench.db.value("SELECT count(*) FROM substations") == "0");
    CHECK(m.bench.last_run("status") == "failed");
    CHECK(m.bench.left_over() == "0");
  }
}

TEST_CASE("a table that a swap cannot carry all of is swapped by nobody, and merged when told to") {
  mirror m;
  m.fill(1, 3000);
  m.bench.db.run("CREATE MATERIALIZED VIEW mine AS SELECT * FROM substations");
  CHECK(m.bench.fail("substations").find("materialized view mine; drop them, or set swap: merge") !=
        std::string::npos);
  CHECK(m.bench.left_over() == "0");
  m.bench.configure("    substations: {mode: mirrored, source: public.stations, swap: merge, connection: " +
                    test::in_quotes(m.other.uri()) + "}\n");
  CHECK(did(m.bench.run("substations")) == "merged +3000 ~0 -0 =3000");
  CHECK(m.bench.db.value("REFRESH MATERIALIZED VIEW mine; SELECT count(*) FROM mine") == "3000");
}

TEST_CASE("runs set up no session: they work as behind a pooler") {
  mirror m;
  m.bench.settings.postgres.pooled = true;
  m.fill(1, 3000);
  CHECK(did(m.bench.run("substations")) == "swapped +3000 ~0 -0 =3000");
  m.fill(3001, 3002);
  CHECK(did(m.bench.run("substations")) == "merged +2 ~0 -0 =3002");
  CHECK(m.served_sum() == m.source_sum());
}
