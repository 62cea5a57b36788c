#include <doctest/doctest.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <random>
#include <thread>

#include "tests/e2e/sync_mirror.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/soak.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::mirror;
using test::start_run;

TEST_CASE("gridlight sync run: its result, its refusals, a dry run") {
  mirror m{"schedule: off"};
  m.fill(100, 1);
  const auto dry = m.gridlight("sync run substations --dry-run");
  CHECK(dry.status == 0);
  CHECK(dry.output.find("100 inserted") != std::string::npos);
  CHECK(m.served() == "0");
  const auto run = m.gridlight("sync run substations");
  INFO(run.output);
  CHECK(run.status == 0);
  CHECK(run.output.find("{\"status\":\"success\",\"rows_synced\":100,\"final_count\":100}\n") !=
        std::string::npos);
  CHECK(m.served() == "100g1");
  CHECK(m.gridlight("sync run nothing").output.find("sync.tables has no nothing; there are substations") !=
        std::string::npos);
  CHECK(m.gridlight("sync run").status == 2);
  const auto all = m.gridlight("sync run --all --full </dev/null");
  CHECK(all.status == 1);
  CHECK(all.output.find("substations: all rows of the source are read, 100 are in public.substations") !=
        std::string::npos);
  CHECK(m.gridlight("sync run --all --full --yes")
            .output.find("{\"table\":\"substations\",\"status\":\"success\"") != std::string::npos);
  m.other.run("TRUNCATE stations");
  const auto shrunk = m.gridlight("sync run substations");
  CHECK(shrunk.status == 1);
  CHECK(shrunk.output.find("{\"status\":\"failed\",\"error\":\"0 rows would be left of 100") !=
        std::string::npos);
  CHECK(m.served() == "100g1");
}

TEST_CASE("gridlight sync explain and validate") {
  mirror m{"schedule: {cron: 0 4 * * *, timezone: America/Chicago}"};
  m.fill(100, 1);
  m.gridlight("sync run substations");
  const auto explained = m.gridlight("sync explain substations");
  INFO(explained.output);
  CHECK(explained.status == 0);
  CHECK(explained.output.find("0 4 * * * (America/Chicago)") != std::string::npos);
  CHECK(explained.output.find("FROM public.stations AS gridlight_source") != std::string::npos);
  CHECK(explained.output.find("rows there       100") != std::string::npos);
  CHECK(explained.output.find("mean of the last 1 runs") != std::string::npos);
  CHECK(explained.output.find(
            "would change     100 rows read, 0 inserted, 0 updated, 0 deleted, 0 rejected\n") !=
        std::string::npos);
  const auto same = m.gridlight("sync validate");
  INFO(same.output);
  CHECK(same.status == 0);
  CHECK(same.output.find(" same") != std::string::npos);
  m.db.run(
      "UPDATE substations SET capacity_mva = 0 WHERE substation_id = 'S7'; DELETE FROM substations WHERE "
      "substation_id IN ('S8', 'S9')");
  const auto differs = m.gridlight("sync validate substations");
  CHECK(differs.status == 1);
  CHECK(differs.output.find("100           98          2          1          0") != std::string::npos);
  CHECK(differs.output.find("DIFFERS") != std::string::npos);
}

TEST_CASE("gridlight rollback puts the table before the last swap back, and the schedule leaves it") {
  mirror m{"schedule: 1s"};
  m.fill(3000, 1);
  m.gridlight("sync run substations");
  m.fill(3000, 2);
  m.gridlight("sync run substations");
  CHECK(m.served() == "3000g2");
  const std::string version =
      m.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'substations'");
  const std::string indexes =
      "SELECT string_agg(indexdef, ' ' ORDER BY indexdef) || (SELECT count(*) FROM pg_trigger WHERE tgrelid "
      "= "
      "'substations'::regclass) FROM pg_indexes WHERE tablename = 'substations'";
  const std::string before = m.db.value(indexes);
  const auto asked = m.gridlight("rollback substations </dev/null");
  CHECK(asked.status == 1);
  CHECK(asked.output.find("with 3,000 rows") != std::string::npos);
  const auto back = m.gridlight("rollback substations --yes");
  INFO(back.output);
  CHECK(back.status == 0);
  CHECK(m.served() == "3000g1");
  CHECK(m.db.value(indexes) == before);
  CHECK(m.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'substations'") ==
        std::to_string(std::stoi(version) + 1));
  {
    test::server_process server{m.serving()};
    CHECK(server.wait_for_log("this instance keeps 1 tables"));
    std::this_thread::sleep_for(2500ms);
    CHECK(m.served() == "3000g1");
    CHECK(m.gridlight("sync run substations").output.find("\"success\"") != std::string::npos);
    CHECK(m.served() == "3000g2");
    m.fill(3000, 3);
    CHECK(m.wait_for("3000g3"));  // by schedule again
  }
  // And it can be rolled back once more, to what was before.
  CHECK(m.gridlight("rollback substations --yes").status == 0);
  CHECK(m.served() == "3000g2");
}

TEST_CASE(
    "kill -9 of a run at any instant leaves the table wholly old or wholly new, and the next run completes") {
  mirror m{"schedule: off"};
  m.fill(20000, 0);
  m.gridlight("sync run substations");
  std::mt19937 random{7};
  int old = 0, fresh = 0;
  const int rounds = test::count_of(8, 200);
  for (int round = 1; round <= rounds; ++round) {
    INFO("round ", round);
    const std::string before = m.served(), after = "20000g" + std::to_string(round);
    m.fill(20000, round);
    const pid_t pid = start_run(m);
    std::this_thread::sleep_for(
        std::chrono::milliseconds{std::uniform_int_distribution<int>{0, 1500}(random)});
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    const std::string now = m.served();
    CHECK((now == before || now == after));
    (now == after ? fresh : old) += 1;
    const auto next = m.gridlight("sync run substations");
    INFO(next.output);
    CHECK(next.status == 0);
    CHECK(m.served() == after);
    CHECK(m.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'running'") == "0");
    CHECK(m.db.value("SELECT count(*) FROM pg_class WHERE relname ~ '^gridlight_new_\\d+$'") == "0");
  }
  MESSAGE(old, " old, ", fresh, " new");
  CHECK(m.overlaps() == "0");
}

TEST_CASE("a server that is told to stop in the midst of a run stops at once, and the table is the old one") {
  mirror m;
  m.other.run("ALTER TABLE stations RENAME TO all_stations");
  m.fill_table = "all_stations";
  // A batch of 2,000 takes a second.
  m.other.run(
      "CREATE VIEW stations AS SELECT * FROM all_stations WHERE pg_sleep(CASE WHEN substation_id < 'T' THEN "
      "0.0005 "
      "ELSE 0 END) IS NOT NULL");
  m.fill(100, 0);
  m.gridlight("sync run substations");
  m.fill(20000, 1);
  std::mt19937 random{11};
  for (int round = 0; round < test::count_of(3, 20); ++round) {
    test::server_process server{m.serving()};
    server.allow("sync of substations");
    CHECK(server.wait_for_log("this instance keeps 1 tables"));
    std::this_thread::sleep_for(
        std::chrono::milliseconds{std::uniform_int_distribution<int>{100, 3000}(random)});
    const auto told = std::chrono::steady_clock::now();
    CHECK(server.stop() == 0);
    CHECK(std::chrono::steady_clock::now() - told < 3s);
    CHECK(m.served() == "100g0");
  }
}

TEST_CASE("of two instances one keeps the tables; when it dies the other does within 5 s") {
  mirror m;
  m.fill(500, 0);
  auto first = std::make_unique<test::server_process>(m.serving());
  CHECK(first->wait_for_log("this instance keeps 1 tables"));
  auto second = std::make_unique<test::server_process>(m.serving());
  CHECK(m.wait_for("500g0"));
  const int rounds = test::count_of(3, 100);
  for (int round = 1; round <= rounds; ++round) {
    INFO("round ", round);
    // Now and then the dying one is only paused, and comes back to find itself replaced.
    const bool paused = round % 2 == 0;
    const std::size_t from = second->log().size();
    if (paused) first->allow("the lease is lost");
    if (paused) first->allow("sync of substations");
    if (paused) first->allow("sync: ");
    if (paused)
      first->signal(SIGSTOP);
    else
      first->kill();
    const auto died = std::chrono::steady_clock::now();
    m.fill(500, round);
    CHECK(second->wait_for_log("this instance keeps 1 tables", 6s, from));
    CHECK(std::chrono::steady_clock::now() - died < 5s);
    CHECK(m.wait_for("500g" + std::to_string(round)));
    if (paused) {
      first->signal(SIGCONT);
      std::this_thread::sleep_for(1500ms);
      CHECK(first->stop() == 0);
    }
    first = std::move(second);
    second = std::make_unique<test::server_process>(m.serving());
  }
  CHECK(m.overlaps() == "0");
  // What is asked of one is done by the other.
  const auto run = m.gridlight("sync run substations --full");
  INFO(run.output);
  CHECK(run.status == 0);
  CHECK(run.output.find("keeps the tables; asking it") != std::string::npos);
  CHECK(run.output.find("{\"status\":\"success\",\"rows_synced\":0,\"final_count\":500}") !=
        std::string::npos);
}

TEST_CASE(
    "what serve syncs is served: a change at the source is in answers within seconds, and runs are counted") {
  mirror m{"schedule: 1s"};
  m.fill(300, 1);
  test::server_process server{m.serving()};
  CHECK(m.wait_for("300g1"));
  test::http_client client{server.url()};
  const auto name_of = [&] { return client.get("/api/postgres/layers/substations/features/S7").body; };
  const auto wait_for = [&](const std::string& text, std::chrono::milliseconds timeout) {
    for (const auto end = std::chrono::steady_clock::now() + timeout; std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(20ms))
      if (name_of().find(text) != std::string::npos) return true;
    return false;
  };
  CHECK(wait_for("\"g1\"", 3s));
  m.other.run("UPDATE stations SET substation_name = 'renamed' WHERE substation_id = 'S7'");
  CHECK(wait_for("\"renamed\"", 5s));
  // A run is counted once it has ended, which is after its rows are seen.
  const std::string written = "gridlight_sync_rows_total{table=\"substations\",what=\"written\"} 301";
  std::string counted = client.get("/metrics").body;
  for (int i = 0; i < 250 && counted.find(written) == std::string::npos; ++i) {
    std::this_thread::sleep_for(20ms);
    counted = client.get("/metrics").body;
  }
  CHECK(counted.find("gridlight_sync_runs_total{table=\"substations\",status=\"success\"} ") !=
        std::string::npos);
  CHECK(counted.find(written) != std::string::npos);
  CHECK(counted.find("gridlight_sync_leader 1") != std::string::npos);
  // Somebody asks for a run, as the API may: it is done by whoever keeps the tables.
  const std::string id = m.db.value(
      "INSERT INTO gridlight.sync_request (name, full_run, requested_by) VALUES ('substations', true, 'a "
      "test') RETURNING "
      "request_id");
  for (int i = 0; i < 100 && m.db.value("SELECT finished_at IS NOT NULL FROM gridlight.sync_request") != "t";
       ++i)
    std::this_thread::sleep_for(50ms);
  CHECK(m.db.value(
            "SELECT outcome->>'status' || ' ' || (outcome->>'final_count') FROM gridlight.sync_request WHERE "
            "request_id = " +
            id) == "success 300");
}

TEST_CASE("a run is asked for over HTTP by those who may write, and by nobody else") {
  mirror m{"schedule: off"};
  m.fill(300, 1);
  const std::string file = (m.folder.path() / "tokens.yaml").string();
  const auto token = [&](const std::string& name, const std::string& scopes) {
    const auto made = test::run_gridlight("token " + name + " --scopes " + scopes + " 2>&1 >>'" + file + "'");
    std::string text = made.output.substr(0, made.output.find_last_not_of(" \n") + 1);
    return text.substr(text.find_last_of(" \n") + 1);
  };
  const std::string reader = token("reader", "read"), writer = token("writer", "read,write");
  auto options = m.serving();
  options.arguments = {"--set", "auth.tokens_file=" + file};
  test::server_process server{options};
  test::http_client client{server.url()};
  const auto post = [&](const std::string& target, const std::string& key) {
    test::http_headers headers;
    if (!key.empty()) headers.emplace_back("Gridlight-Token", key);
    return client.request("POST", "/api/postgres/sync/" + target, headers);
  };
  CHECK(post("substations/run", "").status == 401);
  CHECK(post("substations/run", reader).status == 403);
  CHECK(post("nothing/run", writer).status == 404);
  CHECK(post("nothing/run", writer).body.find("there are substations") != std::string::npos);
  CHECK(post("substations/run?full=yes", writer).status == 400);
  CHECK(m.served() == "0");
  const auto accepted = post("substations/run?full=true", writer);
  CHECK(accepted.status == 202);
  CHECK(accepted.body == R"({"status":"accepted","table":"substations","request_id":1})");
  CHECK(m.wait_for("300g1"));
  CHECK(m.db.value("SELECT requested_by FROM gridlight.sync_request") == "writer");
  // The guard holds for them, too, until they say otherwise.
  m.fill(10, 2);
  server.allow("would be left of 300");
  CHECK(post("substations/run", writer).status == 202);
  for (int i = 0;
       i < 100 && m.db.value("SELECT count(*) FROM gridlight.sync_run WHERE status = 'failed'") == "0"; ++i)
    std::this_thread::sleep_for(50ms);
  CHECK(m.served() == "300g1");
  CHECK(post("substations/run?allow_shrink=true", writer).status == 202);
  CHECK(m.wait_for("10g2"));
}

TEST_CASE("a run is not accepted over HTTP where nobody would do it") {
  mirror m{"schedule: off"};
  m.fill(300, 1);
  const std::string file = (m.folder.path() / "tokens.yaml").string();
  const auto made = test::run_gridlight("token writer --scopes read,write 2>&1 >>'" + file + "'");
  const std::string text = made.output.substr(0, made.output.find_last_not_of(" \n") + 1);
  const std::string token = text.substr(text.find_last_of(" \n") + 1);
  auto options = m.serving();
  options.arguments = {"--set", "auth.tokens_file=" + file, "--set", "sync.enabled=false"};
  test::server_process server{options};
  test::http_client client{server.url()};
  const auto ask = [&] {
    return client.request("POST", "/api/postgres/sync/substations/run", {{"Gridlight-Token", token}});
  };
  const auto refused = ask();
  CHECK(refused.status == 409);
  CHECK(refused.body.find("sync.enabled is false here") != std::string::npos);
  // A command's lease does nothing for others.
  m.db.run(
      "UPDATE gridlight.sync_lease SET owner = 'command here:1', expires_at = now() + interval '1 hour', "
      "token = token + "
      "1");
  CHECK(ask().status == 409);
  m.db.run("UPDATE gridlight.sync_lease SET expires_at = '-infinity'");
  CHECK(m.db.value("SELECT count(*) FROM gridlight.sync_request") == "0");
  // Another server that keeps them does it.
  test::server_process keeper{m.serving()};
  CHECK(keeper.wait_for_log("this instance keeps 1 tables"));
  CHECK(ask().status == 202);
  CHECK(m.wait_for("300g1"));
  // Stopped only once it has told of it.
  CHECK(keeper.wait_for_log("sync of substations (mirrored)"));
}

TEST_CASE(
    "serve tells of foreign writes, ends sessions that nobody uses, and says when limits are not its own") {
  mirror m{"schedule: 1s"};
  m.fill(300, 1);
  auto options = m.serving();
  options.environment["GRIDLIGHT_DATABASE_URL"] = m.db.uri() + " options='-c statement_timeout=77s'";
  options.arguments = {"--set", "sync.reaper=end", "--set", "sync.reaper_after=1s"};
  // A server that was left in the middle of something.
  const std::unique_ptr<PGconn, decltype(&PQfinish)> left{
      PQconnectdb((m.db.uri() + " application_name='gridlight sync'").c_str()), PQfinish};
  PQclear(PQexec(left.get(), "BEGIN; LOCK TABLE gridlight.sync_pause IN ROW EXCLUSIVE MODE"));
  REQUIRE(PQtransactionStatus(left.get()) == PQTRANS_INTRANS);
  options.allowed = {"was changed by others than the sync", "it was ended", "sessions are not limited"};
  test::server_process server{options};
  CHECK(m.wait_for("300g1"));
  CHECK(server.wait_for_log("sync: session " + std::to_string(PQbackendPID(left.get())) +
                            " (gridlight sync) is idle in transaction for "));
  PQclear(PQexec(left.get(), "SELECT 1"));
  CHECK(PQstatus(left.get()) == CONNECTION_BAD);

  CHECK(server.log().find("was changed by others") == std::string::npos);
  m.db.run(
      "SET application_name = 'old loader'; UPDATE substations SET substation_name = 'theirs' WHERE "
      "substation_id = 'S7'");
  CHECK(server.wait_for_log("sync: layer substations was changed by others than the sync: version "));
  CHECK(server.log().find("by old loader as role ") != std::string::npos);
  CHECK(m.wait_for("300g1"));  // taken back

  test::http_client client{server.url()};
  const std::string counted = client.get("/metrics").body;
  CHECK(counted.find("gridlight_sync_foreign_changes_total{layer=\"substations\"} 1\n") != std::string::npos);
  CHECK(counted.find("gridlight_sync_zombies_total{what=\"ended\"} 1\n") != std::string::npos);
  const std::string limits = "sessions are not limited as configured: statement_timeout is 77 s, not 10 s";
  CHECK(client.get("/ready").body.find("\"warnings\":[\"" + limits) != std::string::npos);
  CHECK(server.wait_for_log("postgres: " + limits));
  CHECK(
      server.wait_for_log("sync: sessions are not limited as configured: statement_timeout is 77 s, not 0"));
  const std::string log = server.log();
  CHECK(log.find("postgres: " + limits) == log.rfind("postgres: " + limits));  // once, for all connections
  const auto check = test::run_gridlight(
      "--config " + m.config + " --database-url " +
      mirror::in_shell(m.db.uri() + " options='-c statement_timeout=77s'") + " check 2>&1");
  INFO(check.output);
  CHECK(check.output.find(limits) != std::string::npos);
  CHECK(m.gridlight("check").output.find("not limited") == std::string::npos);
}
