#include "server/log.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdio>
#include <random>
#include <thread>
#include <vector>

#include "server/secret.hpp"
#include "tests/support/soak.hpp"

using namespace gridlight;

namespace {

// Sends stderr to a file while it lives.
class captured_stderr {
 public:
  captured_stderr() : file_(std::tmpfile()), saved_(::dup(STDERR_FILENO)) {
    ::dup2(::fileno(file_), STDERR_FILENO);
  }
  ~captured_stderr() {
    log::start({.level = "warn", .format = "text", .access = false});
    ::dup2(saved_, STDERR_FILENO);
    ::close(saved_);
    std::fclose(file_);
  }
  captured_stderr(const captured_stderr&) = delete;
  captured_stderr& operator=(const captured_stderr&) = delete;

  std::string text() const {
    std::string out;
    char chunk[4096];
    ssize_t n = 0;
    while ((n = ::pread(::fileno(file_), chunk, sizeof chunk, static_cast<off_t>(out.size()))) > 0)
      out.append(chunk, static_cast<std::size_t>(n));
    return out;
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> out;
    const std::string all = text();
    for (std::size_t at = 0; at < all.size();) {
      const auto end = all.find('\n', at);
      out.push_back(all.substr(at, end - at));
      at = end == std::string::npos ? all.size() : end + 1;
    }
    return out;
  }

 private:
  std::FILE* file_;
  int saved_;
};

void flush() {
  spdlog::apply_all([](const std::shared_ptr<spdlog::logger>& l) { l->flush(); });
}

log::access_entry example() {
  return {.request_id = "01J",
          .peer = "127.0.0.1",
          .method = "GET",
          .target = "/api/postgres/layers?f=\"x\"",
          .status = 200,
          .bytes = 1234,
          .total_ms = 1.5,
          .queue_ms = 0.25,
          .db_ms = 1,
          .user_agent = "curl/8\n2026 forged"};
}

}  // namespace

TEST_CASE("escape leaves text and Unicode alone and makes the rest visible") {
  using log::escape;
  CHECK(escape("").empty());
  CHECK(escape("plain /path?x=1&y=é日本😀") == "plain /path?x=1&y=é日本😀");
  CHECK(escape("a\nb\rc\td") == "a\\x0Ab\\x0Dc\\x09d");
  CHECK(escape(std::string_view{"\0\x1B[2J\x7F", 6}) == "\\x00\\x1B[2J\\x7F");
  CHECK(escape("\"\\") == "\\x22\\x5C");
  CHECK(escape("\xC2\x9B") == "\\xC2\\x9B");  // CSI as one character
  CHECK(escape("\xC2\xA0") == "\xC2\xA0");    // no-break space
  CHECK(escape("\xFF\xC3(\x80") == "\\xFF\\xC3(\\x80");
  CHECK(escape("\xC0\xAF") == "\\xC0\\xAF");                    // overlong
  CHECK(escape("\xED\xA0\x80") == "\\xED\\xA0\\x80");           // surrogate
  CHECK(escape("\xF4\x90\x80\x80") == "\\xF4\\x90\\x80\\x80");  // beyond U+10FFFF
  CHECK(escape("end \xE6\x97") == "end \\xE6\\x97");            // cut off
}

TEST_CASE("a message is one line of text, with time and level, at once") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  spdlog::info("listening on {}", "127.0.0.1:8080");
  spdlog::warn("first\nsecond\x1B[31m \"quoted\" back\\slash");
  spdlog::debug("not seen");
  const auto lines = err.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].substr(24) == " info  listening on 127.0.0.1:8080");
  CHECK(lines[0][10] == 'T');
  CHECK(lines[0][23] == 'Z');
  CHECK(lines[1].substr(24) == " warn  first\\x0Asecond\\x1B[31m \"quoted\" back\\slash");
}

TEST_CASE("each level lets through itself and what is above") {
  const std::vector<std::string> levels{"trace", "debug", "info", "warn", "error"};
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const captured_stderr err;
    log::start({.level = levels[i], .format = "text", .access = true});
    spdlog::trace("x");
    spdlog::debug("x");
    spdlog::info("x");
    spdlog::warn("x");
    spdlog::error("x");
    const auto lines = err.lines();
    REQUIRE(lines.size() == 5 - i);
    CHECK(lines[0].substr(25, levels[i].size()) == levels[i]);
  }
}

TEST_CASE("JSON is one object a line, whatever the message holds") {
  const captured_stderr err;
  log::start({.level = "info", .format = "json", .access = true});
  spdlog::error("a\n\"b\" \\ \xFF \x01 é \xC2\x9B \t\r");
  const auto lines = err.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find(
            "\"level\":\"error\",\"message\":\"a\\n\\\"b\\\" \\\\ \\\\xFF \\u0001 é \\u009B \\t\\r\"}") !=
        std::string::npos);
  const auto read = YAML::Load(lines[0]);  // JSON is YAML
  CHECK(read["message"].as<std::string>() == "a\n\"b\" \\ \\xFF \x01 é \xC2\x9B \t\r");
}

TEST_CASE("an access line in text") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  log::access(example());
  CHECK(err.text().empty());  // collected
  flush();
  const auto lines = err.lines();
  REQUIRE(lines.size() == 1);
  CHECK(
      lines[0].substr(24) ==
      " info  access 127.0.0.1 \"GET /api/postgres/layers?f=\\x22x\\x22\" 200 1234 B total=1.500 queue=0.250 "
      "db=1.000 ms id=01J agent=\"curl/8\\x0A2026 forged\"");
}

TEST_CASE("an access line in JSON") {
  const captured_stderr err;
  log::start({.level = "info", .format = "json", .access = true});
  log::access(example());
  flush();
  const auto read = YAML::Load(err.text());
  CHECK(read["message"].as<std::string>() == "access");
  CHECK(read["target"].as<std::string>() == "/api/postgres/layers?f=\"x\"");
  CHECK(read["user_agent"].as<std::string>() == "curl/8\n2026 forged");
  CHECK(read["request_id"].as<std::string>() == "01J");
  CHECK(read["status"].as<int>() == 200);
  CHECK(read["bytes"].as<int>() == 1234);
  CHECK(read["db_ms"].as<double>() == 1.0);
}

TEST_CASE("a message brings the access lines before it out, in order") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  log::access(example());
  spdlog::warn("after");
  const auto lines = err.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("access") != std::string::npos);
  CHECK(lines[1].find("after") != std::string::npos);
}

TEST_CASE("access lines come out by themselves within about a second") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  log::access(example());
  for (int i = 0; i < 40 && err.text().empty(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds{100});
  CHECK(err.lines().size() == 1);
}

TEST_CASE("no access lines when they are off or the level is above info") {
  const captured_stderr err;
  for (const config::log_settings& s :
       {config::log_settings{.level = "info", .format = "text", .access = false},
        config::log_settings{.level = "warn", .format = "text", .access = true}}) {
    log::start(s);
    log::access(example());
    flush();
  }
  CHECK(err.text().empty());
}

TEST_CASE("an audit line in text and in JSON, at once, whatever the level") {
  const log::audit_entry seen{.request_id = "01J",
                              .peer = "10.0.0.1",
                              .token = "dispatcher",
                              .user = "an\"na\n",
                              .scope = "personal",
                              .method = "GET",
                              .route = "/api/postgres/layers/{layer}/within",
                              .layer = "customers",
                              .status = 200,
                              .count = 12};
  const log::audit_entry refused{.request_id = "01K",
                                 .peer = "10.0.0.1",
                                 .token = "",
                                 .user = "",
                                 .scope = "",
                                 .method = "GET",
                                 .route = "/api/postgres/layers",
                                 .layer = "",
                                 .status = 401};
  {
    const captured_stderr out;
    log::start({.level = "error", .format = "text", .access = false});
    log::audit(seen);
    log::audit(refused);
    const auto lines = out.lines();
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].ends_with(
        R"(info  audit token="dispatcher" user="an\x22na\x0A" scope="personal" peer="10.0.0.1" method="GET" )"
        R"(route="/api/postgres/layers/{layer}/within" layer="customers" status=200 count=12 id=01J)"));
    CHECK(lines[1].ends_with(
        R"(info  audit refused peer="10.0.0.1" method="GET" route="/api/postgres/layers" status=401 id=01K)"));
  }
  {
    const captured_stderr out;
    log::start({.level = "info", .format = "json", .access = true});
    log::audit(seen);
    const auto lines = out.lines();
    REQUIRE(lines.size() == 1);
    const YAML::Node line = YAML::Load(lines[0]);
    CHECK(line["message"].as<std::string>() == "audit");
    CHECK(line["token"].as<std::string>() == "dispatcher");
    CHECK(line["user"].as<std::string>() == "an\"na\n");
    CHECK(line["count"].as<int>() == 12);
    CHECK(line["status"].as<int>() == 200);
  }
  const captured_stderr out;
  log::start({.level = "info", .format = "json", .access = true, .audit = false});
  log::audit(seen);
  CHECK(out.text().empty());
}

TEST_CASE("a secret in a message is stars") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  spdlog::info("connecting to {}", secret{"postgresql://u:hunter2@h/d"});
  CHECK(err.text().find("hunter2") == std::string::npos);
  CHECK(err.text().find("connecting to ***") != std::string::npos);
}

TEST_CASE("threads' lines do not mix") {
  const captured_stderr err;
  log::start({.level = "info", .format = "json", .access = true});
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([] {
      for (int i = 0; i < 2000; ++i)
        log::access(example());
    });
  }
  for (auto& t : all)
    t.join();
  flush();
  const auto lines = err.lines();
  CHECK(lines.size() == 8000);
  for (const auto& line : lines)
    REQUIRE((line.front() == '{' && line.back() == '}'));
}

TEST_CASE("random bytes never break a line's JSON") {
  const auto seed = test::chosen_seed();
  INFO("GRIDLIGHT_SEED=", seed);
  std::mt19937_64 random{seed};
  const captured_stderr err;
  log::start({.level = "info", .format = "json", .access = true});
  for (int i = 0; i < 300; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes)
      c = static_cast<char>(random());
    spdlog::info(spdlog::string_view_t{bytes.data(), bytes.size()});
  }
  const auto lines = err.lines();
  CHECK(lines.size() == 300);
  for (const auto& line : lines) {
    for (const char c : line)
      REQUIRE(static_cast<unsigned char>(c) >= 0x20);
    REQUIRE_NOTHROW(YAML::Load(line));
  }
}

TEST_CASE("an access line costs a few microseconds") {
  const captured_stderr err;
  log::start({.level = "info", .format = "text", .access = true});
  constexpr int count = 20000;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < count; ++i)
    log::access(example());
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - begin;
  MESSAGE("an access line took ", took.count() / count, " µs");
  CHECK(took.count() / count < 100);  // generous: debug and sanitizer builds on busy machines
}
