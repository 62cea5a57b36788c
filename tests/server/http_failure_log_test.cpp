#include "server/http/failure_log.hpp"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

using namespace gridlight;
using namespace std::chrono_literals;

namespace {

// What the default logger writes while this lives.
class captured_log {
 public:
  captured_log() : before_(spdlog::default_logger()) {
    auto sink = std::make_shared<spdlog::sinks::ostream_sink_st>(text_);
    auto logger = std::make_shared<spdlog::logger>("", std::move(sink));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(std::move(logger));
  }
  ~captured_log() { spdlog::set_default_logger(before_); }
  captured_log(const captured_log&) = delete;
  captured_log& operator=(const captured_log&) = delete;

  std::string text() const { return text_.str(); }
  std::ptrdiff_t lines() const {
    const std::string t = text();
    return std::count(t.begin(), t.end(), '\n');
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

const failure away{errc::database_unavailable, "the database cannot be reached", {}, "connection refused"};

}  // namespace

TEST_CASE("an outage writes a few lines a second and says how many it left out") {
  const captured_log log;
  http::failure_log failures;
  const auto start = steady::now();
  for (int i = 0; i < 4000; ++i)
    failures.tell(away, "a" + std::to_string(i), start + i * 100us);
  CHECK(log.lines() == http::failure_log::lines_a_second);
  CHECK(log.text().find("request a0: ") != std::string::npos);
  CHECK(log.text().find("connection refused") != std::string::npos);
  failures.settle(start + 500ms);
  CHECK(log.lines() == http::failure_log::lines_a_second);  // the second is not over
  failures.settle(start + 1100ms);
  CHECK(log.text().find(": 3995 more within a second") != std::string::npos);
  const auto before = log.lines();
  failures.settle(start + 5s);
  CHECK(log.lines() == before);  // told once
  failures.tell(away, "b", start + 6s);
  CHECK(log.lines() == before + 1);
}

TEST_CASE("the next failure tells of those left out when nobody settled") {
  const captured_log log;
  http::failure_log failures;
  const auto start = steady::now();
  for (int i = 0; i < 8; ++i)
    failures.tell(away, "a", start);
  failures.tell(away, "b", start + 3s);
  CHECK(log.text().find(": 3 more within a second") != std::string::npos);
  CHECK(log.lines() == http::failure_log::lines_a_second + 2);
}

TEST_CASE("kinds are counted apart, each internal error is written, a client's fault never") {
  const captured_log log;
  http::failure_log failures;
  const auto start = steady::now();
  for (int i = 0; i < 100; ++i) {
    failures.tell({errc::internal, "a bug"}, "a", start);
    failures.tell({errc::bad_parameter, "radius_m is missing", "radius_m"}, "b", start);
    failures.tell({errc::shutting_down, "the server drains"}, "c", start);
  }
  CHECK(log.lines() == 100);
  failures.tell(away, "d", start);
  failures.tell({errc::pool_exhausted, "no connection came free"}, "e", start);
  CHECK(log.lines() == 102);
}
