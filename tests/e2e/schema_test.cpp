// Servers and schemas that are one version apart work together.
#include <doctest/doctest.h>

#include <memory>
#include <thread>

#include "sync/migrate.hpp"
#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/keen_load.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/text.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;

namespace {

// Not a constant: the migrations may not be read yet when those are made.
int newest_version() {
  return gridlight::sync::expected_schema_version();
}

void fill_grid(const temp_db& db) {
  db.run(
      "INSERT INTO public.substations (substation_id, substation_name, latitude, longitude) "
      "SELECT 'S' || i, 'Station ' || i, 29.5 + i * 0.001, -95.5 + i * 0.001 FROM generate_series(1, 300) i;"
      "INSERT INTO public.circuit_status_realtime (circuit_id, substation_id, avg_load_percent, "
      "centroid_lat, "
      "centroid_lon) SELECT 'C' || i, 'S' || i, i % 100, 29.5 + i * 0.001, -95.5 + i * 0.001 FROM "
      "generate_series(1, 300) i");
}

struct old_grid {
  explicit old_grid(int version) {
    run("migrate --to " + std::to_string(version));
    fill_grid(db);
  }
  std::string run(const std::string& command) const {
    const auto done = run_gridlight("--database-url '" + db.uri() + "' " + command + " 2>&1");
    REQUIRE_MESSAGE(done.status == 0, done.output);
    return done.output;
  }
  std::unique_ptr<server_process> serve() const {
    return std::make_unique<server_process>(
        server_process::options{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}},
                                .arguments = {"--set", "log.access=false"},
                                .allowed = {"the database's schema is version",
                                            "the layers have not been read from the database yet"}});
  }
  temp_db db;
};

bool comes_true(const std::function<bool()>& holds) {
  for (int i = 0; i < 200; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(50ms);
  }
  return false;
}

std::string ready(const server_process& s, int status) {
  const auto reply = http_client{s.url()}.get("/ready");
  CHECK(reply.status == status);
  return reply.body;
}

const std::vector<std::string> targets{
    "/api/postgres/layers/substations/within?lon=-95.4&lat=29.6&radius_m=9000&limit=50",
    "/api/postgres/layers/circuits/features?bbox=-96,29,-95,30&limit=20",
    "/api/postgres/substations/status",
    "/api/postgres/layers/substations",
    "/api/postgres/tiles/substations/11/481/846.mvt",
    "/live"};

keen_load::questions learn(const server_process& s) {
  keen_load::questions out;
  for (const std::string& target : targets) {
    const auto answer = keen_load::ask(port_of(s.url()), target);
    REQUIRE_MESSAGE(answer.first < 300, target << answer.second);
    out[target] = {answer};
  }
  return out;
}

}  // namespace

TEST_CASE("a schema one version older is served, and migrated under load without a failed request") {
  const int newest = newest_version();
  const old_grid g{newest - 1};
  const auto server = g.serve();
  REQUIRE(comes_true([&] { return http_client{server->url()}.get("/ready").status == 200; }));
  CHECK(contains(ready(*server, 200), "run gridlight migrate"));
  CHECK(server->wait_for_log("wait; run gridlight migrate"));
  const http_reply status = http_client{server->url()}.get("/api/postgres/sync/status");
  CHECK(status.status == 200);

  keen_load load{port_of(server->url()), learn(*server), 3};
  std::this_thread::sleep_for(300ms);
  CHECK(contains(g.run("migrate"), "schema version " + std::to_string(newest)));
  std::this_thread::sleep_for(300ms);
  CHECK_FALSE(contains(ready(*server, 200), "warnings"));
  const auto t = load.stop();
  MESSAGE(t.right << " right, " << t.failed << " failed, longest " << t.longest_ms << " ms");
  CHECK(t.right > 100);
  CHECK_MESSAGE(t.failed == 0, t.first_failure);
}

TEST_CASE("a server goes on while the schema becomes one version newer than it") {
  const int newest = newest_version();
  const old_grid g{newest};
  const auto server = g.serve();
  REQUIRE(comes_true([&] { return http_client{server->url()}.get("/ready").status == 200; }));
  keen_load load{port_of(server->url()), learn(*server), 3};
  std::this_thread::sleep_for(200ms);
  // What a migration to come may do: it adds.
  g.db.run(
      "BEGIN; ALTER TABLE gridlight.layer_state ADD COLUMN later text; "
      "ALTER TABLE gridlight.layer_change ADD COLUMN later int NOT NULL DEFAULT 3; "
      "ALTER TABLE gridlight.tile_state ADD COLUMN later int; "
      "ALTER TABLE public.substations ADD COLUMN later text; "
      "INSERT INTO gridlight.schema_migration (version, checksum) VALUES (" +
      std::to_string(newest + 1) + ", 'later'); COMMIT");
  CHECK(contains(ready(*server, 200), "a newer gridlight is due"));
  g.db.run("UPDATE public.circuit_status_realtime SET avg_load_percent = avg_load_percent WHERE false");
  std::this_thread::sleep_for(500ms);
  const auto t = load.stop();
  CHECK(t.right > 100);
  CHECK_MESSAGE(t.failed == 0, t.first_failure);
  // One that is started then does so, too, and check says so without a fault.
  const auto late = g.serve();
  REQUIRE(comes_true([&] { return http_client{late->url()}.get("/ready").status == 200; }));
  CHECK(late->wait_for_log("a newer gridlight is due"));
  CHECK(contains(g.run("check"), "a newer gridlight is due"));
  g.db.run("INSERT INTO gridlight.schema_migration (version, checksum) VALUES (" +
           std::to_string(newest + 2) + ", 'later')");
  CHECK(contains(ready(*server, 503), "run a newer gridlight"));
  CHECK(http_client{server->url()}.get(targets[0]).status == 200);  // who has read the layers goes on
}

TEST_CASE("an older schema is not served, until it is migrated") {
  const int newest = newest_version();
  const old_grid g{newest - 2};
  const auto server = g.serve();
  const std::string why = "which serves " + std::to_string(newest - 1) + " and " + std::to_string(newest) +
                          "; run gridlight migrate";
  CHECK(server->wait_for_log(why));
  CHECK(contains(ready(*server, 503), why));
  CHECK(http_client{server->url()}.get(targets[0]).status == 503);
  g.run("migrate");
  CHECK(comes_true([&] { return http_client{server->url()}.get(targets[0]).status == 200; }));
  CHECK_FALSE(contains(ready(*server, 200), "warnings"));
}

TEST_CASE(
    "a database made anew under a running server has the old one's version numbers, but none of its names") {
  const old_grid g{newest_version()};
  const std::string name = g.db.value("SELECT current_database()");
  const auto fill = [&](double north) {
    g.db.run("UPDATE public.substations SET latitude = latitude + " + std::to_string(north) +
             "; UPDATE public.circuit_status_realtime SET avg_load_percent = avg_load_percent + " +
             std::to_string(north));
  };
  fill(0.1);
  const auto server = g.serve();
  server->allow("postgres: ");
  server->allow("database-unavailable");
  server->allow("the catalog could not be read");
  REQUIRE(comes_true([&] { return http_client{server->url()}.get("/ready").status == 200; }));
  std::this_thread::sleep_for(1s);
  struct answer {
    std::string etag, versions, body;
  };
  const auto ask = [&](const std::string& target, const std::string& etag = {}) {
    const auto reply = http_client{server->url()}.get(
        target, etag.empty() ? http_headers{} : http_headers{{"If-None-Match", etag}});
    CAPTURE(target);
    CHECK((reply.status == 200 || reply.status == 304));
    return std::pair{reply.status,
                     answer{reply.header("ETag"), reply.header("Gridlight-Version"), reply.body}};
  };
  std::map<std::string, answer> before;
  for (const std::string& target : targets)
    if (target.find("/substations") != target.npos || target.find("/circuits") != target.npos)
      before[target] = ask(target).second;
  before.erase("/api/postgres/layers/substations");  // is of no version
  REQUIRE(before.size() == 4);
  for (const auto& [target, was] : before)
    CHECK(ask(target, was.etag).first == 304);

  // A dump restored into the same database: the id is the same, the tables are others.
  g.db.run(
      "CREATE TABLE gridlight.restored AS SELECT * FROM gridlight.history; DROP TABLE gridlight.history;"
      "ALTER TABLE gridlight.restored RENAME TO history");
  CHECK(comes_true([&] { return ask(targets[0], before.at(targets[0]).etag).first == 200; }));
  for (const auto& [target, was] : before) {
    const auto [status, is] = ask(target, was.etag);
    CHECK(status == 200);
    CHECK(is.versions == was.versions);
    CHECK(is.body == was.body);
  }

  {
    const temp_db beside;
    beside.run("DROP DATABASE \"" + name + "\" WITH (FORCE)");
    beside.run("CREATE DATABASE \"" + name + "\"");
  }
  g.run("migrate");
  fill_grid(g.db);
  fill(0.2);
  REQUIRE(comes_true([&] { return ask(targets[0]).second.body != before.at(targets[0]).body; }));
  std::this_thread::sleep_for(1s);
  for (const auto& [target, was] : before) {
    CAPTURE(target);
    const auto [status, is] = ask(target, was.etag);
    CHECK(status == 200);
    CHECK(is.versions == was.versions);
    CHECK(is.etag != was.etag);
    CHECK(is.body != was.body);
  }
}

TEST_CASE(
    "a table that took a layer's name without its triggers is told of, and has no version until it has "
    "them") {
  const old_grid g{newest_version()};
  g.db.run(
      "CREATE TABLE copied (LIKE public.substations INCLUDING ALL); INSERT INTO copied (substation_id, "
      "substation_name, latitude, longitude) SELECT substation_id, substation_name, latitude, longitude FROM "
      "public.substations; ALTER TABLE public.substations RENAME TO former; ALTER TABLE copied RENAME TO "
      "substations");
  const std::string what = "layer substations: public.substations tells nothing of its changes";
  const std::string target = "/api/postgres/tiles/substations/11/481/846.mvt";
  {
    const auto server = g.serve();
    server->allow(what);
    REQUIRE(server->wait_for_log(what));
    const auto before = http_client{server->url()}.get(target);
    CHECK(before.header("Gridlight-Version").empty());
    g.db.run("UPDATE public.substations SET latitude = latitude + 0.001");
    const auto after = http_client{server->url()}.get(target, {{"If-None-Match", before.header("ETag")}});
    CHECK(after.status == 200);
    CHECK(after.body != before.body);
  }
  const std::string version = "SELECT version FROM gridlight.layer_state WHERE layer = 'substations'";
  const std::int64_t old = std::stoll(g.db.value(version));
  g.db.run("SELECT gridlight.watch('substations', 'public.substations', 'geom')");
  CHECK(std::stoll(g.db.value(version)) ==
        old + 1);  // whatever names the old table's version is not right any more
  const auto server = g.serve();
  CHECK(http_client{server->url()}.get(target).header("Gridlight-Version") ==
        "substations=" + std::to_string(old + 1));
}
