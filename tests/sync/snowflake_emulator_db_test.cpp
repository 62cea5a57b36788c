#include <doctest/doctest.h>

#include <thread>

#include "server/secret.hpp"
#include "tests/support/command.hpp"
#include "tests/sync/snowflake_support.hpp"

using namespace gridlight;
using test::json_text;
using test::snow_bench;
using kind = test::snowflake::fault::kind;
using test::snowflake::route;
using namespace std::chrono_literals;

namespace {

using table = std::vector<std::vector<std::string>>;

std::int64_t now_s() {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

void thousand(snow_bench& b, int rows = 1'000) {
  b.run("CREATE TABLE T (ID NUMBER(38,0) PRIMARY KEY, NAME VARCHAR)");
  b.db.run("INSERT INTO \"gridlight.public\".t SELECT i, 'name ' || i FROM generate_series(1, " +
           std::to_string(rows) + ") i");
}

// Waits for the end by GETs, as clients do.
test::http_reply polled(const snow_bench& b, const std::string& handle) {
  for (int i = 0; i < 200; ++i) {
    auto r = b.get(handle);
    if (r.status != 202) return r;
    std::this_thread::sleep_for(20ms);
  }
  return {};
}

}  // namespace

TEST_CASE("emulator: a statement is answered as the contract's example is") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER(38,0) NOT NULL, NAME VARCHAR)");
  b.run("INSERT INTO T VALUES (41, 'a'), (42, 'b \"quoted\"'), (43, NULL)");
  const auto r =
      b.post("SELECT ID, NAME FROM T WHERE ID > ? ORDER BY ID",
             R"(,"timeout":60,"warehouse":"WH","role":"SYNC","bindings":{"1":{"type":"FIXED","value":"41"}},)"
             R"("parameters":{"QUERY_TAG":"sync-7","timezone":"UTC"})");
  REQUIRE(r.status == 200);
  const json_text j{r.body};
  CHECK(j.text("/resultSetMetaData/numRows") == "2");
  CHECK(j.text("/resultSetMetaData/format") == "jsonv2");
  CHECK(j.text("/resultSetMetaData/rowType/0/name") == "ID");
  CHECK(j.text("/resultSetMetaData/rowType/0/type") == "fixed");
  CHECK(j.text("/resultSetMetaData/rowType/0/precision") == "38");
  CHECK(j.text("/resultSetMetaData/rowType/0/scale") == "0");
  CHECK(j.text("/resultSetMetaData/rowType/0/nullable") == "false");
  CHECK(j.text("/resultSetMetaData/rowType/1/type") == "text");
  CHECK(j.text("/resultSetMetaData/rowType/1/table") == "T");
  CHECK(j.text("/resultSetMetaData/partitionInfo/0/rowCount") == "2");
  CHECK(j.rows() == table{{"42", "b \"quoted\""}, {"43", "NULL"}});
  CHECK(j.text("/code") == "090001");
  CHECK(j.text("/statementStatusUrl") == "/api/v2/statements/" + j.text("/statementHandle"));
  CHECK(b.get(j.text("/statementHandle")).status == 200);
}

TEST_CASE("emulator: who is let in") {
  snow_bench b;
  const auto knocks = [&](const std::string& type, const std::string& token) {
    b.headers[0].second = "Bearer " + token;
    b.headers[4].second = type;
    return snow_bench::verdict(b.post("SELECT 1"));
  };
  const std::string fingerprint = b.snow.doors().add_key(
      test::run_command("openssl pkey -pubout -in " + b.snow.files().key.string()).output);
  const auto jwt = [&](std::int64_t issued, std::int64_t expires,
                       const std::string& user = "GRIDLIGHT-TEST.SYNC") {
    return test::make_jwt(b.snow.files().key, "{\"iss\":\"" + user + ".SHA256:" + fingerprint +
                                                  "\",\"sub\":\"" + user +
                                                  "\",\"iat\":" + std::to_string(issued) +
                                                  ",\"exp\":" + std::to_string(expires) + "}");
  };
  const std::int64_t now = now_s();
  CHECK(knocks("KEYPAIR_JWT", jwt(now, now + 3540)) == "200 090001");
  CHECK(knocks("KEYPAIR_JWT", jwt(now * 1000, (now + 3540) * 1000)) == "200 090001");
  CHECK(knocks("KEYPAIR_JWT", jwt(now - 100, now - 1)) == "401 390144");
  CHECK(knocks("KEYPAIR_JWT", jwt(now - 3700, now + 3540)) == "401 390144");
  CHECK(knocks("KEYPAIR_JWT", jwt(now, now + 60, "GRIDLIGHT-TEST.OTHER")) == "401 390144");
  std::string forged = jwt(now, now + 60);
  forged[forged.size() - 20] = forged[forged.size() - 20] == 'A' ? 'B' : 'A';
  CHECK(knocks("KEYPAIR_JWT", forged) == "401 390144");
  CHECK(knocks("PROGRAMMATIC_ACCESS_TOKEN", "a-token") == "200 090001");
  CHECK(knocks("PROGRAMMATIC_ACCESS_TOKEN", "another") == "401 390100");
  b.snow.doors().add_token("OAUTH", secret{"old"}, std::chrono::system_clock::now() - 1s);
  CHECK(knocks("OAUTH", "old") == "401 390318");
  CHECK(knocks("OAUTH", "unknown") == "401 390303");
  knocks("PROGRAMMATIC_ACCESS_TOKEN", "a-token");
  b.headers[2].second = "text/plain";
  CHECK(b.post("SELECT 1").status == 415);
  b.headers[2].second = "application/json";
  b.headers.erase(b.headers.begin());
  CHECK(snow_bench::verdict(b.post("SELECT 1")) == "401 390101");
  b.headers.erase(b.headers.begin() + 2);
  CHECK(b.post("SELECT 1").status == 400);
  CHECK(b.send("PUT", "/api/v2/statements").body.empty());
}

TEST_CASE("emulator: 202, polling, cancel and timeouts") {
  snow_bench b;
  const json_text async{b.post("SELECT 7 AS N", "", "?async=true").body};
  CHECK(async.text("/code") == "333334");
  CHECK(json_text{polled(b, async.text("/statementHandle")).body}.rows() == table{{"7"}});

  b.snow.statements().change([](auto& s) {
    s.wait = 10ms;
    s.delay = 200ms;
  });
  const auto slow = b.post("SELECT 1/0");
  CHECK(slow.status == 202);
  CHECK(snow_bench::verdict(polled(b, json_text{slow.body}.text("/statementHandle"))) == "422 100051");

  b.snow.statements().change([](auto& s) { s.delay = 0ms; });
  const json_text long_one{b.post("SELECT pg_sleep(20)").body};
  const std::string handle = long_one.text("/statementHandle");
  CHECK(snow_bench::verdict(b.send("POST", "/api/v2/statements/" + handle + "/cancel")) == "200 000604");
  CHECK(snow_bench::verdict(polled(b, handle)) == "422 000604");
  CHECK(snow_bench::verdict(b.send("POST", "/api/v2/statements/nobody/cancel")) == "422 000709");

  const json_text late{b.post("SELECT pg_sleep(20)", R"(,"timeout":1)").body};
  CHECK(snow_bench::verdict(polled(b, late.text("/statementHandle"))) == "408 000630");
}

TEST_CASE("emulator: partitions are fixed, packed and gone when expired") {
  snow_bench b{{.first_rows = 10, .partition_rows = 300}};
  thousand(b);
  const json_text first{b.post("SELECT * FROM T ORDER BY ID").body};
  const std::string handle = first.text("/statementHandle");
  CHECK(first.text("/resultSetMetaData/numRows") == "1000");
  std::size_t rows = first.rows().size();
  CHECK(rows == 10);
  for (int n = 1; n <= 4; ++n) {
    const auto r = b.get(handle, "?partition=" + std::to_string(n));
    CHECK(r.header("Content-Encoding") == "gzip");
    const json_text part{test::gunzip(r.body)};
    CHECK(part.rows().at(0).at(0) == std::to_string(rows + 1));
    CHECK(std::to_string(part.rows().size()) ==
          first.text("/resultSetMetaData/partitionInfo/" + std::to_string(n) + "/rowCount"));
    rows += part.rows().size();
  }
  CHECK(rows == 1000);
  CHECK(b.get(handle, "?partition=5").status == 422);
  b.snow.statements().change([](auto& s) { s.bare_partitions = true; });
  const json_text bare{b.post("SELECT * FROM T").body};
  CHECK(test::gunzip(b.get(bare.text("/statementHandle"), "?partition=1").body).substr(0, 3) == "[[\"");
  b.snow.statements().change([](auto& s) { s.most_results = 2; });
  CHECK(b.post("SELECT 1").status == 200);
  CHECK(b.get(bare.text("/statementHandle")).status == 200);
  CHECK(snow_bench::verdict(b.get(handle)) == "422 000709");
  b.snow.statements().expire_all();
  CHECK(snow_bench::verdict(b.get(bare.text("/statementHandle"), "?partition=1")) == "422 000709");
}

TEST_CASE("emulator: a requestId asked again with retry=true runs once") {
  snow_bench b;
  b.run("CREATE TABLE T (ID NUMBER)");
  const std::size_t before = b.snow.statements().executions();
  const std::string id = "?requestId=5f6e1a5c-7d40-4b11-9d5f-0c8f6a2f9d11";
  const json_text once{b.post("INSERT INTO T VALUES (1)", "", id).body};
  CHECK(once.text("/stats/numRowsInserted") == "1");
  const json_text again{b.post("INSERT INTO T VALUES (1)", "", id + "&retry=true").body};
  CHECK(again.text("/statementHandle") == once.text("/statementHandle"));
  CHECK(b.snow.statements().executions() == before + 1);
  // The connection is cut after the statement ran: the outcome is unknown to the client.
  b.snow.faults().add({.what = kind::cut, .on = route::submit});
  CHECK_THROWS(b.post("INSERT INTO T VALUES (2)", "", "?requestId=b"));
  CHECK(b.post("INSERT INTO T VALUES (2)", "", "?requestId=b&retry=true").status == 200);
  CHECK(b.rows("SELECT COUNT(*) FROM T") == table{{"2"}});
}

TEST_CASE("emulator: faults, each for the next so many requests") {
  snow_bench b{{.first_rows = 10, .partition_rows = 100}};
  thousand(b);
  auto& faults = b.snow.faults();
  faults.add({.on = route::submit,
              .times = 2,
              .status = 429,
              .code = "390505",
              .message = "busy",
              .retry_after_s = 3});
  CHECK(b.post("SELECT 1").header("Retry-After") == "3");
  CHECK(snow_bench::verdict(b.post("SELECT 1")) == "429 390505");
  const json_text result{b.post("SELECT * FROM T ORDER BY ID").body};
  const std::string handle = result.text("/statementHandle");
  const auto partition = [&](int n) { return b.get(handle, "?partition=" + std::to_string(n)); };

  faults.add({.what = kind::html, .status = 503});
  CHECK(partition(1).header("Content-Type") == "text/html");
  faults.add({.on = route::partition, .status = 401, .code = "390144"});
  CHECK(snow_bench::verdict(partition(1)) == "401 390144");
  faults.add({.what = kind::truncated_gzip, .on = route::partition, .partition = 2});
  CHECK(json_text{test::gunzip(partition(1).body)}.rows().size() == 100);
  CHECK_THROWS(test::gunzip(partition(2).body));
  faults.add({.what = kind::cut, .on = route::partition, .bytes = 150});
  CHECK_THROWS(partition(3));
  faults.add({.what = kind::added_column});
  CHECK(json_text{test::gunzip(partition(1).body)}.rows().at(99).size() == 3);
  faults.add({.what = kind::dropped_column});
  CHECK(json_text{test::gunzip(partition(1).body)}.rows().at(0) == std::vector<std::string>{"11"});
  faults.add({.what = kind::short_partition});
  CHECK(json_text{test::gunzip(partition(1).body)}.rows().size() == 99);
  faults.add({.what = kind::wrong_partition});
  CHECK(json_text{test::gunzip(partition(1).body)}.rows().at(0).at(0) == "111");
  faults.add({.what = kind::wrong_count});
  CHECK(json_text{b.get(handle).body}.text("/resultSetMetaData/numRows") == "1001");
  faults.add({.what = kind::truncated_result});
  CHECK(snow_bench::verdict(b.get(handle)) == "200 391908");
  const auto start = std::chrono::steady_clock::now();
  faults.add({.what = kind::stall, .pause = 150ms});
  CHECK(partition(1).status == 200);
  CHECK(std::chrono::steady_clock::now() - start >= 150ms);

  faults.seed(7);
  CHECK(b.send("POST", "/emulator/faults", R"({"what":"status","status":500,"times":0,"probability":0.5})")
            .status == 200);
  int failed = 0;
  for (int i = 0; i < 60; ++i)
    failed += partition(1).status == 500 ? 1 : 0;
  CHECK(failed > 15);
  CHECK(failed < 45);
  CHECK(b.send("DELETE", "/emulator/faults").status == 200);
  CHECK(b.send("POST", "/emulator/settings", R"({"upper_types":true})").status == 200);
  CHECK(json_text{b.post("SELECT 1 AS A").body}.text("/resultSetMetaData/rowType/0/type") == "FIXED");
}
