#include <doctest/doctest.h>
#include <sys/resource.h>

#include <memory>
#include <thread>

#include "tests/support/http_client.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using namespace std::string_literals;
using test::http_client;
using test::quick_settings;
using test::toy_server;

TEST_CASE("a body that comes byte by byte, in both framings") {
  toy_server s;
  http_client client{s.port()};
  for (const std::string& raw :
       {"\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde"s,
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"s}) {
    for (const char c : raw) {
      client.send({&c, 1});
      std::this_thread::sleep_for(200us);
    }
    CHECK(client.receive().body == "abcde");
  }
}

TEST_CASE("a long head that drips in is answered, a bad one refused at the end of its line") {
  toy_server s;
  http_client client{s.port()};
  const auto drip = [&](const std::string& raw) {
    for (std::size_t at = 0; at < raw.size(); at += 7)
      client.send(std::string_view{raw}.substr(at, 7));
  };
  drip("GET /hello HTTP/1.1\r\nHost: h\r\nX-Long: " + std::string(7000, 'x') + "\r\n\r\n");
  CHECK(client.receive().body == "hello");
  drip("GET /hello HTTP/1.1\r\nHost: h\r\nX-Odd: a\x01" + std::string(3000, 'x') + "\r\n");
  CHECK(client.receive().status == 400);
  client.close();
  drip("GET /" + std::string(60'000, 'x'));  // no line ends at all
  CHECK(client.receive().status == 414);
}

TEST_CASE("100 requests in one packet are answered in order") {
  toy_server s;
  http_client client{s.port()};
  std::vector<std::string> targets;
  for (int i = 0; i < 100; ++i)
    targets.push_back("/echo/" + std::to_string(i) + "/x");
  const auto replies = client.pipelined(targets);
  for (int i = 0; i < 100; ++i)
    CHECK(replies[static_cast<std::size_t>(i)].body == std::to_string(i) + "|x");
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nabGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.receive().body == "ab");
  CHECK(client.receive().body == "hello");
}

TEST_CASE("HTTP/1.0 and Connection") {
  toy_server s;
  http_client client{s.port()};
  client.send("GET /hello HTTP/1.0\r\n\r\n");
  CHECK_FALSE(client.receive().keep_alive);
  CHECK(client.closed_by_server());
  client.close();
  client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.receive().header("Connection") == "keep-alive");
  client.send("GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  CHECK_FALSE(client.receive().keep_alive);
  CHECK(client.closed_by_server());
  client.close();
  client.send("GET http://any/hello HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.receive().body == "hello");
}

TEST_CASE("a client that says it is done still gets its answers") {
  toy_server s;
  http_client client{s.port()};
  client.send("GET /slow?ms=50 HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  client.shutdown_send();
  CHECK(client.receive().body == "slow");
  CHECK(client.receive().body == "hello");
  CHECK(client.closed_by_server());
}

TEST_CASE("a refusal reaches a client that sends all before it reads, fast or slow") {
  toy_server s;
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n", piece(1'000'000, 'b');
  for (const char* framing :
       {"Content-Length: 30000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n1C9C380\r\n"})
    for (const auto pause : {0ms, 80ms}) {
      CAPTURE(framing);
      CAPTURE(pause.count());
      http_client client{s.port()};
      client.send(head + framing);
      for (int i = 0; i < 30; ++i) {
        client.send(piece);
        std::this_thread::sleep_for(pause);
      }
      const auto reply = client.receive();
      CHECK(reply.status == 413);
      CHECK_FALSE(reply.keep_alive);
    }
}

TEST_CASE("slow clients: head, body, idle, and one that does not read") {
  auto settings = quick_settings();
  settings.header_timeout = 100ms;
  settings.request_timeout = 150ms;
  settings.idle_timeout = 250ms;
  settings.write_timeout = 100ms;
  toy_server s{settings};
  const auto start = steady::now();
  http_client head{s.port()}, body{s.port()}, idle{s.port()}, deaf{s.port()};
  head.send("GET /hello HTTP/1.1\r\nHo");
  body.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  idle.connect();
  deaf.send(
      "GET /bytes?n=4000000 HTTP/1.1\r\nHost: h\r\n\r\nGET /bytes?n=4000000 HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(head.receive().status == 408);
  CHECK(ms_since(start) >= 100);
  CHECK(body.receive().status == 408);
  CHECK(idle.closed_by_server());
  CHECK(ms_since(start) >= 250);
  CHECK(ms_since(start) < 2000);
  CHECK(s.metrics_text().find("gridlight_http_requests_total{route=\"/echo\",status=\"408\"} 1") !=
        std::string::npos);
  const auto gone = [&] {
    return s.metrics_text().find("gridlight_http_connections 0\n") != std::string::npos;
  };
  for (int i = 0; i < 200 && !gone(); ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(gone());  // the deaf one too
}

TEST_CASE("clients that reset harm nobody") {
  toy_server s;
  for (int i = 0; i < 20; ++i) {
    http_client gone{s.port()};
    gone.send(i % 2 == 0 ? "GET /slow?ms=20 HTTP/1.1\r\nHost: h\r\n\r\n"
                         : "GET /bytes?n=2000000 HTTP/1.1\r\nHost: h\r\n\r\nGET /h");
    if (i % 3 == 0) std::this_thread::sleep_for(5ms);
    gone.reset();
  }
  http_client client{s.port()};
  CHECK(client.get("/hello").body == "hello");
}

TEST_CASE("a large answer comes whole") {
  toy_server s;
  http_client client{s.port()};
  CHECK(client.get("/bytes?n=30000000").body.size() == 30'000'000);
  CHECK(client.get("/hello").body == "hello");
}

TEST_CASE("draining finishes what runs and closes the idle") {
  toy_server::workers_stopped = 0;
  toy_server s;
  http_client busy{s.port()}, idle{s.port()}, fresh{s.port()}, asks{s.port()};
  CHECK(idle.get("/hello").body == "hello");
  CHECK(asks.get("/hello").keep_alive);
  fresh.connect();
  busy.send("GET /slow?ms=300 HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(50ms);
  const auto start = steady::now();
  s.server().request_stop();
  // A tenth of the drain's time is for requests that are on their way; then who has none is closed.
  const auto told = asks.get("/hello");
  CHECK(told.body == "hello");
  CHECK_FALSE(told.keep_alive);
  CHECK(idle.closed_by_server());
  CHECK(fresh.closed_by_server());
  CHECK(ms_since(start) >= 400);
  CHECK(ms_since(start) < 900);
  const auto last = busy.receive();
  CHECK(last.body == "slow");
  CHECK_FALSE(last.keep_alive);
  CHECK(busy.closed_by_server());
  busy.close();
  s.stop();
  CHECK(ms_since(start) < 2500);
  CHECK(toy_server::workers_stopped == 2);
  CHECK(toy_server::workers_alive == 0);
  CHECK_THROWS(http_client{s.port()}.get("/hello"));
}

TEST_CASE("draining has an end") {
  auto settings = quick_settings();
  settings.drain_timeout = 150ms;
  toy_server s{settings};
  http_client stuck{s.port()};
  stuck.send("GET /slow?ms=60000 HTTP/1.1\r\nHost: h\r\n\r\n");
  std::this_thread::sleep_for(50ms);
  const auto start = steady::now();
  s.stop();
  CHECK(ms_since(start) >= 150);
  CHECK(ms_since(start) < 1500);
  CHECK(stuck.closed_by_server());
  CHECK(toy_server::workers_alive == 0);
}

TEST_CASE("a taken port and a wrong address are told") {
  toy_server s;
  metrics m;
  auto settings = quick_settings();
  settings.port = s.port();
  http::server second{settings, m};
  const auto taken = second.listen();
  REQUIRE(taken.has_error());
  CHECK(taken.error().code == errc::input);
  CHECK(taken.error().detail.find("is taken") != std::string::npos);
  settings.address = "localhost";
  CHECK(http::server{settings, m}.listen().error().detail.find("no IP address") != std::string::npos);
  settings.address = "203.0.113.1";
  CHECK(http::server{settings, m}.listen().error().detail.starts_with("cannot listen on 203.0.113.1"));
}

TEST_CASE("1,000 connections at once, and no more than allowed") {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  auto settings = quick_settings();
  settings.max_connections = 1000;
  toy_server s{settings};
  std::vector<std::unique_ptr<http_client>> clients;
  for (int i = 0; i < 1000; ++i)
    clients.push_back(std::make_unique<http_client>(s.port()));
  for (int round = 0; round < 2; ++round) {
    for (auto& c : clients)
      c->send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    for (auto& c : clients)
      REQUIRE(c->receive().body == "hello");
  }
  for (auto& c : clients)
    c->send("GET /slow?ms=1500 HTTP/1.1\r\nHost: h\r\n\r\n");  // none is idle and could make room
  std::this_thread::sleep_for(200ms);
  http_client extra{s.port()};
  extra.connect();
  CHECK(extra.receive_until_close().starts_with("HTTP/1.1 503 "));
  CHECK(s.metrics_text().find("gridlight_http_connections 1000\n") != std::string::npos);
  CHECK(s.metrics_text().find("gridlight_http_requests_total{route=\"/hello\",status=\"200\"} 2000") !=
        std::string::npos);
  clients.clear();
  for (int i = 0; i < 200 && s.metrics_text().find("gridlight_http_connections 0\n") == std::string::npos;
       ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(s.metrics_text().find("gridlight_http_connections 0\n") != std::string::npos);
  CHECK(http_client{s.port()}.get("/hello").status == 200);
}
