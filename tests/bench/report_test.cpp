#include "bench/load/report.hpp"

#include <doctest/doctest.h>
#include <simdjson.h>

#include "bench/load/capacity.hpp"
#include "bench/load/target.hpp"

using namespace gridlight::bench;
using namespace std::chrono_literals;

namespace {

outcome sample() {
  outcome o;
  o.seconds_counted = 2;
  o.kinds.emplace_back("within \"500\" <m>");
  o.kinds.emplace_back("status");
  for (int i = 1; i <= 1000; ++i)
    o.kinds[0].latency.add(std::chrono::microseconds{i * 10});
  o.kinds[0].ok = 1000;
  o.kinds[0].bytes = 5'000'000;
  o.kinds[0].errors["status 503"] = 3;
  add_server_timing(o.kinds[0].server, "queue;dur=0.03, db;dur=1.21, encode;dur=0.11");
  o.kinds[1].ok = 10;
  o.kinds[1].latency.add(2ms);
  o.seconds = {{1, 500, 0, 5, 9.9, 10}, {2, 500, 3, 5, 9.9, 10}, {3, 0, 0, 0, 0, 0}};
  return o;
}

run_facts facts() {
  run_facts f;
  f.url = "http://127.0.0.1:8080";
  f.scenario = "lookup";
  f.about = "a < b";
  f.pace = "100 requests/s whatever the answers do";
  f.command = "gridlight-bench 'lookup'";
  f.started = "2026-11-27T08:00:00Z";
  return f;
}

}  // namespace

TEST_CASE("Server-Timing: known parts are counted, whatever else stands there") {
  std::array<histogram, 4> parts;
  add_server_timing(parts, "queue;dur=0.5, db;desc=\"x\";dur=10, other;dur=3, cache, encode;dur=abc,,;,=");
  CHECK(parts[0].quantile_ms(1) == doctest::Approx(0.5).epsilon(0.01));
  CHECK(parts[1].quantile_ms(1) == doctest::Approx(10).epsilon(0.01));
  CHECK(parts[2].count() == 0);
  CHECK(parts[3].count() == 0);
  add_server_timing(parts, "");
}

TEST_CASE("the JSON report is JSON with the figures of each kind and of all") {
  simdjson::dom::parser parser;
  const std::string text = json_report(facts(), sample());
  const simdjson::dom::element root = parser.parse(text);
  CHECK(std::string_view{root["scenario"]} == "lookup");
  CHECK(root["kinds"].get_array().size() == 2);
  const simdjson::dom::element first = root["kinds"].at(0);
  CHECK(std::string_view{first["name"]} == "within \"500\" <m>");
  CHECK(double{first["rps"]} == 500);
  CHECK(double{first["p99_ms"]} == doctest::Approx(9.9).epsilon(0.01));
  CHECK(std::uint64_t{first["errors"]} == 3);
  CHECK(std::uint64_t{first["error_kinds"]["status 503"]} == 3);
  CHECK(double{first["server"]["db"]["p50"]} == doctest::Approx(1.21).epsilon(0.01));
  CHECK(std::uint64_t{root["total"]["ok"]} == 1010);
  CHECK(text.rfind("\"rps\":") > text.find("\"total\""));
}

TEST_CASE("the table names kinds, errors, and what to mind") {
  outcome o = sample();
  CHECK(text_report(facts(), o).find("error: 3 × status 503") != std::string::npos);
  CHECK(text_report(facts(), o).find("mind:") == std::string::npos);
  o.client_cpu_share = 0.99;
  o.interrupted = true;
  CHECK(text_report(facts(), o).find("tell of the client") != std::string::npos);
  CHECK(text_report(facts(), o).find("interrupted") != std::string::npos);
}

TEST_CASE("the page needs no other host, escapes what it shows, and draws both plots") {
  const std::string page = html_report(facts(), sample());
  for (const char* word : {"src=", "href=", "url(", "@import", "<script", "//cdn"})
    CHECK(page.find(word) == std::string::npos);
  CHECK(page.find("within &quot;500&quot; &lt;m&gt;") != std::string::npos);
  CHECK(page.find("a &lt; b") != std::string::npos);
  CHECK(page.find("Latency by percentile") != std::string::npos);
  CHECK(page.find("Latency by time") != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf") == std::string::npos);
}

TEST_CASE("reports of nothing") {
  outcome o;
  o.kinds.emplace_back("a");
  simdjson::dom::parser parser;
  const std::string text = json_report(facts(), o);
  CHECK(parser.parse(text).error() == simdjson::SUCCESS);
  CHECK(!text_report(facts(), o).empty());
  CHECK(html_report(facts(), o).find("nan") == std::string::npos);
}

TEST_CASE("capacity: doubles, then halves the gap") {
  const auto server = [](double limit) {
    return [limit](double rate) {
      outcome o;
      o.seconds_counted = 1;
      o.kinds.emplace_back("a");
      o.kinds[0].ok = static_cast<std::uint64_t>(rate);
      o.kinds[0].latency.add(rate <= limit ? 5ms : 50ms);
      return o;
    };
  };
  const auto quietly = [](const trial&) {};
  for (const double limit : {1234.0, 100.0, 37.0, 99'000.0}) {
    const capacity c = find_capacity(100, 20, server(limit), quietly);
    CAPTURE(limit);
    CHECK(c.rate <= limit);
    CHECK(c.rate >= limit / 1.06);
  }
  CHECK(find_capacity(100, 20, server(0), quietly).rate == 0);
  // Errors fail a rate, however quick the answers are.
  const auto with_errors = [](double rate) {
    outcome o;
    o.seconds_counted = 1;
    o.kinds.emplace_back("a");
    o.kinds[0].ok = 100;
    if (rate > 400) o.kinds[0].errors["status 503"] = 1;
    return o;
  };
  CHECK(find_capacity(100, 20, with_errors, quietly).rate == doctest::Approx(400).epsilon(0.06));
}

TEST_CASE("URLs and times") {
  CHECK(parse_target("http://127.0.0.1:8080").port == "8080");
  CHECK(parse_target("https://grid.example/base/").prefix == "/base");
  CHECK(parse_target("https://grid.example").port == "443");
  const target v6 = parse_target("http://[::1]:81");
  CHECK(v6.host == "::1");
  CHECK(v6.authority == "[::1]:81");
  for (const char* bad : {"", "127.0.0.1", "ftp://a", "http://", "http://a?b", "http://u@a", "http://a b"})
    CHECK_THROWS_AS(parse_target(bad), usage_error);
  CHECK(parse_seconds("500ms", "x") == 0.5);
  CHECK(parse_seconds("2m", "x") == 120);
  CHECK(parse_seconds("1.5", "x") == 1.5);
  for (const char* bad : {"", "s", "1h", "-1s", "nan", "inf", "1 s"})
    CHECK_THROWS_AS(parse_seconds(bad, "x"), usage_error);
}
