// gridlight-bench against the real server: what it measures is what happened.
#include <doctest/doctest.h>
#include <signal.h>
#include <simdjson.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/certificate.hpp"
#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
namespace dom = simdjson::dom;

namespace {

// It is built beside the server.
std::string bench_binary() {
  const char* server = std::getenv("GRIDLIGHT_BINARY");
  if (server == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
  return std::filesystem::path{server}.parent_path() / "gridlight-bench";
}

command_outcome bench(const std::string& arguments) {
  return run_command("timeout 60 '" + bench_binary() + "' " + arguments);
}

struct figures {
  explicit figures(const command_outcome& of) {
    const dom::element root = parser.parse(of.output);
    ok = root["total"]["ok"];
    errors = root["total"]["errors"];
    p50_ms = root["total"]["p50_ms"];
    p99_ms = root["total"]["p99_ms"];
    max_ms = root["total"]["max_ms"];
    p999_ms = root["total"]["p999_ms"];
    interrupted = root["interrupted"];
    kinds = dom::object{root["total"]["error_kinds"]}.size();
  }
  dom::parser parser;
  std::uint64_t ok = 0, errors = 0;
  std::size_t kinds = 0;
  double p50_ms = 0, p99_ms = 0, p999_ms = 0, max_ms = 0;
  bool interrupted = false;
};

std::string file(const temp_folder& in, const std::string& name, const std::string& text) {
  const std::string path = in.path() / name;
  std::ofstream{path} << text;
  return path;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("the shipped scenarios that need no tiles: every answer is right, none is missing") {
  demo_server server;
  for (const char* name : {"lookup", "nearest", "viewport", "storm"}) {
    CAPTURE(name);
    const auto got = bench(std::string{name} + " --url " + server.url() +
                           " --rate 100 --warm-up 300ms --duration 1s --json 2>&1");
    CAPTURE(got.output);
    CHECK(got.status == 0);
    const figures f{got};
    CHECK(f.ok >= 100);
    CHECK(f.errors == 0);
    CHECK(f.p50_ms > 0);
    CHECK(f.max_ms >= f.p99_ms);
  }
  const auto status = bench("status --url " + server.url() + " --warm-up 0 --duration 2s --json 2>&1");
  CHECK(status.status == 0);
  CHECK(figures{status}.ok == doctest::Approx(100).epsilon(0.3));  // 500 users a poll in 10 s
}

TEST_CASE("a server that stops for a second shows as such, though few requests met it") {
  demo_server server;
  std::thread pause{[&] {
    std::this_thread::sleep_for(1500ms);
    server.process().signal(SIGSTOP);
    std::this_thread::sleep_for(1s);
    server.process().signal(SIGCONT);
  }};
  const auto got = bench("'/api/postgres/layers/substations/nearest?lon={lon}&lat={lat}&limit=1' --url " +
                         server.url() + " --rate 200 --connections 4 --warm-up 500ms --duration 4s --json");
  pause.join();
  CHECK(got.status == 0);
  const figures f{got};
  CHECK(f.ok == 800);  // all that were due, the two hundred of the pause among them
  CHECK(f.p999_ms > 900);
  CHECK(f.p50_ms < 500);
}

TEST_CASE("a wrong answer is an error, never speed") {
  demo_server server;
  const temp_folder folder;
  const std::string wrong = file(folder, "wrong.yaml", R"(
about: what the server does not do
duration: 500ms
warm_up: 0s
mix:
  - {name: shape, get: /api/postgres/layers, expect: {shape: features}}
  - {name: type, get: /live, expect: {type: text/html}}
  - {name: status, get: /nowhere}
)");
  const auto probed = bench(wrong + " --url " + server.url() + " 2>&1");
  CHECK(probed.status == 2);
  CHECK(contains(probed.output,
                 "/api/postgres/layers is not answered as the scenario's shape expects: body: no features"));
  const auto got = bench(wrong + " --no-probe --json --url " + server.url());
  CHECK(got.status == 1);
  const figures f{got};
  CHECK(f.ok == 0);
  CHECK(f.errors > 10);
  CHECK(f.kinds == 3);
}

TEST_CASE("Ctrl-C ends it with a report of what was seen") {
  demo_server server;
  const temp_folder folder;
  const std::string page = folder.path() / "report.html";
  const auto start = std::chrono::steady_clock::now();
  const auto got =
      run_command("timeout --foreground -s INT 2 '" + bench_binary() + "' /live --url " + server.url() +
                  " --rate 50 --warm-up 0 --duration 60s --json --html '" + page + "'; echo");
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  const figures f{got};
  CHECK(f.interrupted);
  CHECK(f.ok > 40);
  CHECK(contains(run_command("cat '" + page + "'").output, "Interrupted"));
}

TEST_CASE("servers that are not there, or not what they should be, are told in words") {
  CHECK(contains(bench("/live --port 1 2>&1").output,
                 "http://127.0.0.1:1 cannot be asked: connect: Connection refused"));
  CHECK(bench("/live --port 1 2>&1").status == 2);
  CHECK(contains(bench("/live --url http://nobody.invalid 2>&1").output, "cannot find nobody.invalid"));
  demo_server server;
  const std::string authority = server.url().substr(7);
  CHECK(contains(bench("/live --url https://" + authority + " 2>&1").output, "cannot be asked: TLS: "));
  CHECK(contains(bench("lookup --url " + server.url() + "/elsewhere 2>&1").output,
                 "layer transformers cannot be read"));
}

TEST_CASE("TLS: a certificate that is not trusted, one that is") {
  const temp_folder folder;
  const std::string certificate = folder.path() / "c.pem", key = folder.path() / "k.pem";
  make_certificate(certificate, key, "bench");
  const temp_db db;
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()},
                                         {"GRIDLIGHT_HTTP_TLS_CERTIFICATE", certificate},
                                         {"GRIDLIGHT_HTTP_TLS_KEY", key}},
                         .allowed = {""}}};
  CHECK(contains(bench("/live --url " + server.url() + " 2>&1").output,
                 "cannot be asked: TLS: certificate verify failed"));
  const std::string little = "/live --rate 50 --warm-up 0 --duration 500ms --url " + server.url();
  CHECK(bench(little + " --ca '" + certificate + "'").status == 0);
  CHECK(bench(little + " --insecure").status == 0);
}

TEST_CASE("the highest rate that holds is found") {
  demo_server server;
  const auto got = bench("/live --url " + server.url() +
                         " --rate 50 --warm-up 100ms --duration 300ms --find-max --p99 1s --json 2>&1");
  CAPTURE(got.output);
  CHECK(got.status == 0);
  CHECK(contains(got.output, "\"max_rate\":"));
  CHECK(contains(got.output, "requests/s: p99"));
}
