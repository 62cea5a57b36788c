// Who takes too much: connections, requests, descriptors.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "server/http/descriptors.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::http_client;
using test::quick_settings;
using test::toy_server;

namespace {

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

struct file_limit {
  file_limit() { ::getrlimit(RLIMIT_NOFILE, &before); }
  ~file_limit() { ::setrlimit(RLIMIT_NOFILE, &before); }
  file_limit(const file_limit&) = delete;
  file_limit& operator=(const file_limit&) = delete;
  void set(rlim_t most) const {
    const rlimit now{most, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  rlimit before{};
};

double metric(const toy_server& s, const std::string& name) {
  const std::string text = s.metrics_text();
  const auto at = text.find("\n" + name + " ");
  REQUIRE(at != text.npos);
  return std::stod(text.substr(at + name.size() + 2));
}

// Until the server has accepted what was connected, and no more.
void all_accepted(const toy_server& s, double connections) {
  for (int i = 0; i < 500 && metric(s, "gridlight_http_connections") != connections; ++i)
    std::this_thread::sleep_for(10ms);
  REQUIRE(metric(s, "gridlight_http_connections") == connections);
}

// UBSan's check of a virtual table opens a pipe, and without descriptors calls every object wrong.
#ifdef __SANITIZE_ADDRESS__
constexpr bool needs_descriptors_itself = true;
#else
constexpr bool needs_descriptors_itself = false;
#endif

// None is left for the server; the sockets of the clients' side were there before.
struct no_descriptors {
  no_descriptors() {
    for (int i = 0; i < 8; ++i)
      sockets.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    do {
      holes.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      REQUIRE(holes.back() != -1);
    } while (holes.back() < sockets.back());
    limit.set(static_cast<rlim_t>(holes.back()) + 1);
  }
  ~no_descriptors() {
    for (const auto* all : {&sockets, &holes})
      for (const int each : *all)
        ::close(each);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

  // Each asks at once, so that it is answered and closed as soon as it is accepted.
  void connect_all(std::uint16_t port) const {
    constexpr std::string_view request = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    for (const int each : sockets) {
      test::connect_to(each, port);
      REQUIRE(::send(each, request.data(), request.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(request.size()));
    }
  }
  // Each is shut down when it has its answer, which frees the server's descriptor and not one of this side.
  void expect_answers() const {
    for (const int each : sockets) {
      std::string answer(12, ' ');
      CHECK(::recv(each, answer.data(), answer.size(), MSG_WAITALL) == 12);
      CHECK(answer == "HTTP/1.1 200");
      ::shutdown(each, SHUT_RDWR);
    }
  }

  const file_limit limit;
  std::vector<int> sockets, holes;
};

}  // namespace

TEST_CASE("an address has no more connections than its share, a trusted proxy as many as it likes") {
  auto settings = quick_settings();
  settings.max_connections_per_address = 3;
  {
    toy_server s{settings};
    std::vector<std::unique_ptr<http_client>> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(std::make_unique<http_client>(s.port()));
      CHECK(clients.back()->get("/hello").status == 200);
    }
    http_client extra{s.port()};
    extra.connect();
    CHECK(extra.receive_until_close().starts_with("HTTP/1.1 503 "));
    CHECK(metric(s, "gridlight_http_connections_refused_total") == 1);
    clients.pop_back();
    for (int i = 0; i < 100 && metric(s, "gridlight_http_connections") > 2; ++i)
      std::this_thread::sleep_for(10ms);
    CHECK(http_client{s.port()}.get("/hello").status == 200);
  }
  settings.trusted_proxies = {"127.0.0.0/8"};
  toy_server s{settings};
  std::vector<std::unique_ptr<http_client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(std::make_unique<http_client>(s.port()));
    CHECK(clients.back()->get("/hello").status == 200);
  }
}

TEST_CASE("requests beyond the rate are 429 with Retry-After, and the connection goes on") {
  auto settings = quick_settings();
  settings.rate_limit = 2;
  settings.rate_burst = 5;
  toy_server s{settings};
  http_client client{s.port()}, other{s.port()};
  for (int i = 0; i < 5; ++i)
    CHECK((i % 2 == 0 ? client : other).get("/hello").status == 200);
  const auto refused = client.get("/hello");
  CHECK(refused.status == 429);
  CHECK(refused.header("Retry-After") == "1");
  CHECK(refused.header("Content-Type") == "application/problem+json");
  CHECK(refused.body.find("/problems/too-many-requests") != std::string::npos);
  CHECK(client.get("/nothing").status == 429);
  CHECK(client.post("/echo", "abc").status == 429);
  CHECK(client.get("/always").status == 200);
  std::this_thread::sleep_for(600ms);
  CHECK(client.get("/hello").status == 200);
}

TEST_CASE("the rate is that of the client whom a trusted proxy names; from others the name does not count") {
  auto settings = quick_settings();
  settings.rate_limit = 0.1;
  settings.rate_burst = 1;
  {
    toy_server s{settings};
    http_client client{s.port()};
    CHECK(client.get("/hello", {{"X-Forwarded-For", "192.0.2.1"}}).status == 200);
    CHECK(client.get("/hello", {{"X-Forwarded-For", "192.0.2.2"}}).status == 429);
  }
  settings.trusted_proxies = {"127.0.0.1"};
  toy_server s{settings};
  http_client client{s.port()};
  CHECK(client.get("/hello", {{"X-Forwarded-For", "192.0.2.1"}}).status == 200);
  CHECK(client.get("/hello", {{"X-Forwarded-For", "192.0.2.2"}}).status == 200);
  CHECK(client.get("/hello", {{"X-Forwarded-For", "198.51.100.1, 192.0.2.2"}}).status == 429);
  CHECK(client.get("/hello", {{"X-Forwarded-For", "192.0.2.3"}, {"X-Forwarded-For", "192.0.2.1"}}).status ==
        429);
  CHECK(client.get("/hello").status == 200);
  CHECK(client.get("/hello").status == 429);
}

TEST_CASE("when all places are taken the longest idle makes room, and none that is asked") {
  auto settings = quick_settings();
  settings.max_connections = 8;
  settings.threads = 1;
  toy_server s{settings};
  std::vector<std::unique_ptr<http_client>> clients;
  for (int i = 0; i < 8; ++i)
    clients.push_back(std::make_unique<http_client>(s.port()));
  for (int i = 0; i < 4; ++i)
    clients[static_cast<std::size_t>(i)]->send("GET /slow?ms=2500 HTTP/1.1\r\nHost: h\r\n\r\n");
  for (std::size_t i = 4; i < 8; ++i)
    CHECK(clients[i]->get("/hello").status == 200);
  http_client early{s.port()};
  early.connect();
  CHECK(early.receive_until_close().starts_with("HTTP/1.1 503 "));  // nobody is idle for long
  std::this_thread::sleep_for(1200ms);
  CHECK(clients[4]->get("/hello").status == 200);  // no longer the longest idle
  http_client late{s.port()};
  CHECK(late.get("/hello").status == 200);
  CHECK(clients[5]->closed_by_server());
  CHECK(clients[4]->get("/hello").status == 200);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(clients[i]->receive().body == "slow");
  CHECK(metric(s, "gridlight_http_connections_evicted_total") == 1);
}

TEST_CASE("a client that has its last answer and does not close makes room too") {
  auto settings = quick_settings();
  settings.max_connections = 1;
  settings.threads = 1;
  toy_server s{settings};
  http_client refused{s.port()};
  refused.send("GET /hello HTTP/1.1\r\n\r\n");
  CHECK(refused.receive().status == 400);
  std::this_thread::sleep_for(1100ms);
  CHECK(http_client{s.port()}.get("/hello").status == 200);
}

TEST_CASE("out of descriptors: connections wait, the processor rests, and all goes on when some are free" *
          doctest::skip(needs_descriptors_itself)) {
  toy_server s;
  // Whoever is being answered is not idle, so nobody can make room while this lasts.
  http_client busy{s.port()};
  busy.send("GET /slow?ms=2500 HTTP/1.1\r\nHost: h\r\n\r\n");
  all_accepted(s, 1);
  no_descriptors none;
  none.connect_all(s.port());
  const double before = cpu_seconds();
  std::this_thread::sleep_for(1s);
  const double used = cpu_seconds() - before;
  MESSAGE("processor time while no connection could be accepted: " << used << " s of 1 s");
  CHECK(used < 0.2);
  for (const int each : none.sockets) {
    char byte = 0;
    CHECK(::recv(each, &byte, 1, MSG_DONTWAIT) == -1);
  }
  CHECK(busy.receive().body == "slow");
  none.limit.set(none.limit.before.rlim_cur);
  none.expect_answers();
  CHECK(metric(s, "gridlight_http_connections_evicted_total") == 0);
}

TEST_CASE("out of descriptors: one that was idle for a second makes room, and all are served in its place" *
          doctest::skip(needs_descriptors_itself)) {
  auto settings = quick_settings();
  settings.threads = 1;  // each has idle connections of its own
  toy_server s{settings};
  http_client idle{s.port()}, busy{s.port()};
  const auto start = steady::now();
  CHECK(idle.get("/hello").status == 200);
  busy.send("GET /slow?ms=1500 HTTP/1.1\r\nHost: h\r\n\r\n");
  all_accepted(s, 2);
  no_descriptors none;
  none.connect_all(s.port());
  CHECK(idle.closed_by_server());
  CHECK(ms_since(start) >= 1000);
  none.expect_answers();
  CHECK(busy.receive().body == "slow");
  CHECK(metric(s, "gridlight_http_connections_evicted_total") >= 1);
}

TEST_CASE("connections fit under the limit of descriptors") {
  const file_limit limit;
  limit.set(1000);
  CHECK(http::connections_that_fit() == 872);
  limit.set(100);
  CHECK(http::connections_that_fit() == 50);
  http::raise_descriptor_limit();
  rlimit now{};
  ::getrlimit(RLIMIT_NOFILE, &now);
  CHECK(now.rlim_cur == now.rlim_max);
}
