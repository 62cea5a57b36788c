#include "server/metrics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace gridlight;

namespace {

bool has_line(const std::string& text, const std::string& wanted) {
  return ("\n" + text).find("\n" + wanted + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("no metrics render as nothing") {
  CHECK(metrics{}.render().empty());
}

TEST_CASE("a counter has HELP, TYPE, labels and starts at 0") {
  metrics m;
  auto a = m.make_counter("gridlight_requests_total", "Requests.", {{"route", "/live"}, {"status", "200"}});
  CHECK(m.render() ==
        "# HELP gridlight_requests_total Requests.\n# TYPE gridlight_requests_total counter\n"
        "gridlight_requests_total{route=\"/live\",status=\"200\"} 0\n");
  a.add();
  a.add(41);
  CHECK(has_line(m.render(), "gridlight_requests_total{route=\"/live\",status=\"200\"} 42"));
}

TEST_CASE("the same name and labels are the same series; other labels share HELP and TYPE") {
  metrics m;
  m.make_counter("x_total", "X.", {{"a", "1"}}).add();
  m.make_counter("x_total", "X.", {{"a", "1"}}).add();
  m.make_counter("x_total", "X.", {{"a", "2"}}).add(7);
  CHECK(m.render() == "# HELP x_total X.\n# TYPE x_total counter\nx_total{a=\"1\"} 2\nx_total{a=\"2\"} 7\n");
}

TEST_CASE("a name cannot change its type") {
  metrics m;
  m.make_counter("x_total", "X.");
  CHECK_THROWS_AS(m.make_histogram("x_total", "X."), std::logic_error);
  CHECK_THROWS_AS(m.add_gauge("x_total", "X.", {}, [] { return 0.0; }), std::logic_error);
}

TEST_CASE("label values and help are escaped, braces and Unicode are not") {
  metrics m;
  m.make_counter("x_total", "one\\two\nthree \"four\"", {{"route", "a\"b\\c\nd{e}é"}});
  CHECK(m.render() ==
        "# HELP x_total one\\\\two\\nthree \"four\"\n# TYPE x_total counter\n"
        "x_total{route=\"a\\\"b\\\\c\\nd{e}é\"} 0\n");
}

TEST_CASE("families are sorted by name") {
  metrics m;
  m.make_counter("b_total", "B.");
  m.make_counter("a_total", "A.");
  const auto text = m.render();
  CHECK(text.find("a_total") < text.find("b_total"));
}

TEST_CASE("a histogram's buckets are cumulative, inclusive, in seconds, from 0.5 ms to 10 s") {
  metrics m;
  auto h = m.make_histogram("h_seconds", "H.", {{"route", "r"}});
  for (const double ms : {0.0, 0.5, 0.50001, 20.0, 20.1, 10000.0, 10000.1, 1e300})
    h.observe_ms(ms);
  const auto text = m.render();
  CHECK(has_line(text, "# TYPE h_seconds histogram"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"0.0005\"} 2"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"0.001\"} 3"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"0.01\"} 3"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"0.02\"} 4"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"0.05\"} 5"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"10\"} 6"));
  CHECK(has_line(text, "h_seconds_bucket{route=\"r\",le=\"+Inf\"} 8"));
  CHECK(has_line(text, "h_seconds_count{route=\"r\"} 8"));
}

TEST_CASE("a histogram's sum is in seconds; what is no duration counts as 0") {
  metrics m;
  auto h = m.make_histogram("h_seconds", "H.");
  h.observe_ms(1.5);
  h.observe_ms(250);
  h.observe_ms(-3);
  h.observe_ms(std::numeric_limits<double>::quiet_NaN());
  CHECK(has_line(m.render(), "h_seconds_sum 0.2515"));
  CHECK(has_line(m.render(), "h_seconds_count 4"));
  CHECK(has_line(m.render(), "h_seconds_bucket{le=\"0.0005\"} 2"));
}

TEST_CASE("gauges are read when rendering, each time, and can be replaced") {
  metrics m;
  double value = 1.5;
  m.add_gauge("g", "G.", {}, [&] { return value; });
  m.add_counter_source("c_total", "C.", {{"lane", "lookup"}}, [] { return 3e9; });
  CHECK(has_line(m.render(), "# TYPE g gauge"));
  CHECK(has_line(m.render(), "g 1.5"));
  CHECK(has_line(m.render(), "c_total{lane=\"lookup\"} 3000000000"));
  value = std::numeric_limits<double>::quiet_NaN();
  CHECK(has_line(m.render(), "g NaN"));
  value = std::numeric_limits<double>::infinity();
  CHECK(has_line(m.render(), "g +Inf"));
  value = -value;
  CHECK(has_line(m.render(), "g -Inf"));
  m.add_gauge("g", "G.", {}, [] { return 7.0; });
  CHECK(has_line(m.render(), "g 7"));
}

TEST_CASE("a handle that was never made counts nowhere") {
  metrics::counter c;
  metrics::histogram h;
  c.add();
  h.observe_ms(1);
}

TEST_CASE("nothing is lost between threads, and rendering and registering may go on beside") {
  metrics m;
  auto counter = m.make_counter("x_total", "X.");
  auto histogram = m.make_histogram("h_seconds", "H.");
  constexpr int threads = 12, rounds = 20000;
  std::vector<std::thread> all;
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([=]() mutable {
      for (int i = 0; i < rounds; ++i) {
        counter.add();
        histogram.observe_ms(i % 30);
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    m.make_counter("y_total", "Y.", {{"i", std::to_string(i)}}).add();
    CHECK_FALSE(m.render().empty());
  }
  for (auto& t : all)
    t.join();
  const auto text = m.render();
  CHECK(has_line(text, "x_total 240000"));
  CHECK(has_line(text, "h_seconds_count 240000"));
  CHECK(has_line(text, "h_seconds_bucket{le=\"+Inf\"} 240000"));
  CHECK(has_line(text, "y_total{i=\"49\"} 1"));
}
