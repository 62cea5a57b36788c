// A server is replaced by another on the same port, and nobody is refused or cut off.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include "server/service_manager.hpp"
#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/keen_load.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/sse_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> targets{
    "/api/postgres/layers/transformers/within?lon=-95.3698&lat=29.7604&radius_m=900",
    "/api/postgres/layers/substations/nearest?lon=-95.3698&lat=29.7604&limit=3",
    "/api/postgres/substations/status", "/api/postgres/tiles/transformers,substations/12/963/1692.mvt"};

// The demo grid without its server.
class grid {
 public:
  grid() {
    for (const char* command : {" migrate", " demo-data --scale 0.002 --seed 7"}) {
      const auto done = run_gridlight("--database-url '" + db.uri() + "'" + command + " 2>&1");
      REQUIRE_MESSAGE(done.status == 0, done.output);
    }
  }
  server_process::options options() const {
    return {
        .environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}},
        .arguments = {"--set", "log.access=false", "--set", "tiles.build=false", "--set", "http.threads=2"}};
  }
  temp_db db;
};

// As systemd has it, from before the first server until after the last.
class listening_socket {
 public:
  listening_socket() {
    fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(fd, 4096) == 0);
  }
  ~listening_socket() { ::close(fd); }
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;
  int fd;
};

// What a service manager hears.
class notify_socket {
 public:
  explicit notify_socket(std::string p) : path(std::move(p)) {
    fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path.copy(at.sun_path, sizeof at.sun_path - 1);
    REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
    const timeval patience{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~notify_socket() { ::close(fd); }
  notify_socket(const notify_socket&) = delete;
  notify_socket& operator=(const notify_socket&) = delete;
  std::string next() const {
    char text[512];
    const ssize_t n = ::recv(fd, text, sizeof text, 0);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : "nothing";
  }
  std::string path;
  int fd;
};

keen_load::questions learn(std::uint16_t port) {
  keen_load::questions out;
  for (const std::string& target : targets) {
    const auto answer = keen_load::ask(port, target);
    REQUIRE(answer.first == 200);
    out[target] = {answer};
  }
  return out;
}

void wait_until_ready(const std::string& url) {
  for (int i = 0; http_client{url}.get("/ready").status != 200; ++i) {
    REQUIRE(i < 200);
    std::this_thread::sleep_for(50ms);
  }
}

void check(const keen_load::tally& t, int restarts) {
  MESSAGE(restarts << " restarts: " << t.right << " right, " << t.failed << " failed, " << t.connections
                   << " connections, " << t.closed << " closed between requests, " << t.asked_again
                   << " of these asked again, longest " << t.longest_ms << " ms");
  CHECK(t.right > static_cast<std::size_t>(restarts) * 10);
  CHECK_MESSAGE(t.failed == 0, t.first_failure);
}

}  // namespace

TEST_CASE("restarts under load with a socket handed in: nobody is refused or cut off") {
  const grid g;
  const listening_socket door;
  auto how = g.options();
  how.listening_socket = door.fd;
  auto server = std::make_unique<server_process>(how);
  wait_until_ready(server->url());
  const std::uint16_t port = port_of(server->url());
  keen_load load{port, learn(port), 4};
  const int count = count_of(5, 50);
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(100ms);
    CHECK(server->stop() == 0);
    server = std::make_unique<server_process>(how);
    CHECK(port_of(server->url()) == port);
    wait_until_ready(server->url());
  }
  check(load.stop(), count);
}

TEST_CASE("restarts under load by hand-over: the new takes the sockets, the old ends by itself") {
  const grid g;
  const temp_folder folder;
  auto how = g.options();
  const std::string path = folder.path() / "handover";
  how.environment["GRIDLIGHT_HTTP_HANDOVER"] = path;
  auto server = std::make_unique<server_process>(how);
  wait_until_ready(server->url());
  const std::uint16_t port = port_of(server->url());
  how.environment["GRIDLIGHT_HTTP_PORT"] = std::to_string(port);
  keen_load load{port, learn(port), 4};
  const int count = count_of(5, 50);
  for (int i = 0; i < count; ++i) {
    std::this_thread::sleep_for(100ms);
    // More threads than sockets, fewer, as many: each socket is served.
    how.arguments.back() = "http.threads=" + std::to_string(1 + i % 3);
    auto next = std::make_unique<server_process>(how);
    CHECK(server->wait_for_log("a new process has taken over"));
    CHECK(server->wait() == 0);
    server = std::move(next);
  }
  check(load.stop(), count);
  CHECK(std::filesystem::exists(path));
  CHECK(server->stop() == 0);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("who asks for the sockets and then fails takes nothing; a stranger's socket is not trusted") {
  const grid g;
  const temp_folder folder;
  auto how = g.options();
  const std::string path = folder.path() / "handover";
  how.environment["GRIDLIGHT_HTTP_HANDOVER"] = path;
  const server_process server{how};
  wait_until_ready(server.url());
  how.environment["GRIDLIGHT_AUTH_TOKENS_FILE"] = "/nowhere/tokens.yaml";
  CHECK_THROWS(server_process{how});
  CHECK(server.wait_for_log("a new process has asked"));
  CHECK(http_client{server.url()}.get("/ready").status == 200);
  CHECK_FALSE(server.log().find("has taken over") != std::string::npos);
  // A path that cannot be, and a dead one's.
  const auto refused = run_gridlight("--set http.handover=/" + std::string(200, 'x') + " serve 2>&1");
  CHECK(refused.status == 2);
  CHECK(refused.output.find("too long") != std::string::npos);
}

TEST_CASE("what listens is what counts: an inherited socket is judged by its own address") {
  const int open = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  REQUIRE(::bind(open, reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
  REQUIRE(::listen(open, 16) == 0);
  server_process::options how;
  how.listening_socket = open;
  try {
    server_process server{how};
    FAIL("it serves all networks without TLS or tokens");
  } catch (const std::runtime_error& e) {
    CHECK(std::string{e.what()}.find("http.address 0.0.0.0 lets other machines in") != std::string::npos);
  }
  ::close(open);
}

TEST_CASE("the service manager is told when it serves, reads anew and stops") {
  const grid g;
  const temp_folder folder;
  const notify_socket manager{folder.path() / "notify"};
  auto how = g.options();
  how.environment["NOTIFY_SOCKET"] = manager.path;
  server_process server{how};
  CHECK(manager.next() == "READY=1");
  CHECK(http_client{server.url()}.get(targets[0]).status == 200);  // it is
  server.signal(SIGHUP);
  CHECK(manager.next().starts_with("RELOADING=1\nMONOTONIC_USEC="));
  CHECK(manager.next() == "READY=1");
  server.signal(SIGTERM);
  CHECK(manager.next() == "STOPPING=1");
  CHECK(server.wait() == 0);
}

TEST_CASE("a drain tells who asks again, closes who does not, and ends streams") {
  const grid g;
  auto how = g.options();
  how.arguments.insert(how.arguments.end(), {"--set", "http.drain_timeout=5s"});
  server_process server{how};
  wait_until_ready(server.url());
  http_client again{server.url()}, silent{server.url()};
  CHECK(again.get("/live").keep_alive);
  CHECK(silent.get("/live").keep_alive);
  sse_client listener{server.url(), "/api/postgres/events"};
  listener.next("snapshot");
  server.signal(SIGTERM);
  REQUIRE(server.wait_for_log("stopping"));
  auto last = again.get("/live");
  for (int i = 0; last.keep_alive && i < 1000; ++i) {  // its thread hears of it a moment after the log
    std::this_thread::sleep_for(5ms);
    last = again.get("/live");
  }
  CHECK(last.status == 200);
  CHECK_FALSE(last.keep_alive);
  CHECK(listener.ends_cleanly());
  CHECK(silent.closed_by_server());
  CHECK(server.wait() == 0);
}
