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
    server.allow("was altered during the load");
    REQUIRE(reads());
    const std::size_t from = server.log().size();
    const auto back = m.gridlight("rollback substations --yes");
    INFO(back.output);
    CHECK(back.status == 0);
    CHECK(m.served() == "3000g1");
    CHECK(m.db.value("SELECT count(last_watermark) FROM gridlight.sync_watermark") == "0");
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
    server.allow("was altered during the load");
    CHECK(server.wait_for_log("this instance keeps 1 tables"));
    m.db.run(
        "INSERT INTO gridlight.sync_request (name, full_run, requested_by) VALUES ('substations', true, "
        "'test')");
    REQUIRE(reads());
    const std::size_t from = server.log().size();
    CHECK(m.gridlight("rollback substations --yes").status == 0);
    CHECK(m.served() == "3000g1");
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

TEST_CASE("a second gridlight sync run waits for the first, for a limit, and leaves no request behind") {
  mirror m{"schedule: off"};
  m.other.run(
      "ALTER TABLE stations RENAME TO all_stations; CREATE VIEW stations AS SELECT a.* FROM all_stations a, "
      "(SELECT "
      "pg_sleep(4)) s");
  m.fill_table = "all_stations";
  m.fill(100, 1);
  const pid_t first = start_run(m);
  const auto has_lease = [&] {
    return m.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'running'") == "1";
  };
  for (int i = 0; i < 200 && !has_lease(); ++i)
    std::this_thread::sleep_for(20ms);
  REQUIRE(has_lease());
  const auto limited = m.gridlight("sync run substations --wait 1s");
  INFO(limited.output);
  CHECK(limited.status == 1);
  CHECK(limited.output.find("did not come to substations within 1s: nothing was changed") !=
        std::string::npos);
  const auto second = m.gridlight("sync run substations");
  INFO(second.output);
  CHECK(second.status == 0);
  CHECK(second.output.find("has the lease; waiting for it") != std::string::npos);
  CHECK(second.output.find("{\"status\":\"success\",\"rows_synced\":0,\"final_count\":100}") !=
        std::string::npos);
  int status = 0;
  ::waitpid(first, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(m.db.value("SELECT count(*) FROM gridlight.sync_request") == "0");
  CHECK(m.gridlight("sync run substations --wait soon").output.find("--wait: must be a time such as") !=
        std::string::npos);
}

TEST_CASE(
    "a run that was asked of a server that dies is done by the command; one whose command died, by nobody") {
  mirror m{"schedule: off"};
  m.other.run(
      "ALTER TABLE stations RENAME TO all_stations; CREATE VIEW stations AS SELECT a.* FROM all_stations a, "
      "(SELECT "
      "pg_sleep(2)) s");
  m.fill_table = "all_stations";
  m.fill(100, 1);
  const auto begun = [&] {
    for (int i = 0; i < 500; ++i, std::this_thread::sleep_for(20ms))
      if (m.db.value("SELECT count(*) FROM gridlight.sync_request WHERE outcome->>'status' = 'running'") ==
          "1")
        return true;
    return false;
  };
  {
    test::server_process server{m.serving()};
    CHECK(server.wait_for_log("this instance keeps 1 tables"));
    const auto all = m.gridlight("sync run --all");
    CHECK(all.output.find("{\"table\":\"substations\",\"status\":\"success\"") != std::string::npos);
    m.fill(100, 2);
    const pid_t command = start_run(m);
    REQUIRE(begun());
    server.kill();
    int status = 0;
    ::waitpid(command, &status, 0);
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(m.served() == "100g2");
    CHECK(
        m.db.value("SELECT outcome->>'error' FROM gridlight.sync_request ORDER BY request_id DESC LIMIT 1") ==
        "withdrawn");
  }
  // A request that was left an hour ago, one of a command that is gone, one of an hour less.
  m.fill(100, 3);
  m.db.run(
      "INSERT INTO gridlight.sync_request (name, allow_shrink, requested_by, requested_at) VALUES "
      "('substations', true, "
      "'writer', now() - interval '61 min'), ('substations', true, 'command here:1', now() - interval '20 "
      "s')");
  test::server_process server{m.serving()};
  CHECK(server.wait_for_log("this instance keeps 1 tables"));
  std::this_thread::sleep_for(3s);
  CHECK(m.served() == "100g2");
  CHECK(m.db.value("SELECT string_agg(outcome->>'error', '; ' ORDER BY request_id) FROM (SELECT * FROM "
                   "gridlight.sync_request ORDER BY request_id DESC LIMIT 2) r") ==
        "nobody did it within an hour; the command that asked has ended");
  m.db.run(
      "INSERT INTO gridlight.sync_request (name, requested_by, requested_at) VALUES ('substations', "
      "'writer', now() - "
      "interval '59 min')");
  CHECK(m.wait_for("100g3"));
}
