// Answers that come bit by bit: chunks, slow readers, hanging up, draining, HEAD, HTTP/1.0.
#include "server/http/stream.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "tests/support/http_client.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::http_client;
using test::quick_settings;
using test::toy_server;

namespace {

void wait_for_metric(const toy_server& s, const std::string& line) {
  CAPTURE(line);
  bool seen = false;
  for (int i = 0; i < 200 && !seen; ++i) {
    std::this_thread::sleep_for(20ms);
    seen = s.metrics_text().find("\n" + line + "\n") != std::string::npos;
  }
  CHECK(seen);
}

std::string endless(const char* target = "/stream?count=0&size=10&every_ms=5") {
  return std::string{"GET "} + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

}  // namespace

TEST_CASE("a text is framed once, and has its plain form in it") {
  const http::chunk c{"event: x\n\n"};
  CHECK(c.plain() == "event: x\n\n");
  CHECK(c.framed() == "a\r\nevent: x\n\n\r\n");
  CHECK(http::chunk{std::string(256, 'y')}.framed().substr(0, 6) == "100\r\ny");
}

TEST_CASE("a stream keeps order, ends behind what was sent, and drops who does not take it") {
  struct plain : http::stream {};
  plain s;
  int woken = 0;
  s.on_news([&] { ++woken; });
  const auto small = http::make_chunk("a"), large = http::make_chunk(std::string(100'000, 'b'));
  s.send(large);
  CHECK(s.open());
  CHECK(s.next() == large);
  s.send(small);
  s.end();
  s.send(large);
  CHECK(woken == 3);
  CHECK(s.ended());
  CHECK(s.next() == small);
  CHECK(s.next() == nullptr);

  plain bytes;
  bytes.send(small);
  bytes.send(large);
  CHECK(bytes.too_slow());
  plain count;
  for (std::size_t i = 0; i < http::stream::most_waiting; ++i)
    count.send(small);
  CHECK(count.open());
  CHECK(count.next() == small);
  count.send(small);
  CHECK(count.open());
  count.send(small);
  CHECK(count.too_slow());
}

TEST_CASE("a stream is sent in chunks to its end, and is no cached, packed or measured answer") {
  toy_server s;
  http_client client{s.port()};
  const auto reply = client.get("/stream?count=5&size=2000&every_ms=10", {{"Accept-Encoding", "gzip"}});
  CHECK(reply.status == 200);
  CHECK(reply.body == std::string(10'000, 'z'));
  CHECK(reply.header("Content-Type") == "text/event-stream");
  CHECK(reply.header("Transfer-Encoding") == "chunked");
  CHECK(reply.header("Cache-Control") == "no-store");
  CHECK_FALSE(reply.has("Content-Length"));
  CHECK_FALSE(reply.has("Content-Encoding"));
  CHECK_FALSE(reply.has("Vary"));
  CHECK_FALSE(reply.keep_alive);
  CHECK(client.get("/stream?count=1&size=5000000&every_ms=0").body.size() == 5'000'000);
}

TEST_CASE("a client of HTTP/1.0 reads to the close, and HEAD answers the head alone") {
  toy_server s;
  http_client old{s.port()};
  old.send("GET /stream?count=3&size=4&every_ms=1 HTTP/1.0\r\n\r\n");
  const std::string all = old.receive_until_close();
  CHECK(all.ends_with("\r\n\r\nzzzzzzzzzzzz"));
  CHECK(all.find("Transfer-Encoding") == std::string::npos);
  http_client client{s.port()};
  const auto head = client.head("/stream?count=0&size=4&every_ms=1");
  CHECK(head.status == 200);
  CHECK(head.header("Content-Type") == "text/event-stream");
  CHECK(client.get("/hello").body == "hello");
  CHECK(client.connections_made() == 1);
}

TEST_CASE("a listener that hangs up is noticed though nothing is sent, whatever it had still to say") {
  toy_server s;
  {
    http_client client{s.port()};
    client.send(endless("/stream?count=0&size=4&every_ms=600000") + "more, which nobody reads");
    wait_for_metric(s, "gridlight_events_listeners 1");
    CHECK(s.metrics_text().find("gridlight_http_requests_in_flight 0") != std::string::npos);
    client.send(std::string(100'000, 'm'));
  }
  wait_for_metric(s, "gridlight_events_listeners 0");
  wait_for_metric(s, "gridlight_http_connections 0");
  http_client polite{s.port()};
  polite.send(endless("/stream?count=0&size=4&every_ms=600000"));
  wait_for_metric(s, "gridlight_events_listeners 1");
  polite.shutdown_send();
  wait_for_metric(s, "gridlight_events_listeners 0");
  CHECK(s.metrics_text().find("gridlight_events_dropped_total 0") != std::string::npos);
}

TEST_CASE("a slow reader is cut off and counted: by what waits for it, and by time") {
  auto settings = quick_settings();
  settings.write_timeout = 300ms;
  settings.request_timeout = 100ms;
  toy_server s{settings};
  http_client waiting{s.port()};
  waiting.send(endless("/stream?count=0&size=200000&every_ms=1"));
  wait_for_metric(s, "gridlight_events_dropped_total 1");
  http_client late{s.port()};
  late.send(endless("/stream?count=1&size=50000000&every_ms=0"));
  wait_for_metric(s, "gridlight_events_dropped_total 2");
  wait_for_metric(s, "gridlight_events_listeners 0");
}

TEST_CASE("deadlines of ordinary answers do not end a stream") {
  auto settings = quick_settings();
  settings.request_timeout = settings.idle_timeout = settings.header_timeout = settings.write_timeout = 100ms;
  toy_server s{settings};
  http_client client{s.port()};
  CHECK(client.get("/stream?count=3&size=4&every_ms=250").body == "zzzzzzzzzzzz");
}

TEST_CASE("draining ends streams at once and in order, of readers that do not read soon after") {
  toy_server s;
  http_client client{s.port()}, stuck{s.port()};
  client.send(endless());
  stuck.send(endless("/stream?count=1&size=50000000&every_ms=0"));
  wait_for_metric(s, "gridlight_events_listeners 2");
  std::this_thread::sleep_for(50ms);
  const auto start = std::chrono::steady_clock::now();
  std::thread stopping{[&] { s.stop(); }};
  const auto reply = client.receive();  // throws unless its last chunk has come
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  CHECK(reply.body.starts_with("zzzz"));
  stopping.join();
  CHECK(std::chrono::steady_clock::now() - start < 4s);
}
