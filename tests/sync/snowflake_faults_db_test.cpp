// Our client against the emulator, over TLS: what it must do by the contract's retry table.
#include <fstream>
#include <set>

#include "tests/support/soak.hpp"
#include "tests/sync/snowflake_journey.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using client_side_statement = gridlight::sync::snowflake::statement;
using gridlight::sync::snowflake::is_code;
using test::journey;
using test::quick;
using test::snowflake_source;
using test::told;
using test::travel;
using test::snowflake::fault;
using test::snowflake::route;
using kind = fault::kind;

namespace {

constexpr const char* root = "/api/v2/statements";

// The submissions, one letter each: `-` the first and those like it, `r` with retry=true, `n` of a new
// requestId, in capitals when the token is another than the first one's.
std::string submissions(const snowflake_source& s) {
  std::string out, id;
  for (const auto& q : s.emulator().seen()) {
    if (q.method != "POST" || q.path != root) continue;
    const std::string own = q.parameter("requestId");
    REQUIRE(own.size() == 36);
    if (id.empty()) id = own;
    out += q.parameter("retry") == "true" ? 'r' : own == id ? '-' : 'n';
    if (own != id) id = own;
  }
  return out;
}

std::size_t asked(const snowflake_source& s, const std::string& method, const std::string& part) {
  std::size_t n = 0;
  for (const auto& q : s.emulator().seen())
    n += q.method == method && q.path.find(part) != std::string::npos;
  return n;
}

struct trial {
  const char* name;
  fault wrong;
  std::string submitted = "-";
  std::optional<errc> end = std::nullopt;  // nothing: it succeeds
  const char* code = "";
  std::size_t executions = 1;
  std::chrono::milliseconds least{0};
};

fault with_status(int status, route on, int times = 1, const char* code = "000603") {
  return {.on = on, .times = times, .status = status, .code = code};
}

fault busy(route on, int times, std::optional<int> retry_after_s = std::nullopt) {
  return {.on = on,
          .times = times,
          .status = 429,
          .code = "390505",
          .message = "busy",
          .retry_after_s = retry_after_s};
}

// An INSERT under each fault: what the client says must agree with what is in the table.
void insert_under(snowflake_source& s, const trial& t, bool async) {
  CAPTURE(t.name);
  s.run("CREATE OR REPLACE TABLE LOG (ID NUMBER)");
  s.emulator().forget_seen();
  const std::size_t fired = s.faults().fired();
  const std::size_t before = s.emulator().statements().executions();
  s.faults().add(t.wrong);
  const auto start = steady::now();
  const journey j = travel(quick(s), s.key_pair(), {.sql = "INSERT INTO LOG VALUES (1)", .async = async});
  CAPTURE(told(j));
  CHECK(submissions(s) == t.submitted);
  CHECK(s.emulator().statements().executions() - before == t.executions);
  CHECK(steady::now() - start >= t.least);
  CHECK(s.faults().fired() > fired);
  if (t.end) {
    REQUIRE(j.failed);
    CHECK(j.failed->code == *t.end);
    if (*t.code != '\0') CHECK(is_code(*j.failed, t.code));
  } else {
    CHECK_FALSE(j.failed);
    CHECK(j.head.changed.inserted == 1);
  }
  s.faults().clear();
  if (!t.end) CHECK(s.value("SELECT COUNT(*) FROM LOG") == "1");
}

constexpr int always = 0;

}  // namespace

TEST_CASE("client and emulator: a submission under every fault") {
  const route on = route::submit;
  const std::vector<trial> trials{
      {"429, no Retry-After", busy(on, 2), "---"},
      {"429, Retry-After", busy(on, 1, 1), "--", {}, "", 1, 1000ms},
      {"500", with_status(500, on), "-r"},
      {"503, twice", with_status(503, on, 2), "-rr"},
      {"502, HTML", {.what = kind::html, .on = on, .status = 502}, "-r"},
      {"503, HTML, after it ran", {.what = kind::html, .on = on, .after = true, .status = 503}, "-r"},
      {"504, no body", {.what = kind::empty, .on = on, .status = 504}, "-r"},
      {"500, after it ran", {.on = on, .after = true, .status = 500}, "-r"},
      {"cut before a byte", {.what = kind::cut, .on = on}, "-r"},
      {"cut in the head", {.what = kind::cut, .on = on, .bytes = 30}, "-r"},
      {"cut in the body", {.what = kind::cut, .on = on, .bytes = 400}, "-r"},
      {"stall", {.what = kind::stall, .on = on, .pause = 5s}, "-r", {}, "", 1, 700ms},
      {"stall in the body",
       {.what = kind::stall, .on = on, .pause = 5s, .bytes = 300},
       "-r",
       {},
       "",
       1,
       700ms},
      {"401, a JWT", with_status(401, on, 1, "390144"), "--"},
      {"401, expired", with_status(401, on, 1, "390318"), "--"},
      {"000625, lock waiters", with_status(422, on, 1, "000625"), "-n"},

      {"401 again", with_status(401, on, always, "390144"), "--", errc::unauthorized, "390144", 0},
      {"400", with_status(400, on, 1, "390142"), "-", errc::input, "390142", 0},
      {"403", with_status(403, on), "-", errc::forbidden, "", 0},
      {"404", with_status(404, on), "-", errc::internal, "", 0},
      {"405", {.what = kind::empty, .on = on, .status = 405}, "-", errc::internal, "", 0},
      {"408", with_status(408, on, 1, "000630"), "-", errc::deadline, "000630", 0},
      {"415", with_status(415, on), "-", errc::internal, "", 0},
      {"422, SQL", with_status(422, on, 1, "002003"), "-", errc::schema_mismatch, "002003", 0},
      {"200 without 090001", {.what = kind::truncated_result, .on = on}, "-", errc::internal, "391908"},
      {"wrong row count", {.what = kind::wrong_count, .on = on}, "-", errc::internal}};
  snowflake_source s;
  for (const trial& t : trials)
    insert_under(s, t, false);
}

TEST_CASE("client and emulator: what is never well ends with the budget") {
  snowflake_source s;
  for (const fault& wrong : {busy(route::submit, always), with_status(503, route::submit, always),
                             fault{.what = kind::cut, .on = route::submit, .times = always}}) {
    s.faults().clear();
    s.faults().add(wrong);
    s.emulator().forget_seen();
    const std::size_t before = s.emulator().statements().executions();
    const auto start = steady::now();
    const journey j = travel(quick(s), s.key_pair(), {.sql = "SELECT 1", .async = false});
    REQUIRE(j.failed);
    CHECK(j.failed->code == errc::database_unavailable);
    CHECK(j.failed->detail.find("given up after") != std::string::npos);
    CHECK(steady::now() - start < 10s);
    CHECK(submissions(s).size() > 3);
    CHECK(s.emulator().statements().executions() - before <= 1);
  }
}

TEST_CASE("client and emulator: a poll under every fault") {
  const route on = route::poll;
  const std::vector<trial> trials{
      {"429: it runs still", busy(on, 3)},
      {"429, Retry-After", busy(on, 1, 1), "-", {}, "", 1, 1000ms},
      {"500", with_status(500, on, 2)},
      {"503, HTML", {.what = kind::html, .on = on, .times = 2}},
      {"503, no body", {.what = kind::empty, .on = on}},
      {"cut", {.what = kind::cut, .on = on, .bytes = 10}},
      {"stall", {.what = kind::stall, .on = on, .pause = 5s}, "-", {}, "", 1, 700ms},
      {"401", with_status(401, on, 1, "390318")},

      {"401 again", with_status(401, on, always, "390144"), "-", errc::unauthorized, "390144"},
      {"408", with_status(408, on, 1, "000630"), "-", errc::deadline, "000630"},
      {"422, cancelled", with_status(422, on, 1, "000604"), "-", errc::conflict, "000604"},
      {"422, SQL", with_status(422, on, 1, "100038"), "-", errc::input, "100038"},
      {"404", with_status(404, on), "-", errc::internal}};
  snowflake_source s{{.delay = 40ms}};
  for (const trial& t : trials)
    insert_under(s, t, true);
  // Nobody knows whether a statement still runs that cannot be asked about: it is cancelled.
  s.emulator().forget_seen();
  s.emulator().statements().change([](auto& how) { how.delay = 3s; });
  s.faults().add(with_status(503, on, always));
  const journey j = travel(quick(s), s.key_pair(), {.sql = "SELECT 1"});
  REQUIRE(j.failed);
  CHECK(j.failed->code == errc::database_unavailable);
  CHECK(asked(s, "POST", "/cancel") == 1);
}

TEST_CASE("client and emulator: a statement's own end") {
  snowflake_source s;
  s.run("CREATE TABLE T (ID NUMBER)");
  const auto end = [&](const std::string& sql, client_side_statement like = {}) {
    like.sql = sql;
    s.emulator().forget_seen();
    return travel(quick(s), s.key_pair(), like);
  };
  SUBCASE("its timeout passes in Snowflake") {
    const journey j = end("SELECT pg_sleep(20)", {.sql = "", .timeout = 1s});
    REQUIRE(j.failed);
    CHECK(j.failed->code == errc::deadline);
    CHECK(is_code(*j.failed, "000630"));
    CHECK(submissions(s) == "-");
  }
  SUBCASE("SQL that fails, at once and while it is polled") {
    for (const bool async : {false, true}) {
      const journey j = end("SELECT NOBODY FROM T", {.sql = "", .async = async});
      REQUIRE(j.failed);
      CHECK(j.failed->code == errc::schema_mismatch);
      CHECK(is_code(*j.failed, "000904"));
      CHECK(j.failed->detail.find("NOBODY") != std::string::npos);
    }
  }
  SUBCASE("time travel that is gone, so that a run may read all instead") {
    const journey j =
        end("SELECT * FROM T CHANGES (INFORMATION => DEFAULT) AT (TIMESTAMP => '2020-01-01 "
            "00:00'::TIMESTAMP_LTZ)");
    REQUIRE(j.failed);
    CHECK(j.failed->code == errc::not_found);
    CHECK(is_code(*j.failed, "000707"));
  }
  SUBCASE("the client's time is up: cancelled in Snowflake") {
    const journey j = travel(quick(s), s.key_pair(), {.sql = "SELECT pg_sleep(20)"}, 400ms);
    REQUIRE(j.failed);
    CHECK(j.failed->code == errc::deadline);
    CHECK(asked(s, "POST", "/cancel") == 1);
    std::string running = "1";
    for (int i = 0; i < 100 && running != "0"; ++i) {
      running = s.db().value(
          "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
          " AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()");
      std::this_thread::sleep_for(20ms);
    }
    CHECK(running == "0");
  }
}

TEST_CASE("client and emulator: whom Snowflake lets in") {
  snowflake_source s{{.jwt_life = 2s}};
  const auto who = s.key_pair();
  CHECK_FALSE(travel(quick(s), who, {.sql = "SELECT 1", .async = false}).failed);
  std::this_thread::sleep_for(2100ms);
  // The token that the client keeps has expired by the server's clock: it makes another.
  const journey later = travel(quick(s), who, {.sql = "SELECT 1", .async = false});
  CHECK_MESSAGE(!later.failed, told(later));
  CHECK(submissions(s) == "-n-");
  std::set<std::string> tokens;
  for (const auto& q : s.emulator().seen())
    tokens.insert(q.header("authorization"));
  CHECK(tokens.size() == 2);

  const test::snowflake_source other;
  const journey stranger = travel(quick(s), other.key_pair(), {.sql = "SELECT 1"});
  REQUIRE(stranger.failed);
  CHECK(stranger.failed->code == errc::unauthorized);
  CHECK(is_code(*stranger.failed, "390144"));

  namespace client_side = test::client_side;
  s.emulator().doors().add_token("PROGRAMMATIC_ACCESS_TOKEN", secret{"pat-1"},
                                 std::chrono::system_clock::now() + 1h);
  CHECK_FALSE(travel(quick(s),
                     client_side::from_token(client_side::token_kind::programmatic, secret{"pat-1"}),
                     {.sql = "SELECT 1"})
                  .failed);
  const test::temp_folder folder;
  const auto file = folder.path() / "token";
  std::ofstream{file} << "expired";
  s.emulator().doors().add_token("OAUTH", secret{"expired"}, std::chrono::system_clock::now() - 1s);
  s.emulator().doors().add_token("OAUTH", secret{"fresh"}, std::chrono::system_clock::now() + 1h);
  const auto from_file = [&] {
    return travel(quick(s), client_side::from_token_file(client_side::token_kind::oauth, file),
                  {.sql = "SELECT 1"});
  };
  const journey expired = from_file();
  REQUIRE(expired.failed);
  CHECK(is_code(*expired.failed, "390318"));
  std::ofstream{file} << "fresh";
  CHECK_FALSE(from_file().failed);
}

namespace {

void make_rows(snowflake_source& s, int rows) {
  s.run("CREATE TABLE T (ID NUMBER(38,0), NAME VARCHAR)");
  s.db().run("INSERT INTO " + snowflake_source::table("T") +
             " SELECT i, 'name ' || i FROM generate_series(1, " + std::to_string(rows) + ") i");
}

std::vector<std::string> expected_rows(int rows) {
  std::vector<std::string> out;
  for (int i = 1; i <= rows; ++i)
    out.push_back(std::to_string(i) + "|name " + std::to_string(i));
  return out;
}

const std::string all_rows = "SELECT ID, NAME FROM T ORDER BY ID";
constexpr int row_count = 1000;
// Partitions of 10, 300, 300, 300 and 90 rows.
const test::snowflake::settings parts{.first_rows = 10, .partition_rows = 300};

}  // namespace

TEST_CASE("client and emulator: partitions under every fault come whole and in order, or not at all") {
  snowflake_source s{parts};
  make_rows(s, row_count);
  const auto expected = expected_rows(row_count);
  const route on = route::partition;
  struct partition_trial {
    const char* name;
    fault wrong;
    std::string reason = "";  // empty: it succeeds
  };
  const std::vector<partition_trial> trials{
      {"none", {.what = kind::stall, .on = route::cancel}},
      {"429", busy(on, 2)},
      {"429, Retry-After", busy(on, 1, 1)},
      {"503, HTML", {.what = kind::html, .on = on, .times = 2}},
      {"500", with_status(500, on)},
      {"503, no body", {.what = kind::empty, .on = on}},
      {"401 in the middle", {.on = on, .partition = 3, .status = 401, .code = "390318"}},
      {"cut before a byte", {.what = kind::cut, .on = on, .times = 2}},
      {"cut in the body", {.what = kind::cut, .on = on, .partition = 2, .bytes = 500}},
      {"stall", {.what = kind::stall, .on = on, .partition = 2, .pause = 5s}},
      {"stall in the body", {.what = kind::stall, .on = on, .partition = 4, .pause = 5s, .bytes = 400}},
      {"odd order", {.what = kind::stall, .on = on, .partition = 1, .pause = 250ms}},

      {"truncated gzip", {.what = kind::truncated_gzip, .on = on, .partition = 2}, "cut off"},
      {"a row missing", {.what = kind::short_partition, .on = on}, "299 rows instead of 300"},
      {"a column more", {.what = kind::added_column, .on = on}, "3 cells instead of 2"},
      {"a column less", {.what = kind::dropped_column, .on = on}, "1 cells instead of 2"},
      {"another partition's rows", {.what = kind::wrong_partition, .on = on, .partition = 4}, "more rows"},
      {"wrong row count", {.what = kind::wrong_count}, "1001"},
      {"401 for good", with_status(401, on, always, "390318"), "expired"},
      {"404", with_status(404, on), "404"},
      {"422", with_status(422, on, 1, "000709"), "expired"}};
  for (const auto& t : trials) {
    CAPTURE(t.name);
    s.faults().clear();
    s.emulator().forget_seen();
    s.faults().add(t.wrong);
    const journey j = travel(quick(s), s.key_pair(), {.sql = all_rows});
    CAPTURE(told(j));
    CHECK(submissions(s) == "-");
    if (t.reason.empty()) {
      CHECK_FALSE(j.failed);
      CHECK(j.rows == expected);
      continue;
    }
    REQUIRE(j.failed);
    CHECK((j.failed->detail + " " + j.failed->log_detail).find(t.reason) != std::string::npos);
    // What was handed out before is right; a partition's count is known at its end only.
    if (t.wrong.what == kind::wrong_partition) continue;
    CHECK(j.rows.size() < expected.size());
    CHECK(std::equal(j.rows.begin(), j.rows.end(), expected.begin()));
  }
}

TEST_CASE("client and emulator: a result that has expired must be made anew") {
  snowflake_source s{parts};
  make_rows(s, row_count);
  boost::asio::io_context io;
  auto c = test::client_side::client::make(io.get_executor(), quick(s), s.key_pair());
  REQUIRE(c.has_value());
  std::vector<std::string> codes;
  boost::asio::co_spawn(
      io,
      [&]() -> boost::asio::awaitable<void> {
        client_side_statement sql{.sql = all_rows};
        const deadline until = deadline_in(10s);
        const auto e = co_await c->execute(std::move(sql), until);
        REQUIRE(e.has_value());
        const auto there = co_await c->attach(e->head.handle, until);
        CHECK(there.has_value());
        s.emulator().statements().expire_all();
        const auto part = co_await c->partition(e->head, 1, until);
        const auto again = co_await c->attach(e->head.handle, until);
        REQUIRE_FALSE(part.has_value());
        REQUIRE_FALSE(again.has_value());
        for (const failure& f : {part.error(), again.error()}) {
          CHECK(f.code == errc::not_found);
          CHECK(is_code(f, "000709"));
          codes.push_back(f.log_detail);
        }
      },
      [](const std::exception_ptr& e) { CHECK_FALSE(e); });
  io.run_for(20s);
  CHECK(codes.size() == 2);
}

TEST_CASE("client and emulator: both settings of what the contract could not settle") {
  snowflake_source s{parts};
  make_rows(s, row_count);
  const auto expected = expected_rows(row_count);
  for (int bits = 0; bits < 8; ++bits) {
    CAPTURE(bits);
    s.emulator().statements().change([&](auto& how) {
      how.bare_partitions = (bits & 1) != 0;
      how.upper_types = (bits & 2) != 0;
      how.wait = (bits & 4) != 0 ? 0ms : 45s;
    });
    for (const bool async : {false, true}) {
      const journey j = travel(quick(s), s.key_pair(), {.sql = all_rows, .async = async});
      CAPTURE(told(j));
      CHECK(j.rows == expected);
      REQUIRE(j.head.columns.size() == 2);
      CHECK(j.head.columns[0].type == "fixed");
    }
  }
}

TEST_CASE("client and emulator: faults at random never make a wrong result") {
  const std::uint64_t seed = test::chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=" << seed);
  snowflake_source s{parts};
  make_rows(s, row_count);
  s.run("CREATE TABLE LOG (ID NUMBER)");
  s.faults().seed(seed);
  const auto expected = expected_rows(row_count);
  const std::vector<fault> mendable{busy(route::any, always),
                                    with_status(503, route::any, always),
                                    {.what = kind::html, .on = route::any},
                                    {.what = kind::html, .on = route::any, .after = true},
                                    {.what = kind::cut, .on = route::any},
                                    {.what = kind::cut, .on = route::any, .bytes = 350},
                                    {.what = kind::stall, .on = route::any, .pause = 20ms}};
  const std::vector<fault> deadly{{.what = kind::truncated_gzip, .on = route::any},
                                  {.what = kind::short_partition, .on = route::any},
                                  {.what = kind::added_column, .on = route::any},
                                  {.what = kind::wrong_count, .on = route::any},
                                  {.what = kind::truncated_result, .on = route::any}};
  int whole = 0, refused = 0;
  const auto plan = [&](const std::vector<fault>& list, double probability) {
    for (fault f : list) {
      f.times = always;
      f.probability = probability;
      s.faults().add(f);
    }
  };
  auto o = quick(s);
  o.backoff.budget = 20s;
  const int runs = test::count_of(20, 1000);
  for (int i = 0; i < runs; ++i) {
    s.faults().clear();
    plan(mendable, 0.06);
    if (i % 2 == 1) plan(deadly, 0.05);
    const journey j = travel(o, s.key_pair(), {.sql = all_rows, .async = i % 3 != 0});
    CAPTURE(told(j));
    if (i % 2 == 0) CHECK_FALSE(j.failed);
    if (j.failed)
      ++refused;
    else
      ++whole;
    if (!j.failed) CHECK(j.rows == expected);
    s.faults().clear();
    plan(mendable, 0.06);
    const std::string id = std::to_string(i);
    const journey put =
        travel(o, s.key_pair(), {.sql = "INSERT INTO LOG VALUES (" + id + ")", .async = i % 3 != 0});
    CAPTURE(told(put));
    CHECK_FALSE(put.failed);
    s.faults().clear();
    CHECK(s.value("SELECT COUNT(*) FROM LOG WHERE ID = " + id) == "1");
  }
  CHECK(whole >= runs / 2);
  CHECK(refused > 0);
  CHECK(s.faults().fired() > static_cast<std::size_t>(runs));
}
