// Who writes, when several want to: servers, commands and a rollback.
#include "tests/e2e/sync_mirror.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::mirror;
using test::start_run;

TEST_CASE("a rollback stays when a run is under way: by schedule, asked for, or a command's") {
  mirror m{"schedule: 1s"};
  m.fill(3000, 1);
  m.gridlight("sync run substations");
  m.fill(3000, 2);
  m.gridlight("sync run substations");
  // Reading takes two seconds from now on.
  m.other.run(
      "ALTER TABLE stations RENAME TO all_stations; CREATE VIEW stations AS SELECT a.* FROM all_stations a, "
      "(SELECT "
      "pg_sleep(2)) s");
  m.fill_table = "all_stations";
  m.fill(3000, 3);
  const auto reads = [&](std::chrono::milliseconds timeout = 5s) {
    for (const auto end = std::chrono::steady_clock::now() + timeout; std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(20ms))
      if (m.other.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
                        "wait_event = 'PgSleep'") != "0")
        return true;
    return false;
  };
  {
    test::server_process server{m.serving()};
    server.allow("the lease is lost");
    server.allow("another instance has taken over the sync");
    REQUIRE(reads());
    const auto back = m.gridlight("rollback substations --yes");
    INFO(back.output);
    CHECK(back.status == 0);
    CHECK(m.served() == "3000g1");
    CHECK(m.db.value("SELECT count(*) FROM gridlight.sync_watermark") == "0");
    const std::size_t from = server.log().size();
    CHECK(server.wait_for_log("this instance keeps 1 tables", 8s, from));
    std::this_thread::sleep_for(3500ms);
    CHECK(m.served() == "3000g1");
    CHECK(m.db.value("SELECT count(*) FROM gridlight.sync_pause") == "1");
  }
  CHECK(
      m.db.value("SELECT string_agg(status || ' ' || mode, ', ' ORDER BY run_id) FROM gridlight.sync_run") ==
      "success mirrored, success mirrored, failed mirrored, success rollback");
  // One that was asked for is not done again once the server has the lease back.
  m.other.run("DROP VIEW stations; ALTER TABLE all_stations RENAME TO stations");
  m.fill_table = "stations";
  CHECK(m.gridlight("sync run substations").status == 0);
  CHECK(m.served() == "3000g3");
  m.db.run("INSERT INTO gridlight.sync_pause (name, reason) VALUES ('substations', 'for this test')");
  m.other.run(
      "ALTER TABLE stations RENAME TO all_stations; CREATE VIEW stations AS SELECT a.* FROM all_stations a, "
      "(SELECT "
      "pg_sleep(2)) s; UPDATE all_stations SET substation_name = 'g4'");
  {
    test::server_process server{m.serving()};
    server.allow("the lease is lost");
    server.allow("another instance has taken over the sync");
    CHECK(server.wait_for_log("this instance keeps 1 tables"));
    m.db.run(
        "INSERT INTO gridlight.sync_request (name, full_run, requested_by) VALUES ('substations', true, "
        "'test')");
    REQUIRE(reads());
    CHECK(m.gridlight("rollback substations --yes").status == 0);
    CHECK(m.served() == "3000g1");
    const std::size_t from = server.log().size();
    CHECK(server.wait_for_log("this instance keeps 1 tables", 8s, from));
    std::this_thread::sleep_for(3500ms);
    CHECK(m.served() == "3000g1");
    CHECK(m.db.value("SELECT outcome->>'error' FROM gridlight.sync_request") == "rolled back");
  }
  // A command of somebody else's.
  const pid_t pid = start_run(m);
  REQUIRE(reads());
  CHECK(m.gridlight("rollback substations --yes").status == 0);
  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(m.served() == "3000g3");
}
