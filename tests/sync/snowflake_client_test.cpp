// The client against a TLS server that gives canned answers.
#include "sync/snowflake/client.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fstream>
#include <set>

#include "sync/snowflake/rows.hpp"
#include "tests/sync/load_support.hpp"
#include "tests/sync/snowflake_server.hpp"

using namespace gridlight;
using namespace gridlight::sync::snowflake;
using gridlight::test::canned;
using gridlight::test::snowflake_server;
using namespace std::chrono_literals;

namespace {

using request = snowflake_server::request;

const std::string done =
    R"({"resultSetMetaData":{"numRows":1,"format":"jsonv2","rowType":[{"name":"N","type":"fixed"}],)"
    R"("partitionInfo":[{"rowCount":1}]},"data":[["7"]],"code":"090001","statementHandle":"h1"})";
const std::string running = R"({"code":"333334","message":"running","statementHandle":"h1"})";

std::string said(const std::string& code, const std::string& message = "m") {
  return R"({"code":")" + code + R"(","message":")" + message + R"(","sqlState":"42S02"})";
}

client_options quick(const snowflake_server& s) {
  client_options o;
  o.host = "localhost";
  o.port = s.port();
  o.ca_file = s.certificate();
  o.first_poll = 5ms;
  o.longest_poll = 20ms;
  o.attempt_timeout = 5s;
  o.backoff = {5ms, 20ms, 400ms};
  return o;
}

std::shared_ptr<credentials> oauth() {
  return from_token(token_kind::oauth, secret{"the-token"});
}

// Runs one operation to its end.
template <class Start>
auto run(client_options o, Start start, std::shared_ptr<credentials> who = oauth()) {
  boost::asio::io_context io;
  auto c = client::make(io.get_executor(), std::move(o), std::move(who));
  REQUIRE(c.has_value());
  using value = typename decltype(start(*c))::value_type;
  std::optional<value> out;
  boost::asio::co_spawn(io, start(*c), [&](const std::exception_ptr& e, value v) {
    CHECK_FALSE(e);
    out.emplace(std::move(v));
  });
  io.run_for(20s);
  REQUIRE(out.has_value());
  return std::move(*out);
}

result<execution> execute(client_options o, std::chrono::milliseconds time = 10s,
                          std::shared_ptr<credentials> who = oauth()) {
  return run(
      std::move(o), [&](client& c) { return c.execute(statement{"SELECT 7"}, deadline_in(time)); },
      std::move(who));
}

// Answers in turn; the last one again and again.
snowflake_server::handler in_turn(std::vector<canned> answers) {
  return [answers = std::move(answers), n = std::size_t{0}](const request&) mutable {
    const canned& c = answers[std::min(n, answers.size() - 1)];
    ++n;
    return c;
  };
}

std::string parameter(const std::string& target, const std::string& name) {
  const std::size_t at = target.find(name + "=");
  if (at == target.npos) return "";
  const std::size_t begin = at + name.size() + 1;
  return target.substr(begin, target.find('&', begin) - begin);
}

}  // namespace

TEST_CASE("202, then 200: headers, polls, the inline partition") {
  std::vector<request> requests;
  snowflake_server s{[&, n = 0](const request& r) mutable {
    requests.push_back(r);
    return n++ < 3 ? canned{202, running} : canned{200, done};
  }};
  auto e = execute(quick(s));
  REQUIRE_MESSAGE(e.has_value(), e.error().detail);
  CHECK(e->head.handle == "h1");
  const auto rows = open_partition(std::move(e->first), e->head.columns);
  sync::source_row row;
  CHECK(rows->next(row).value());
  CHECK(row.cells[0].text == "7");
  CHECK_FALSE(rows->next(row).value());
  REQUIRE(requests.size() == 4);
  CHECK(requests[0]["Authorization"] == "Bearer the-token");
  CHECK(requests[0]["X-Snowflake-Authorization-Token-Type"] == "OAUTH");
  CHECK(requests[0]["Accept"] == "application/json");
  CHECK(requests[0]["User-Agent"] == "gridlight/0.1");
  CHECK(requests[1].target().starts_with("/api/v2/statements/h1?requestId="));
}

TEST_CASE("an unknown outcome is asked about with the same requestId, and retry=true") {
  for (const canned& first :
       {canned{200, done, {}, true}, canned{200, "", {}, false, true},
        canned{503, "<html>busy</html>", {{"Content-Type", "text/html"}}}, canned{500, ""}}) {
    snowflake_server s{in_turn({first, {200, done}})};
    const auto e = execute(quick(s));
    CHECK_MESSAGE(e.has_value(), e.error().detail);
    const auto seen = s.seen();
    REQUIRE(seen.size() == 2);
    CHECK(parameter(seen[0], "retry").empty());
    CHECK(parameter(seen[1], "retry") == "true");
    CHECK(parameter(seen[0], "requestId") == parameter(seen[1], "requestId"));
  }
}

TEST_CASE("429 is waited for: as long as the server says, or as backoff does") {
  {
    snowflake_server s{in_turn({{429, said("390505")}, {200, done}})};
    CHECK(execute(quick(s)).has_value());
    CHECK(parameter(s.seen().at(1), "retry").empty());
  }
  {
    snowflake_server s{in_turn({{429, "", {{"Retry-After", "1"}}}, {200, done}})};
    auto o = quick(s);
    o.backoff.budget = 3s;
    const auto start = steady::now();
    CHECK(execute(o).has_value());
    CHECK(ms_since(start) >= 1000);
  }
  {
    snowflake_server s{in_turn({{429, said("390505")}})};
    const auto e = execute(quick(s));
    REQUIRE_FALSE(e.has_value());
    CHECK(e.error().code == errc::database_unavailable);
    CHECK(e.error().detail.find("given up after") != std::string::npos);
    CHECK(is_code(e.error(), "390505"));
  }
  // While polling it means that the statement still runs.
  snowflake_server s{in_turn({{202, running}, {429, ""}, {429, ""}, {200, done}})};
  CHECK(execute(quick(s)).has_value());
  // It is waited for as told, but not for an hour.
  snowflake_server hour{in_turn({{202, running},
                                 {429, "", {{"Retry-After", "3600"}}},
                                 {202, running, {{"Retry-After", "3600"}}},
                                 {200, done}})};
  auto o = quick(hour);
  o.longest_told_poll = 300ms;
  const auto start = steady::now();
  CHECK(execute(o, 2h).has_value());
  CHECK(ms_since(start) >= 600);
  CHECK(ms_since(start) < 5000);
}

TEST_CASE("refusals end at once") {
  for (const unsigned status : {400U, 403U, 404U, 405U, 408U, 415U, 422U}) {
    snowflake_server s{in_turn({{status, said("002003", "Object 'T' does not exist")}})};
    const auto e = execute(quick(s));
    REQUIRE_FALSE(e.has_value());
    CHECK(e.error().detail.find("Object 'T' does not exist") != std::string::npos);
    CHECK(is_code(e.error(), "002003"));
    CHECK(s.seen().size() == 1);
  }
  snowflake_server s{in_turn({{200, said("391908")}})};
  CHECK(execute(quick(s)).error().code == errc::internal);
}

TEST_CASE("401: one new token, then the end; a token that cannot change is not tried again") {
  const gridlight::test::temp_folder folder;
  const auto file = folder.path() / "token";
  std::ofstream{file} << "old";
  const auto who = [&] { return std::shared_ptr<credentials>{from_token_file(token_kind::oauth, file)}; };
  {
    snowflake_server s{[&](const request& r) {
      if (r["Authorization"] == "Bearer new") return canned{200, done};
      std::ofstream{file} << "new";
      return canned{401, said("390318")};
    }};
    CHECK(execute(quick(s), 10s, who()).has_value());
  }
  {
    snowflake_server s{in_turn({{401, said("390303")}})};
    CHECK(execute(quick(s), 10s, who()).error().code == errc::unauthorized);
    CHECK(s.seen().size() == 2);
  }
  snowflake_server s{in_turn({{401, said("390144")}})};
  const auto e = execute(quick(s));
  CHECK(s.seen().size() == 1);
  CHECK(e.error().detail.find("the-token") == std::string::npos);
}

TEST_CASE("lock waiters: the statement is submitted anew, with another requestId") {
  snowflake_server s{in_turn({{202, running}, {422, said("000625")}, {202, running}, {200, done}})};
  CHECK(execute(quick(s)).has_value());
  const auto seen = s.seen();
  REQUIRE(seen.size() == 4);
  CHECK(seen[2].starts_with("POST"));
  CHECK(parameter(seen[0], "requestId") != parameter(seen[2], "requestId"));
}

TEST_CASE("a statement whose time is up is cancelled") {
  snowflake_server s{in_turn({{202, running}})};
  const auto e = execute(quick(s), 150ms);
  REQUIRE_FALSE(e.has_value());
  CHECK(e.error().code == errc::deadline);
  CHECK(s.seen().back().starts_with("POST /api/v2/statements/h1/cancel?"));
}

TEST_CASE("stop ends what waits, and cancels the statement") {
  snowflake_server s{[](const request& r) {
    const bool status = r.method_string() == "GET";
    return canned{202, running, {}, false, false, false, status ? 400ms : 0ms};
  }};
  boost::asio::io_context io;
  auto c = client::make(io.get_executor(), quick(s), oauth());
  std::optional<result<execution>> out;
  boost::asio::co_spawn(io, c->execute(statement{"SELECT 7"}, deadline_in(60s)),
                        [&](const std::exception_ptr&, result<execution> r) { out.emplace(std::move(r)); });
  boost::asio::steady_timer timer{io, 200ms};
  timer.async_wait([&](const boost::system::error_code&) { c->stop(); });
  const auto start = steady::now();
  io.run_for(20s);
  REQUIRE(out);
  CHECK(out->error().code == errc::shutting_down);
  CHECK(ms_since(start) < 5000);
  CHECK(s.seen().back().find("/cancel?") != std::string::npos);
}

TEST_CASE("certificates are checked: authority and name") {
  snowflake_server s{in_turn({{200, done}})};
  auto o = quick(s);
  o.ca_file.clear();
  const auto unknown = execute(o);
  CHECK(unknown.error().code == errc::input);
  CHECK(unknown.error().detail.find("self-signed") != std::string::npos);
  CHECK(s.seen().empty());
  o = quick(s);
  // Another name of the same place.
  o.host = "127.1";
  const auto other = execute(o);
  CHECK(other.error().code == errc::input);
  CHECK(other.error().detail.find("ismatch") != std::string::npos);
  CHECK(s.seen().empty());
  o.host = "127.0.0.1";
  CHECK(execute(o).has_value());
  o.ca_file = "/nowhere";
  boost::asio::io_context io;
  CHECK_FALSE(client::make(io.get_executor(), o, oauth()).has_value());
}

TEST_CASE("nobody there: tried until the budget is spent") {
  client_options o;
  {
    snowflake_server s{in_turn({{200, done}})};
    o = quick(s);
    o.ca_file.clear();
  }
  const auto e = execute(o);
  CHECK(e.error().code == errc::database_unavailable);
  CHECK(e.error().detail.find("cannot be reached") != std::string::npos);
}

TEST_CASE("a connection that was closed meanwhile is replaced without a pause") {
  snowflake_server s{in_turn({{202, running, {}, false, false, true}, {200, done}})};
  auto o = quick(s);
  o.first_poll = 50ms;
  o.backoff = {5s, 5s, 5s};
  const auto start = steady::now();
  CHECK(execute(o).has_value());
  CHECK(ms_since(start) < 4000);
}

namespace {

struct partitions_bench {
  static constexpr std::size_t count = 12;
  std::string head() const {
    std::string info;
    for (std::size_t i = 0; i < count; ++i)
      info += std::string{i == 0 ? "" : ","} + R"({"rowCount":2})";
    return R"({"resultSetMetaData":{"numRows":24,"rowType":[{"name":"N","type":"TEXT"}],"partitionInfo":[)" +
           info + R"(]},"data":[["0a"],["0b"]],"code":"090001","statementHandle":"h1"})";
  }
  canned operator()(const request& r) {
    const std::string n = parameter(std::string{r.target()}, "partition");
    if (n.empty()) return {200, head()};
    if (!broken.contains(n) && std::stoul(n) % 3 == 0) {
      broken.insert(n);
      return {200, "x", {}, true};
    }
    const std::string rows = R"([[")" + n + R"(a"],[")" + n + R"(b"]])";
    // Late ones first: they must come in order all the same.
    const auto wait = std::stoul(n) % 4 == 1 ? 60ms : 0ms;
    const std::string body = std::stoul(n) % 2 == 0 ? rows : R"({"data":)" + rows + "}";
    return {200, gridlight::test::packed(body), {{"Content-Encoding", "gzip"}}, false, false, false, wait};
  }
  std::set<std::string> broken;
};

boost::asio::awaitable<result<std::string>> read_all(client& c, std::size_t ahead) {
  statement s{"SELECT N"};
  const deadline until = deadline_in(10s);
  auto e = co_await c.execute(std::move(s), until);
  if (!e) co_return e.error();
  partition_reader partitions{c, std::move(*e), ahead, until};
  std::string out;
  for (;;) {
    auto next = co_await partitions.next();
    if (!next) co_return next.error();
    if (!*next) co_return out;
    const auto rows = open_partition(std::move(**next), partitions.head().columns);
    sync::source_row row;
    for (;;) {
      const auto more = rows->next(row);
      if (!more) co_return more.error();
      if (!*more) break;
      out.append(row.cells.at(0).text) += ' ';
    }
  }
}

}  // namespace

TEST_CASE("partitions come in order, whole, through cuts, however many are in flight") {
  std::string expected;
  for (std::size_t i = 0; i < partitions_bench::count; ++i)
    expected += std::to_string(i) + "a " + std::to_string(i) + "b ";
  for (const std::size_t ahead : {1U, 3U, 20U}) {
    snowflake_server s{partitions_bench{}};
    const auto all = run(quick(s), [&](client& c) { return read_all(c, ahead); });
    REQUIRE_MESSAGE(all.has_value(), all.error().detail);
    CHECK(*all == expected);
  }
}

TEST_CASE("a partition that cannot be had ends the reading") {
  snowflake_server s{[b = partitions_bench{}](const request& r) mutable {
    const bool gone = parameter(std::string{r.target()}, "partition") == "5";
    return gone ? canned{422, said("000709")} : b(r);
  }};
  const auto all = run(quick(s), [&](client& c) { return read_all(c, 4); });
  REQUIRE_FALSE(all.has_value());
  CHECK(is_code(all.error(), "000709"));
}
