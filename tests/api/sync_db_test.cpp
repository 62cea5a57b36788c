// What the routes under /api/postgres/sync say of the bookkeeping's tables.
#include <libpq-fe.h>

#include <memory>
#include <set>
#include <thread>

#include "api/sync_run_row.hpp"
#include "tests/api/grid_bench.hpp"

using namespace gridlight;
using test::api_bench;

namespace {

struct bench : api_bench {
  bench() : api_bench("SELECT 1") {
    migrate();
    db.run(R"(
      CREATE TABLE a (id text PRIMARY KEY, geom geometry(Point, 4326));
      CREATE TABLE b (LIKE a INCLUDING ALL);
      INSERT INTO gridlight.layer_state (layer, version, changed_at, row_count, source_synced_at) VALUES
        ('a', 7, '2026-11-01 10:00+00', 3, now() - interval '90 s'), ('b', 1, now(), NULL, NULL),
        ('a_z8', 2, now(), NULL, NULL) ON CONFLICT DO NOTHING)");
    serve("layers: {a: {table: a, key: id}, b: {table: b, key: id}}");
  }
  void add_run(const std::string& layer, const std::string& status, const std::string& minutes_ago,
               const std::string& error = "NULL") {
    db.run(
        "INSERT INTO gridlight.sync_run (layer, mode, started_at, finished_at, rows_read, rows_written, "
        "bytes, status, "
        "error) SELECT '" +
        layer + "', 'full', t, CASE WHEN '" + status +
        "' <> 'running' THEN t + interval '1.5 s' END, 10, 9, 1234, '" + status + "', " + error +
        " FROM (SELECT now() - " + minutes_ago + " * interval '1 minute') v(t)");
  }
  std::string text(std::string_view target, std::string_view pointer) {
    return std::string{simdjson::to_string(json(target).at_pointer(pointer).value())};
  }
};

}  // namespace

TEST_CASE("sync/status: each layer's lag and last run, and the last runs of all") {
  bench b;
  constexpr const char* url = "/api/postgres/sync/status";
  CHECK(b.json(url)["runs"].get_array().value().size() == 0);
  CHECK(b.last.cache_control == "no-store");
  b.add_run("a", "failed", "50");
  b.add_run("a", "success", "40");
  b.add_run("a", "failed", "30");
  b.add_run("a", "failed", "20");
  b.add_run("a", "running", "10");
  const auto all = b.json(url);
  REQUIRE(all["layers"].get_array().value().size() == 2);
  const auto a = all.at_pointer("/layers/0").value(), other = all.at_pointer("/layers/1").value();
  CHECK(a["layer"].get_string().value() == "a");
  CHECK(a["version"].get_int64().value() == 7);
  CHECK(a["row_count"].get_int64().value() == 3);
  CHECK(a["changed_at"].get_string().value() == "2026-11-01T10:00:00Z");
  CHECK(a["lag_s"].get_double().value() == doctest::Approx(90).epsilon(0.2));
  CHECK(a["failures_since"].get_int64().value() == 2);
  CHECK(a.at_pointer("/last_run/status").value().get_string().value() == "running");
  CHECK(a.at_pointer("/last_run/finished_at").value().is_null());
  CHECK(a.at_pointer("/last_run/duration_s").value().is_null());
  CHECK(a["last_success"].get_string().value() ==
        all.at_pointer("/runs/3/finished_at").value().get_string().value());
  CHECK(other["lag_s"].is_null());
  CHECK(other["last_run"].is_null());
  CHECK(other["last_success"].is_null());
  CHECK(other["failures_since"].get_int64().value() == 0);
  std::string states;
  for (const auto run : all["runs"].get_array())
    states += std::string{run["status"].get_string().value()} + " ";
  CHECK(states == "running failed failed success failed ");
  const auto run = all.at_pointer("/runs/1").value();
  CHECK(run["mode"].get_string().value() == "full");
  CHECK(run["direction"].get_string().value() == "pull");
  CHECK(run["duration_s"].get_double().value() == 1.5);
  CHECK(run["rows_read"].get_int64().value() == 10);
  CHECK(run["rows_written"].get_int64().value() == 9);
  CHECK(run["rows_deleted"].get_int64().value() == 0);
  CHECK(run["bytes"].get_int64().value() == 1234);
  CHECK(run["error"].is_null());
  b.db.run("INSERT INTO gridlight.sync_run (layer, mode) SELECT 'b', 'load' FROM generate_series(1, 150)");
  CHECK(b.json(url)["runs"].get_array().value().size() == 100);
}

TEST_CASE("sync/status: a layer follows the runs of its table, whatever their name") {
  bench b;
  auto read = parse_config(R"(
sync: {snowflake: {account: O-N, user: U, private_key_file: k}, tables: {
  ours: {layer: a, source: A}, other: {table: public.b, key: id, source: B}, away: {layer: a, mode: push, watermark: t, target: A},
  alone: {table: public.c, key: id, source: C}}}
layers: {a: {table: a, key: id}, b: {table: b, key: id}})",
                           "test");
  REQUIRE_MESSAGE(read.has_value(), read.error().detail);
  b.settings.sync = std::move(read->sync);
  b.add_run("ours", "success", "30");
  b.add_run("ours", "failed", "20");
  b.add_run("other", "running", "10");
  b.add_run("alone", "success", "5");
  b.db.run(
      "INSERT INTO gridlight.sync_run (layer, mode, direction, status) VALUES ('away', 'push', 'push', "
      "'failed')");
  const auto all = b.json("/api/postgres/sync/status");
  CHECK(all.at_pointer("/layers/0/last_run/layer").value().get_string().value() == "ours");
  CHECK(all.at_pointer("/layers/0/last_run/status").value().get_string().value() == "failed");
  CHECK(all.at_pointer("/layers/0/failures_since").value().get_int64().value() == 1);
  CHECK_FALSE(all.at_pointer("/layers/0/last_success").value().is_null());
  CHECK(all.at_pointer("/layers/1/last_run/layer").value().get_string().value() == "other");
  CHECK(all["runs"].get_array().value().size() == 5);
  CHECK(b.json("/api/postgres/sync/runs?layer=alone")["numberReturned"].get_int64().value() == 1);
}

TEST_CASE("sync/runs: pages hold each run once, the latest first, whatever comes between") {
  bench b;
  // Many of one moment: the number tells them apart.
  b.db.run(
      "INSERT INTO gridlight.sync_run (layer, mode, started_at) SELECT CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' "
      "END, "
      "'full', timestamptz '2026-11-01 00:00:00.123456+00' + i / 10 * interval '1 microsecond' "
      "FROM generate_series(0, 99) i");
  for (const std::string layer : {"", "a", "b"}) {
    CAPTURE(layer);
    const auto expected =
        b.rows("SELECT run_id FROM gridlight.sync_run WHERE layer LIKE '" + (layer.empty() ? "%" : layer) +
               "' AND mode = 'full' ORDER BY started_at DESC, run_id DESC");
    std::vector<std::vector<std::string>> seen;
    std::string url = "/api/postgres/sync/runs?limit=7" + (layer.empty() ? "" : "&layer=" + layer);
    for (int page = 0; page < 50 && !url.empty(); ++page) {
      const auto answer = b.json(url);
      const auto runs = answer["runs"].get_array().value();
      CHECK(answer["numberReturned"].get_uint64().value() == runs.size());
      for (const auto run : runs)
        seen.push_back({std::to_string(run["run_id"].get_int64().value())});
      url.clear();
      for (const auto link : answer["links"].get_array())
        url = link["href"].get_string().value();
      // Of later runs these pages know nothing.
      b.db.run("INSERT INTO gridlight.sync_run (layer, mode) VALUES ('a', 'load'), ('b', 'load')");
    }
    CHECK(seen == expected);
    b.db.run("DELETE FROM gridlight.sync_run WHERE mode = 'load'");
  }
  const auto first = b.json("/api/postgres/sync/runs?limit=7");
  const std::string next{first.at_pointer("/links/0/href").value().get_string().value()};
  const auto other = b.get("/api/postgres/sync/runs?layer=a&" + next.substr(next.find("cursor=")));
  REQUIRE(other.has_error());
  CHECK(other.error().parameter == "cursor");
  CHECK(b.json("/api/postgres/sync/runs?limit=100")["links"].get_array().value().size() == 0);
  const auto unknown = b.get("/api/postgres/sync/runs?layer=c");
  REQUIRE(unknown.has_error());
  CHECK(unknown.error().code == errc::bad_parameter);
  CHECK(unknown.error().detail.find("a, b") != std::string::npos);
}

TEST_CASE("sync/summary: what seven days came to") {
  bench b;
  b.add_run("a", "success", "10");
  b.add_run("a", "failed", "5");
  b.add_run("b", "success", "20000");  // two weeks ago
  const auto all = b.json("/api/postgres/sync/summary");
  CHECK(all["days"].get_int64().value() == 7);
  REQUIRE(all["layers"].get_array().value().size() == 1);
  const auto a = all.at_pointer("/layers/0").value();
  CHECK(a["layer"].get_string().value() == "a");
  CHECK(a["runs"].get_int64().value() == 2);
  CHECK(a["successes"].get_int64().value() == 1);
  CHECK(a["failures"].get_int64().value() == 1);
  CHECK(a["mean_duration_s"].get_double().value() == 1.5);
  CHECK(a["rows_written"].get_int64().value() == 18);
}

TEST_CASE("why a run failed is whole only for those who may see personal data") {
  bench b;
  const std::string error = R"('/srv/in/customers.csv: line 3: "Jane Doe" is not a number')";
  b.add_run("a", "failed", "1", error);
  for (const char* url :
       {"/api/postgres/sync/status", "/api/postgres/sync/runs", "/api/postgres/sync/runs?layer=a"}) {
    CAPTURE(url);
    b.who = {};
    CHECK(b.text(url, "/runs/0/error") == "\"customers.csv: line 3: \\\"\u2026\\\" is not a number\"");
    CHECK(b.last.body.find("Jane") == std::string::npos);
    CHECK(b.last.body.find("/srv") == std::string::npos);
    CHECK_FALSE(b.req.audit.saw_personal);
    b.who.allowed.add(identity::scope::personal);
    CHECK(b.json(url).at_pointer("/runs/0/error").value().get_string().value() ==
          error.substr(1, error.size() - 2));
    CHECK(b.req.audit.saw_personal);
  }
}

TEST_CASE("what of a run's error a client may see") {
  const auto anybody = [](const char* text) { return api::public_error(text, false); };
  CHECK(anybody("") == "");
  CHECK(anybody("interrupted") == "interrupted");
  CHECK(anybody("column \"A\" is gone, \"B\" is text") == "column \"\u2026\" is gone, \"\u2026\" is text");
  CHECK(anybody("ends \"in the middle") == "ends \"\u2026\"");
  CHECK(anybody("/a/b.csv: no, /c/d/e.gz and /f/ or /") == "b.csv: no, e.gz and f/ or /");
  CHECK(anybody("10 rows/s of 1/2") == "10 rows/s of 1/2");
  CHECK(anybody("Snowflake's answer: Numeric value 'Jane Doe' is not recognized") ==
        "Snowflake's answer: Numeric value '\u2026' is not recognized");
  // What stands behind it in brackets was for the log.
  const char* logged = "the table cannot be read (42501: permission denied for \"t\") at /x";
  CHECK(anybody(logged) == "the table cannot be read");
  CHECK(api::public_error(logged, true) == logged);
  CHECK(api::public_error("\"Jane Doe\" in /a/b\nSELECT 1", true) == "\"Jane Doe\" in /a/b\nSELECT 1");
  CHECK(anybody("the query failed (23505 duplicate key (code)=(c2), which)") == "the query failed");
  CHECK(anybody("it cannot be reached (connection to server at \"db\" (10.0.0.1), port 1 failed: no)") ==
        "it cannot be reached");
  CHECK(anybody("it cannot be reached (timeout expired)") == "it cannot be reached");
  CHECK(api::public_error(
            "it cannot be reached (connection to server at \"db\" (10.0.0.1), port 1 failed: no)", true) ==
        "it cannot be reached");
  // Words in brackets within the sentence are not.
  CHECK(anybody("8 bad rows where at most 0 may be (max_errors); the first, 'k': no number (22P02 at 7)") ==
        "8 bad rows where at most 0 may be (max_errors); the first, '…': no number");
  CHECK(anybody("name is text (text), which number cannot hold") ==
        "name is text (text), which number cannot hold");
}

TEST_CASE("sync/status: what others changed, and sessions that nobody uses") {
  bench b;
  constexpr const char* url = "/api/postgres/sync/status";
  CHECK(b.text(url, "/foreign_changes") == "[]");
  CHECK(b.text(url, "/zombies") == "[]");
  b.db.run(
      "INSERT INTO gridlight.sync_foreign VALUES ('a', 9, 3, 8, '2026-11-01 10:00+00', 'psql as role "
      "postgres'), ('b', 4, 0, NULL, NULL, NULL)");
  b.settings.sync.reaper_after = std::chrono::milliseconds{200};
  const std::unique_ptr<PGconn, decltype(&PQfinish)> left{
      PQconnectdb((b.db.uri() + " application_name='gridlight load'").c_str()), PQfinish};
  PQclear(PQexec(left.get(), "BEGIN; SELECT 1"));
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  CHECK(b.text(url, "/foreign_changes") ==
        R"([{"layer":"a","changes":3,"last_version":8,"last_at":"2026-11-01T10:00:00Z"}])");
  CHECK(b.text(url, "/zombies/0/application") == R"("gridlight load")");
  CHECK(b.text(url, "/zombies/0/state") == R"("idle in transaction")");
  CHECK(b.json(url).at_pointer("/zombies/0/held_s").get_double().value() >= 0.2);
  CHECK(b.json(url)["zombies"].get_array().value().size() == 1);
}

TEST_CASE("without the bookkeeping's tables there are no runs") {
  api_bench b{"CREATE TABLE a (id text PRIMARY KEY, geom geometry(Point, 4326))"};
  b.serve("layers: {a: {table: a, key: id, mode: attached}}");
  CHECK(b.json("/api/postgres/sync/status")["layers"].get_array().value().size() == 0);
  CHECK(b.json("/api/postgres/sync/runs?layer=a")["numberReturned"].get_int64().value() == 0);
  CHECK(b.json("/api/postgres/sync/summary")["layers"].get_array().value().size() == 0);
}
