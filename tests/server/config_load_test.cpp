// Which of flags, environment, file and built-in counts, and which file.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/server/config_support.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;

namespace {

// A folder that is the current one while it lives.
class in_new_folder {
 public:
  in_new_folder() : before_(std::filesystem::current_path()) {
    path_ = std::filesystem::temp_directory_path() / ("gridlight_config_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(path_);
    std::filesystem::current_path(path_);
  }
  ~in_new_folder() {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(path_);
  }
  in_new_folder(const in_new_folder&) = delete;
  in_new_folder& operator=(const in_new_folder&) = delete;
  static void write(const std::string& name, std::string_view text) { std::ofstream{name} << text; }

 private:
  std::filesystem::path before_, path_;
};

}  // namespace

TEST_CASE("flag over environment over file over built-in") {
  const in_new_folder here;
  config_sources s;
  CHECK(load_config(s)->http.port == 8080);
  here.write("gridlight.yaml", "http: {port: 1, threads: 1, max_connections: 1}\nlog: {level: warn}\n");
  s.environment = {{"GRIDLIGHT_HTTP_THREADS", "2"}, {"GRIDLIGHT_HTTP_MAX_CONNECTIONS", "2"}};
  s.flags = {{"http.max_connections", "3"}};
  const auto c = load_config(s);
  REQUIRE(c.has_value());
  CHECK(c->http.port == 1);
  CHECK(c->http.threads == 2);
  CHECK(c->http.max_connections == 3);
  CHECK(c->log.level == "warn");
  CHECK(c->layers.size() == 15);
}

TEST_CASE("which file is read") {
  const in_new_folder here;
  here.write("gridlight.yaml", "http: {port: 1}\n");
  here.write("named.yaml", "http: {port: 2}\n");
  here.write("given.yaml", "http: {port: 3}\n");
  here.write("faulty.yaml", "http:\n  port: x\n");
  CHECK(load_config({})->http.port == 1);
  CHECK(load_config({.file = {}, .environment = {{"GRIDLIGHT_CONFIG", "named.yaml"}}, .flags = {}})
            ->http.port == 2);
  CHECK(load_config({.file = "given.yaml", .environment = {{"GRIDLIGHT_CONFIG", "named.yaml"}}, .flags = {}})
            ->http.port == 3);
  CHECK(load_config({.file = "faulty.yaml", .environment = {}, .flags = {}})
            .error()
            .detail.starts_with("faulty.yaml:2: http.port is x;"));
  const auto missing = load_config({.file = "missing.yaml", .environment = {}, .flags = {}});
  REQUIRE(missing.has_error());
  CHECK(contains(missing.error().detail, "missing.yaml cannot be read"));
  const auto folder = load_config({.file = ".", .environment = {}, .flags = {}});
  REQUIRE(folder.has_error());
  CHECK(contains(folder.error().detail, "it is a folder"));
}

TEST_CASE("flags obey the same rules") {
  const in_new_folder here;
  const auto fault = [](const char* name, const char* value) {
    return load_config({.file = {}, .environment = {}, .flags = {{name, value}}}).error().detail;
  };
  CHECK(fault("http.port", "x").starts_with("--set http.port: http.port is x; it must be a whole number"));
  CHECK(fault("http.prot", "1") == "--set: unknown key http.prot; did you mean http.port?");
  CHECK(contains(fault("layers", "1"), "unknown key layers"));
}
