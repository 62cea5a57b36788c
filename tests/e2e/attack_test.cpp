// Crowds of idle and of slow connections, while honest lookups go on.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/support/attackers.hpp"
#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
using kind = attackers::kind;
using std::chrono::steady_clock;

namespace {

const std::string lookup =
    "/api/postgres/layers/transformers/within?lon=-95.3698&lat=29.7604&radius_m=500&limit=20";
const std::string large = "/openapi.json";

std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

// Lookups one after the other for some time, every eighth on a new connection; how long each took, in ms.
std::vector<double> honest_lookups(const std::string& url, std::chrono::milliseconds time) {
  std::vector<double> out;
  http_client client{url};
  const auto end = steady_clock::now() + time;
  while (steady_clock::now() < end) {
    if (out.size() % 8 == 7) client.close();
    const auto start = steady_clock::now();
    const auto reply = client.get(lookup);
    out.push_back(std::chrono::duration<double, std::milli>(steady_clock::now() - start).count());
    if (reply.status != 200) FAIL_CHECK("an honest lookup got " << reply.status << ": " << reply.body);
    std::this_thread::sleep_for(5ms);
  }
  std::sort(out.begin(), out.end());
  return out;
}

double share_of(const std::vector<double>& sorted, double share) {
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(static_cast<double>(sorted.size()) * share))];
}

void report(const std::string& under, const std::vector<double>& times) {
  MESSAGE("honest lookups under " << under << ": " << times.size() << ", p50 " << share_of(times, 0.5)
                                  << " ms, p99 " << share_of(times, 0.99) << " ms, worst " << times.back()
                                  << " ms");
  if (soaking()) CHECK(share_of(times, 0.99) < 20);
}

std::vector<std::string> quiet(std::vector<std::string> more = {}) {
  for (const char* each : {"--set", "log.access=false", "--set", "http.max_connections=16000"})
    more.emplace_back(each);
  return more;
}

double file_count(pid_t pid) {
  return std::stod(run_command("ls /proc/" + std::to_string(pid) + "/fd | wc -l").output);
}

}  // namespace

TEST_CASE("an idle connection costs at most 12 KB, whether it has asked something or not") {
  open_all_descriptors();
  demo_server server{quiet()};
  const int count = count_of(2'000, 10'000);
  const auto port = port_of(server.url());
  http_client{server.url()}.get(lookup);
  MESSAGE("the idle server: " << server.resident_kb() / 1024 << " MB");
  CHECK(server.resident_kb() < 40 * 1024);
  const double before = server.resident_kb(), files = file_count(server.process().pid());
  {
    const attackers idle{port, {{kind::idle, count}}, large};
    idle.wait_until_there();
    std::this_thread::sleep_for(500ms);
    const double each = (server.resident_kb() - before) / count;
    MESSAGE(count << " connections that asked nothing: " << each << " KB each");
    CHECK(each <= 12);
  }
  {
    std::vector<std::unique_ptr<http_client>> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<http_client>(port));
      REQUIRE(clients.back()->get("/live").status == 200);
    }
    const double each = (server.resident_kb() - before) / count;
    MESSAGE(count << " connections that asked before: " << each << " KB each");
    CHECK(each <= 12);
  }
  for (int i = 0; i < 100 && file_count(server.process().pid()) > files; ++i)
    std::this_thread::sleep_for(50ms);
  CHECK(file_count(server.process().pid()) <= files);
}

TEST_CASE("idle and slow connections in crowds are dropped in time, and honest lookups do not feel them") {
  open_all_descriptors();
  const bool soak = soaking();
  demo_server server{quiet({"--set", soak ? "http.header_timeout=10s" : "http.header_timeout=1s", "--set",
                            soak ? "http.request_timeout=10s" : "http.request_timeout=1500ms", "--set",
                            soak ? "http.write_timeout=10s" : "http.write_timeout=1s"}),
                     {""}};
  http_client{server.url()}.get(lookup);
  const double files = file_count(server.process().pid());
  {
    const int slow = count_of(40, 1'000);
    const attackers crowd{port_of(server.url()),
                          {{kind::idle, count_of(200, 10'000)},
                           {kind::slow_head, slow},
                           {kind::slow_body, slow},
                           {kind::slow_read, count_of(10, 200)}},
                          large};
    crowd.wait_until_there();
    report("a crowd of idle and slow connections", honest_lookups(server.url(), soak ? 60s : 7s));
    MESSAGE("dropped: " << crowd.dropped(kind::slow_head) << " slow heads, " << crowd.dropped(kind::slow_body)
                        << " slow bodies, " << crowd.dropped(kind::slow_read) << " slow readers, "
                        << crowd.dropped(kind::idle) << " idle");
    CHECK(crowd.dropped(kind::slow_head) >= slow);
    CHECK(crowd.dropped(kind::slow_body) >= slow);
    CHECK(crowd.dropped(kind::slow_read) >= count_of(10, 200));
    CHECK(crowd.dropped(kind::idle) == 0);
  }
  for (int i = 0; i < 400 && file_count(server.process().pid()) > files; ++i)
    std::this_thread::sleep_for(50ms);
  CHECK(file_count(server.process().pid()) <= files + 2);
}

TEST_CASE("more connections than places: idle ones make room for honest clients") {
  open_all_descriptors();
  demo_server server{{"--set", "log.access=false", "--set", "http.max_connections=100"}};
  const attackers crowd{port_of(server.url()), {{kind::idle, 100}}, large};
  crowd.wait_until_there();
  std::this_thread::sleep_for(1500ms);
  for (int i = 0; i < 10; ++i) {
    CHECK(http_client{server.url()}.get("/live").status == 200);
    std::this_thread::sleep_for(100ms);
  }
  CHECK(crowd.dropped(kind::idle) >= 1);
}

// Debian's slowhttptest, where it is installed.
TEST_CASE("slowhttptest in its four ways") {
  if (!soaking()) return;
  if (run_command("command -v slowhttptest").status != 0) {
    MESSAGE("skipped: slowhttptest is not installed");
    return;
  }
  open_all_descriptors();
  demo_server server{quiet(), {""}};
  http_client{server.url()}.get(lookup);
  const temp_folder folder;
  const std::string connections = std::to_string(count_of(0, 10'000));
  const std::string post =
      " -u " + server.url() + "/api/postgres/layers/transformers/intersects -f application/json";
  const std::pair<const char*, std::string> ways[] = {
      {"slow heads (slowloris)", "-H -u " + server.url() + lookup.substr(0, lookup.find('?'))},
      {"slow bodies", "-B -s 100000" + post},
      {"slow reading", "-X -w 10 -y 20 -n 5 -z 32 -k 3 -u '" + server.url() + large + "'"},
      {"ranges", "-R -u " + server.url() + "/openapi.json"}};
  for (const auto& [name, arguments] : ways) {
    std::thread attack{[&, line = "cd '" + folder.path().string() + "' && timeout 60 slowhttptest -c " +
                                  connections + " -r 1000 -i 5 -l 30 -x 24 -p 3 " + arguments +
                                  " >/dev/null 2>&1"] { run_command(line); }};
    std::this_thread::sleep_for(3s);
    report(name, honest_lookups(server.url(), 25s));
    attack.join();
  }
  CHECK(http_client{server.url()}.get("/ready").status == 200);
}
