#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/support/soak.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::sync_bench;

namespace {

struct seen_places {
  test::temp_db other;
  sync_bench b;

  seen_places() {
    test::mirror_places(b, other);
    other.run("INSERT INTO stations SELECT 'S' || n, 'g0', 29, -95 FROM generate_series(1, 3000) n");
    b.run("places");
    b.db.run(
        "CREATE VIEW a AS SELECT substation_id AS id, substation_name AS name FROM places; "
        "CREATE VIEW z AS SELECT a.id, p.substation_name AS name, a.name AS again FROM a JOIN places p ON "
        "p.substation_id "
        "= a.id");
  }
  void renew(int generation) {
    other.run("UPDATE stations SET substation_name = 'g" + std::to_string(generation) + "'");
    CHECK(b.run("places").did == "swapped");
  }
};

double ms_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("readers of views and of the table below see one generation, whatever they name first") {
  seen_places s;
  const std::vector<std::string> looks{
      "SELECT count(*) || ' ' || count(DISTINCT name) || ' ' || bool_and(name = again) FROM z",
      "SELECT count(*) || ' ' || count(DISTINCT name) || ' ' || bool_and(name = substation_name) FROM places "
      "JOIN a ON id "
      "= substation_id",
      "SELECT count(*) || ' ' || count(DISTINCT name) || ' ' || bool_and(name = substation_name) FROM a JOIN "
      "places ON id "
      "= substation_id"};
  std::atomic<bool> stop{false};
  std::atomic<int> seen{0}, wrong{0};
  std::vector<double> longest(looks.size());
  std::vector<std::thread> readers;
  for (std::size_t n = 0; n < looks.size(); ++n)
    readers.emplace_back([&, n] {
      while (!stop) {
        longest[n] = std::max(longest[n], ms_of([&] {
                                if (s.b.db.value(looks[n]) != "3000 1 true") ++wrong;
                              }));
        ++seen;
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
      }
    });
  const int rounds = test::count_of(5, 50);
  for (int round = 1; round <= rounds; ++round)
    s.renew(round);
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  MESSAGE(seen.load(), " looks, the longest ", longest[0], ", ", longest[1], " and ", longest[2], " ms");
  CHECK(wrong == 0);
  CHECK(seen > rounds);
}

TEST_CASE("a swap waits for who reads a view, and nobody waits for it meanwhile") {
  seen_places s;
  std::atomic<bool> over{false};
  std::thread slow{[&] {
    s.b.db.run("BEGIN; SELECT count(*) FROM z; SELECT pg_sleep(1.5); COMMIT");
    over = true;
  }};
  while (s.b.db.value(
             "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = "
             "'PgSleep'") == "0")
    std::this_thread::yield();
  std::atomic<int> seen{0};
  std::atomic<bool> stop{false};
  double longest = 0;
  std::thread quick{[&] {
    while (!stop) {
      const bool before = over;
      const double took = ms_of([&] { s.b.db.value("SELECT count(*) FROM a WHERE id = 'S1'"); });
      if (before || over) continue;
      longest = std::max(longest, took);
      ++seen;
    }
  }};
  s.renew(1);
  CHECK(over);
  stop = true;
  slow.join();
  quick.join();
  MESSAGE(seen.load(), " looks, the longest ", longest, " ms");
  CHECK(seen > 10);
  CHECK(longest < 500);  // far less than the slow one holds its locks
  CHECK(s.b.db.value("SELECT min(name) || max(again) FROM z") == "g1g1");
}

TEST_CASE("a view that is altered between two swaps is carried as it is then, and stays the same object") {
  seen_places s;
  const std::string oids = "SELECT 'a'::regclass::oid || ' ' || 'z'::regclass::oid";
  const std::string before = s.b.db.value(oids);
  s.b.db.run(
      "CREATE OR REPLACE VIEW a AS SELECT substation_id AS id, upper(substation_name) AS name FROM places");
  s.renew(1);
  CHECK(s.b.db.value("SELECT DISTINCT name || again FROM z") == "g1G1");
  CHECK(s.b.db.value(oids) == before);
  s.b.db.run("DROP VIEW z");
  s.renew(2);
  CHECK(s.b.db.value("SELECT DISTINCT name FROM a") == "G2");
}

TEST_CASE("twenty views are turned to the new table in one swap") {
  seen_places s;
  s.b.db.run("DROP VIEW z; DROP VIEW a");
  for (int n = 1; n <= 20; ++n)
    s.b.db.run("CREATE VIEW v" + std::to_string(n) +
               " AS SELECT substation_id, substation_name AS name, latitude + " + std::to_string(n) +
               " AS north FROM places WHERE latitude > 0 ORDER BY 1");
  s.renew(1);
  s.renew(2);
  for (int n = 1; n <= 20; ++n)
    CHECK(s.b.db.value("SELECT min(name) || max(north) FROM v" + std::to_string(n)) ==
          "g2" + std::to_string(29 + n));
}

TEST_CASE("views stay where they are, though others of their names come first in the search_path") {
  seen_places s;
  s.b.db.run("CREATE SCHEMA first; ALTER DATABASE " + s.b.db.value("SELECT current_database()") +
             " SET search_path = first, public");
  s.b.db.run("CREATE TABLE first.z (id text)");
  s.renew(1);
  CHECK(s.b.db.value("SELECT min(name) || max(name) FROM public.a") == "g1g1");
  CHECK(s.b.db.value("SELECT min(name) || max(again) FROM public.z") == "g1g1");
  CHECK(s.b.db.value(
            "SELECT string_agg(oid::regclass::text, ' ') FROM pg_class WHERE relkind IN ('v', 'r') AND "
            "relnamespace = 'first'::regnamespace") == "z");
}
