#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/support/soak.hpp"
#include "tests/sync/changes_support.hpp"

using namespace gridlight;
using test::last;
using test::migrate;
using test::version;

namespace {

using place = std::pair<int, int>;  // in thousandths of a degree
using table = std::vector<std::vector<std::string>>;

std::set<place> places(const test::temp_db& db, const std::string& layer, std::int64_t version) {
  std::set<place> out;
  for (const auto& row :
       db.rows("SELECT DISTINCT round(ST_XMin(d.geom) * 1000)::int, round(ST_YMin(d.geom) * 1000)::int,"
               " ST_XMin(d.geom) = ST_XMax(d.geom) AND ST_YMin(d.geom) = ST_YMax(d.geom)"
               " FROM gridlight.layer_change c, ST_Dump(c.envelope) d WHERE NOT ST_IsEmpty(d.geom) AND layer "
               "= '" +
               layer + "' AND version = " + std::to_string(version))) {
    CHECK(row[2] == "t");
    out.insert({std::stoi(row[0]), std::stoi(row[1])});
  }
  return out;
}

std::string thousandths(int n) {
  return "(" + std::to_string(n) + "::float8 / 1000)";
}

// Writes at random what it remembers, too.
struct writer {
  struct row {
    place at;
    int age = 0;
    bool placed = true;
  };
  std::mt19937 random;
  std::map<int, row> rows;
  std::set<place> touched;  // by the transaction
  bool changed = false;
  int next = 0;

  int pick(int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); }
  place anywhere() { return {-96000 + pick(2000), 29000 + pick(1500)}; }

  void touch(const row& r) {
    changed = true;
    if (r.placed) touched.insert(r.at);
  }

  std::string insert() {
    std::string sql;
    for (int n = 1 + pick(5); n > 0; --n) {
      const row r{anywhere(), pick(40), pick(8) != 0};
      sql +=
          (sql.empty() ? "INSERT INTO transformers (transformer_id, longitude, latitude, age_years) VALUES ("
                       : ", (") +
          std::string{"'"} + std::to_string(next) + "', " + thousandths(r.at.first) + ", " +
          (r.placed ? thousandths(r.at.second) : "NULL") + ", " + std::to_string(r.age) + ")";
      touch(rows[next++] = r);
    }
    return sql;
  }

  // Of some rows: one in `part` of all ids.
  template <class Change>
  std::string statement(const std::string& head, const std::string& tail, Change change) {
    const int part = 1 + pick(4), rest = pick(part);
    for (auto it = rows.begin(); it != rows.end();) {
      const auto here = it++;
      if (here->first % part == rest) change(here);
    }
    return head + " WHERE transformer_id::int % " + std::to_string(part) + " = " + std::to_string(rest) +
           tail;
  }

  // Up to 64 places of a statement are told each for itself.
  std::string any() {
    const int third = pick(3);
    switch (rows.size() > 25 ? 5 : pick(6)) {
      case 0:
      case 1:
        return insert();
      case 2:
        return statement("UPDATE transformers SET longitude = longitude + 0.005", "", [&](auto it) {
          touch(it->second);
          it->second.at.first += 5;
          touch(it->second);
        });
      case 3: {
        const int age = pick(3);
        return statement("UPDATE transformers SET age_years = " + std::to_string(age), "", [&](auto it) {
          if (it->second.age == age) return;
          it->second.age = age;
          touch(it->second);
        });
      }
      case 4:
        return statement("UPDATE transformers SET age_years = age_years", "", [](auto) {});
      default:
        return statement("DELETE FROM transformers",
                         " AND transformer_id::int / 7 % 3 = " + std::to_string(third), [&](auto it) {
                           if (it->first / 7 % 3 != third) return;
                           touch(it->second);
                           rows.erase(it);
                         });
    }
  }
};

}  // namespace

TEST_CASE("after every commit the change rows are the old and the new places, and the version is one more") {
  const test::temp_db db;
  migrate(db);
  db.run("UPDATE gridlight.layer_state SET row_count = 0 WHERE layer = 'transformers'");
  const auto seed = static_cast<unsigned>(test::chosen_seed());
  CAPTURE(seed);
  writer w{std::mt19937{seed}, {}, {}, false, 0};
  // Were the first rows without a place, the bounds would stay unknown.
  db.run(
      "INSERT INTO transformers (transformer_id, longitude, latitude, age_years) VALUES ('0', -95, 29.5, 1)");
  w.rows[w.next++] = {{-95000, 29500}, 1, true};
  std::int64_t before = version(db, "transformers");
  for (int n = 0; n < 120; ++n) {
    w.touched.clear();
    w.changed = false;
    std::string sql = "BEGIN; ";
    for (int count = 1 + w.pick(4); count > 0; --count) {
      if (w.pick(4) == 0) {
        const auto kept = w;
        sql += "SAVEPOINT s; " + w.any() + "; ROLLBACK TO s; ";
        const auto random = w.random;
        w = kept;
        w.random = random;
      }
      sql += w.any() + "; ";
    }
    CAPTURE(sql);
    db.run(sql + "COMMIT");
    const std::int64_t after = version(db, "transformers");
    CHECK(after == before + (w.changed ? 1 : 0));
    if (w.changed) CHECK(places(db, "transformers", after) == w.touched);
    before = after;
  }
  CHECK(db.value("SELECT count(*) FROM transformers") == std::to_string(w.rows.size()));
  CHECK(db.value("SELECT row_count = (SELECT count(*) FROM transformers) AND coalesce(bounds ~ (SELECT "
                 "ST_Extent(geom)::geometry FROM transformers), NOT EXISTS (SELECT FROM transformers WHERE "
                 "geom IS NOT NULL)) FROM gridlight.layer_state WHERE layer = 'transformers'") == "t");
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE version IS NULL") == "0");
}

TEST_CASE("writers at once lose no version and do not wait for each other's transactions in a ring") {
  const test::temp_db db;
  migrate(db);
  std::vector<std::string> errors(8);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      std::string sql;
      for (int n = 0; n < 50; ++n) {
        const std::string id = "'" + std::to_string(t * 100 + n) + "'";
        const std::string a =
            "INSERT INTO substations (substation_id, longitude, latitude) VALUES (" + id + ", 1, 1); ";
        const std::string b =
            "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES (" + id + ", 'c" +
            std::to_string(n % 3) + "', '" + (n % 2 == 0 ? "ACTIVE" : "RESTORED") + "'); ";
        sql += "BEGIN; " + (t % 2 == 0 ? a + b : b + a) + "COMMIT; ";
      }
      try {
        db.run(sql);
      } catch (const std::exception& e) {
        errors[static_cast<std::size_t>(t)] = e.what();
      }
    });
  for (auto& thread : threads)
    thread.join();
  for (const std::string& error : errors)
    CHECK(error == "");
  for (const std::string layer : {"substations", "outages"}) {
    CHECK(version(db, layer) == 401);
    CHECK(db.value("SELECT count(DISTINCT version) FROM gridlight.layer_change WHERE layer = '" + layer +
                   "'") == "400");
    CHECK(db.value("SELECT count(*) FROM (SELECT at < lag(at) OVER (ORDER BY version) AS back FROM"
                   " gridlight.layer_change WHERE layer = '" +
                   layer + "') x WHERE back") == "0");
  }
  CHECK(db.value("SELECT condition FROM gridlight.circuit_condition WHERE circuit_id = 'c0'") == "outage");
}

TEST_CASE("an open transaction holds up no other writer of its layer") {
  const test::temp_db db;
  migrate(db);
  std::thread slow([&] {
    db.run("BEGIN; INSERT INTO substations (substation_id) VALUES ('slow'); SELECT pg_sleep(1.5); COMMIT");
  });
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  const auto start = std::chrono::steady_clock::now();
  db.run("INSERT INTO substations (substation_id) VALUES ('quick')");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::milliseconds{900});
  CHECK(version(db, "substations") == 2);
  slow.join();
  CHECK(version(db, "substations") == 3);
}

TEST_CASE("rows without a place, a rollback, and TRUNCATE") {
  const test::temp_db db;
  migrate(db);
  db.run("INSERT INTO substations (substation_id) VALUES ('a')");
  CHECK(last(db, "substations") == "POLYGON EMPTY");
  db.run("BEGIN; INSERT INTO substations (substation_id) VALUES ('b'); ROLLBACK");
  db.run("UPDATE substations SET capacity_mva = 1 WHERE substation_id = 'nobody'");
  CHECK(version(db, "substations") == 2);
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change") == "1");
  db.run(
      "BEGIN; INSERT INTO substations (substation_id, longitude, latitude) VALUES ('c', 1, 2); TRUNCATE "
      "substations;"
      "INSERT INTO substations (substation_id, longitude, latitude) VALUES ('d', 3, 4); COMMIT");
  CHECK(version(db, "substations") == 3);
  CHECK(last(db, "substations").find("everything") != std::string::npos);
  CHECK(
      db.rows("SELECT row_count, ST_AsText(bounds) FROM gridlight.layer_state WHERE layer = 'substations'") ==
      table{{"1", "POINT(3 4)"}});
  // Not a number is nowhere.
  db.run("INSERT INTO substations (substation_id, longitude, latitude) VALUES ('e', 'NaN', 4)");
  CHECK(last(db, "substations") == "POLYGON EMPTY");
}

TEST_CASE("many rows make at most 64 boxes, of places near each other; many statements are put together") {
  const test::temp_db db;
  migrate(db);
  db.run(
      "INSERT INTO substations (substation_id, longitude, latitude) SELECT n, -95 + n * 1e-5 + n % 2 * 10, 29"
      " FROM generate_series(1, 5000) n");
  CHECK(db.value("SELECT ST_NumGeometries(envelope) BETWEEN 2 AND 64 FROM gridlight.layer_change") == "t");
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change c, ST_Dump(c.envelope) d"
                 " WHERE d.geom && ST_MakeEnvelope(-94, 0, -86, 90, 4326)") == "0");
  std::string sql = "BEGIN; ";
  for (int n = 0; n < 100; ++n)
    sql += "UPDATE substations SET capacity_mva = 7 WHERE substation_id = '" + std::to_string(n + 1) + "'; ";
  db.run(sql + "COMMIT");
  CHECK(version(db, "substations") == 3);
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE version = 3") == "1");
  CHECK(db.value("SELECT bool_and(EXISTS (SELECT FROM gridlight.layer_change c, ST_Dump(c.envelope) d WHERE "
                 "c.version = 3"
                 " AND d.geom ~ s.geom)) FROM substations s WHERE capacity_mva = 7") == "t");
}

TEST_CASE(
    "tables of other schemas, names to be quoted, places as pairs, geography, none; views are refused") {
  const test::temp_db db;
  migrate(db);
  db.run(
      R"(CREATE SCHEMA "Th eirs"; CREATE TABLE "Th eirs"."O'd d" ("Id" int, gridlight_row json, "Geo m" geography(Point));
            CREATE TABLE pairs (id int, "Lon" numeric, lat real); CREATE TABLE plain (n text);
            CREATE VIEW seen AS SELECT * FROM plain;
            SELECT gridlight.watch('odd', '"Th eirs"."O''d d"', '"Geo m"');
            SELECT gridlight.watch('pairs', 'pairs', 'ST_MakePoint("Lon", lat)'), gridlight.watch('plain', 'plain', NULL))");
  CHECK_THROWS(db.run("SELECT gridlight.watch('seen', 'seen', NULL)"));
  CHECK_THROWS(db.run("SELECT gridlight.watch('plain', 'plain', 'nosuch')"));
  db.run(R"(INSERT INTO "Th eirs"."O'd d" VALUES (1, '{}', 'POINT(1 2)'))");
  CHECK(last(db, "odd") == "POLYGON((1 2,1 2,1 2,1 2,1 2))");
  db.run(R"(UPDATE "Th eirs"."O'd d" SET gridlight_row = '{}')");
  CHECK(version(db, "odd") == 1);
  db.run(R"(UPDATE "Th eirs"."O'd d" SET gridlight_row = '[]')");
  CHECK(version(db, "odd") == 2);
  db.run("INSERT INTO pairs VALUES (1, 5, 6); INSERT INTO plain VALUES ('x')");
  CHECK(last(db, "pairs") == "POLYGON((5 6,5 6,5 6,5 6,5 6))");
  CHECK(last(db, "plain") == "POLYGON EMPTY");
  // A geometry that is gone keeps nobody from writing.
  db.run("ALTER TABLE pairs RENAME COLUMN lat TO latitude; INSERT INTO pairs VALUES (2, 5, 6)");
  CHECK(last(db, "pairs") == "everything");
}

TEST_CASE("a writer needs no rights on gridlight's tables, and a search path of its own changes nothing") {
  const test::temp_db db;
  migrate(db);
  const test::temp_role role{db};
  db.run("GRANT SELECT, INSERT ON substations TO " + role.name() + "; SET ROLE " + role.name() +
         "; SET search_path = pg_temp; INSERT INTO public.substations (substation_id) VALUES ('a')");
  CHECK(version(db, "substations") == 2);
}

TEST_CASE("old change rows go, and the floor says so; the last hour and the last 1,000 versions stay") {
  const test::temp_db db;
  migrate(db);
  db.run(
      "INSERT INTO gridlight.layer_change (layer, version, at) SELECT 'water', n, now() - interval '2 hours'"
      " FROM generate_series(2, 2047) n; UPDATE gridlight.layer_state SET version = 2047 WHERE layer = "
      "'water'");
  db.run("UPDATE gridlight.layer_change SET at = now() WHERE version > 1040");
  db.run("SELECT gridlight.changed('water', NULL)");
  CHECK(db.rows("SELECT version, change_floor FROM gridlight.layer_state WHERE layer = 'water'") ==
        table{{"2048", "1040"}});
  CHECK(db.value("SELECT min(version) FROM gridlight.layer_change WHERE layer = 'water'") == "1041");
}

TEST_CASE("of a busy hour no more is kept than a server that starts reads in a moment") {
  const test::temp_db db;
  migrate(db);
  const auto log = [&](const std::string& layer) {
    return db.rows(
        "SELECT version, change_floor, (SELECT count(*) FROM gridlight.layer_change c WHERE c.layer = "
        "s.layer AND c.version > s.change_floor) FROM gridlight.layer_state s WHERE layer = '" +
        layer + "'");
  };
  db.run(
      "INSERT INTO gridlight.layer_change (layer, version, envelope) SELECT 'water', n, ST_MakeEnvelope(1, "
      "2, 3, 4, "
      "4326) FROM generate_series(2, 20031) n; UPDATE gridlight.layer_state SET version = 20031 WHERE layer "
      "= "
      "'water'; SELECT gridlight.changed('water', NULL)");
  CHECK(log("water") == table{{"20032", "15936", "4096"}});
  // The rows go in portions, so that no writer has to delete them all.
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE layer = 'water'") == "11839");
  db.run(
      "INSERT INTO gridlight.layer_change (layer, version, envelope) SELECT 'buildings', n, (SELECT "
      "ST_Collect(ST_MakeEnvelope(i, i, i + 1, i + 1, 4326)) FROM generate_series(1, 64) i) FROM "
      "generate_series(2, 1022) n; UPDATE gridlight.layer_state SET version = 1023 WHERE layer = 'buildings';"
      "SELECT gridlight.changed('buildings', ST_MakeEnvelope(1, 2, 3, 4, 4326))");
  CHECK(log("buildings") == table{{"1024", "767", "256"}});
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE layer = 'buildings'") == "256");
}

TEST_CASE(
    "what is written into a partition by its own name is told of the layer; watch finds new partitions") {
  const test::temp_db db;
  migrate(db);
  db.run(R"(
    CREATE TABLE poles (id int, geom geometry(Point, 4326)) PARTITION BY RANGE (id);
    CREATE TABLE "p One" PARTITION OF poles FOR VALUES FROM (0) TO (10);
    CREATE TABLE two PARTITION OF poles FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
    CREATE TABLE two_a PARTITION OF two FOR VALUES FROM (10) TO (15);
    INSERT INTO gridlight.layer_state (layer, version, changed_at, row_count) VALUES ('poles', 1, now(), 0);
    SELECT gridlight.watch('poles', 'poles', 'geom'))");
  CHECK(version(db, "poles") == 2);
  CHECK(last(db, "poles") == "everything");
  const auto point = [](int x) { return "'SRID=4326;POINT(" + std::to_string(x) + " 1)'"; };
  const auto told = [](int x) {
    const std::string at = std::to_string(x) + " 1";
    return "POLYGON((" + at + "," + at + "," + at + "," + at + "," + at + "))";
  };
  int x = 0;
  for (const char* table : {"\"p One\"", "poles", "two", "two_a", "poles"}) {
    CAPTURE(table);
    const std::int64_t before = version(db, "poles");
    ++x;
    db.run("INSERT INTO " + std::string{table} + " VALUES (" + std::to_string(x < 3 ? x : 10 + x % 5) + ", " +
           point(x) + ")");
    CHECK(version(db, "poles") == before + 1);
    CHECK(last(db, "poles") == told(x));  // once
  }
  CHECK(db.value("SELECT row_count FROM gridlight.layer_state WHERE layer = 'poles'") == "5");
  db.run("TRUNCATE two_a");
  CHECK(last(db, "poles") == "everything");
  CHECK(db.value("SELECT row_count FROM gridlight.layer_state WHERE layer = 'poles'") == "NULL");
  db.run("TRUNCATE poles");
  CHECK(version(db, "poles") == 9);
  CHECK(db.value("SELECT count(*) FROM gridlight.layer_change WHERE version IS NULL") == "0");

  db.run(
      "CREATE TABLE later PARTITION OF poles FOR VALUES FROM (20) TO (30); INSERT INTO later VALUES (21, " +
      point(21) + ")");
  CHECK(version(db, "poles") == 9);
  CHECK(db.value("SELECT string_agg(u::text, ',') FROM gridlight.unwatched('poles') u") == "later");
  db.run("SELECT gridlight.watch('poles', 'poles', 'geom')");
  CHECK(version(db, "poles") == 10);  // it may have been written before
  db.run("INSERT INTO later VALUES (22, " + point(22) + ")");
  CHECK(last(db, "poles") == told(22));
  db.run("SELECT gridlight.watch('poles', 'poles', 'geom')");
  CHECK(version(db, "poles") == 11);
}
