#include "server/http/server.hpp"

#include <doctest/doctest.h>

#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/toy_server.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using namespace std::string_literals;
using test::http_client;
using test::quick_settings;
using test::toy_server;

namespace {

int status_of(std::uint16_t port, const std::string& raw) {
  http_client client{port};
  client.send(raw);
  const auto reply = client.receive();
  CHECK(reply.header("Content-Type") == "application/problem+json");
  CHECK_FALSE(reply.keep_alive);
  CHECK(client.closed_by_server());
  return reply.status;
}

}  // namespace

TEST_CASE("a plain answer has what every answer has") {
  toy_server s;
  http_client client{s.port()};
  const auto reply = client.get("/hello", {{"X-Request-ID", "mine-1"}});
  CHECK(reply.status == 200);
  CHECK(reply.body == "hello");
  CHECK(reply.header("Content-Type") == "text/plain; charset=utf-8");
  CHECK(reply.header("Content-Length") == "5");
  CHECK(reply.header("X-Request-ID") == "mine-1");
  CHECK(reply.header("Server-Timing") == "queue;dur=0, db;dur=0, encode;dur=0");
  CHECK(reply.header("X-Content-Type-Options") == "nosniff");
  CHECK(reply.header("Access-Control-Allow-Origin") == "*");
  CHECK(reply.header("Access-Control-Expose-Headers").find("Gridlight-Version") != std::string::npos);
  CHECK(reply.header("Cache-Control") == "no-cache");
  CHECK(reply.header("Vary") == "Accept-Encoding");
  CHECK(reply.header("Date").ends_with("GMT"));
  CHECK(reply.has("Connection") == false);
  CHECK(client.get("/hello", {{"X-Request-ID", "not ok"}}).header("X-Request-ID").size() == 26);
  CHECK(client.get("/echo/a%2Fb/%C3%BC?x=1+2&x=%26").body == "a/b|ü|x=1 2|x=&");
  CHECK(client.get("/empty").status == 204);
  CHECK_FALSE(client.get("/empty").has("Content-Length"));
  CHECK(client.get("/inject").header("X-A") == "1  X-B: 2");
  CHECK(client.connections_made() == 1);
}

TEST_CASE("faults are problems, and the connection goes on where it can") {
  toy_server s;
  http_client client{s.port()};
  const auto missing = client.get("/nothing/here");
  CHECK(missing.status == 404);
  CHECK(missing.header("Content-Type") == "application/problem+json");
  CHECK(missing.body.find("\"request_id\":\"" + missing.header("X-Request-ID") + "\"") != std::string::npos);
  const auto wrong = client.request("DELETE", "/hello");
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "GET, HEAD, OPTIONS");
  CHECK(client.request("BREW", "/hello").status == 501);
  CHECK(client.get("/hello?lon=%ff").body.find("\"parameter\":\"lon\"") != std::string::npos);
  CHECK(client.get("/hello/%zz").status == 400);
  const auto thrown = client.get("/throw");
  CHECK(thrown.status == 500);
  CHECK(thrown.body.find("secret") == std::string::npos);
  const auto failed = client.get("/fail");
  CHECK(failed.status == 503);
  CHECK(failed.header("Retry-After") == "1");
  CHECK(failed.body.find("all busy") != std::string::npos);
  CHECK(failed.body.find("secret") == std::string::npos);
  CHECK(client.connections_made() == 1);
  CHECK(client.get("/hello?" + std::string(9000, 'a')).status == 414);
  CHECK(client.get("/hello", {{"X-Long", std::string(17000, 'a')}}).status == 431);
}

TEST_CASE("malformed framing is answered and ends the connection") {
  toy_server s;
  CHECK(status_of(s.port(), "GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(status_of(s.port(), "GET / HTTP/2.0\r\n\r\n") == 505);
  CHECK(status_of(
            s.port(),
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc") ==
        400);
  CHECK(status_of(s.port(), "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") ==
        400);
  CHECK(status_of(
            s.port(),
            "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n") ==
        400);
  CHECK(status_of(s.port(), "GET /hello HTTP/1.1\nHost: h\n\n") == 400);
  CHECK(status_of(s.port(), "\x16\x03\x01\x02") == 400);
}

TEST_CASE("what the gate refuses never reaches a handler, and what follows is not read as a request") {
  toy_server s;
  const auto get = [](const std::string& fields) {
    return "GET /hello HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
  };
  const auto post = [](const std::string& fields, const std::string& body) {
    return "POST /echo HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
  };
  const auto chunked = [&](const std::string& body) { return post("Transfer-Encoding: chunked\r\n", body); };
  const std::pair<std::string, int> lines[] = {
      {"GET /hello HTTP/1.1\r\nX: y\r\n\r\n", 400},
      {get("Host: h\r\n"), 400},
      {"GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET /hello HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {get("A: 1\r\n folded\r\n"), 400},
      {get("A: 1\rB: 2\r\n"), 400},
      {get("A: 1\nB: 2\r\n"), 400},
      {get("A : 1\r\n"), 400},
      {get("A: \x01\r\n"), 400},
      {get("A: 1\0002\r\n"s), 400},
      {post("Transfer-Encoding: identity\r\n", ""), 400},
      {post("Transfer-Encoding: gzip, chunked\r\n", ""), 501},
      {post("Transfer-Encoding: chunked, identity\r\n", ""), 400},
      {post("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", ""), 400},
      {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post("Content-Length: 1\r\nContent-Length: 1\r\n", "a"), 400},
      {post("Content-Length: 1, 1\r\n", "a"), 400},
      {post("Content-Length: +1\r\n", "a"), 400},
      {post("Content-Length: -1\r\n", "a"), 400},
      {post("Content-Length: 18446744073709551616\r\n", "a"), 400},
      {post("Content-Length: 9223372036854775807\r\n", "a"), 413},
      {chunked("g\r\n"), 400},
      {chunked("0x1\r\na\r\n0\r\n\r\n"), 400},
      {chunked("1\na\r\n0\r\n\r\n"), 400},
      {chunked("1 \r\na\r\n0\r\n\r\n"), 400},
      {chunked("1\r\naX0\r\n\r\n"), 400},
      {chunked("11111111111111111\r\n"), 400},
      {chunked("FFFFFFFFFFFFFFFF\r\n"), 413},
      {chunked("0\r\nX : 1\r\n\r\n"), 400},
      {get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), 501},
      {"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", 501},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 414},
      {get("A: " + std::string(17'000, 'a') + "\r\n"), 431},
      {"GET /hello HTTP/3.0\r\nHost: h\r\n\r\n", 505},
  };
  for (const auto& [raw, status] : lines) {
    CAPTURE(raw.substr(0, 200));
    CHECK(status_of(s.port(), raw) == status);
    CHECK(status_of(s.port(), raw + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n") == status);
  }
  CHECK(s.metrics_text().find("route=\"/hello\",status=\"200\"") == std::string::npos);
  CHECK(s.metrics_text().find("route=\"/echo\",status=\"200\"") == std::string::npos);
}

TEST_CASE("an offer of h2c is answered in HTTP/1.1 on the same connection; other protocols are refused") {
  toy_server s;
  http_client client{s.port()};
  const test::http_headers java{{"Connection", "Upgrade, HTTP2-Settings"},
                                {"Upgrade", "h2c"},
                                {"HTTP2-Settings", "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}};
  for (int i = 0; i < 2; ++i) {
    const auto reply = client.get("/hello", java);
    CHECK(reply.status == 200);
    CHECK(reply.http_1_1);
    CHECK(reply.keep_alive);
    CHECK_FALSE(reply.has("Upgrade"));
  }
  CHECK(client.post("/echo", "abc", "text/plain", java).body == "abc");
  CHECK(client.interim_replies() == 0);  // no 101
  CHECK(client.connections_made() == 1);
  CHECK(test::run_command(
            "curl -sS --max-time 20 --http2 -w ' %{http_version} %{http_code}' http://127.0.0.1:" +
            std::to_string(s.port()) + "/hello 2>&1")
            .output == "hello 1.1 200");
  for (const char* other : {"websocket", "HTTP/2.0", "h2c, websocket", "TLS/1.0"}) {
    CAPTURE(other);
    const auto reply = client.get("/hello", {{"Connection", "Upgrade"}, {"Upgrade", other}});
    CHECK(reply.status == 501);
    CHECK_FALSE(reply.keep_alive);
  }
  const auto tunnel = client.request("CONNECT", "h:80");
  CHECK(tunnel.status == 501);
  CHECK_FALSE(tunnel.keep_alive);
}

TEST_CASE("no legal request is refused, however odd") {
  toy_server s;
  http_client client{s.port()};
  for (
      const std::string& raw :
      {"GET http://elsewhere:1/hello HTTP/1.1\r\nHost: h\r\n\r\n"s,
       "\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n"s,
       "GET /hello HTTP/1.1\r\nX-A:\r\nACCEPT:\t*/*\t\r\nhost:h\r\n\r\n"s,
       "GET /hello HTTP/1.1\r\nContent-Length: 000\r\nHost: [::1]:8080\r\n\r\n"s,
       "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n"s,
       "GET /hello HTTP/1.1\r\nHost: h\r\nX: \xC3\xBC\xFF\r\nTE: trailers\r\nKeep-Alive: timeout=5\r\n\r\n"s,
       "GET /hello? HTTP/1.1\r\nHost: \r\n\r\n"s}) {
    CAPTURE(raw);
    client.send(raw);
    CHECK(client.receive().body == "hello");
  }
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\nGET /hello "
      "HTTP/1.1\r\nHost: h\r\n\r\n");
  CHECK(client.receive().body.empty());
  CHECK(client.receive().body == "hello");
  CHECK(client.connections_made() == 1);
}

TEST_CASE("HEAD is GET without the body") {
  toy_server s;
  http_client client{s.port()};
  const auto head = client.head("/bytes?n=3000", {{"Accept-Encoding", "gzip"}});
  const auto get = client.get("/bytes?n=3000", {{"Accept-Encoding", "gzip"}});
  CHECK(head.body.empty());
  CHECK(head.header("Content-Length") == std::to_string(get.body.size()));
  CHECK(head.header("Content-Encoding") == "gzip");
  CHECK(client.head("/nothing").status == 404);
  CHECK(client.get("/hello").body == "hello");
}

TEST_CASE("OPTIONS tells what is allowed, to a browser too") {
  toy_server s;
  http_client client{s.port()};
  const auto plain = client.request("OPTIONS", "/hello");
  CHECK(plain.status == 204);
  CHECK(plain.header("Allow") == "GET, HEAD, OPTIONS");
  CHECK_FALSE(plain.has("Access-Control-Allow-Methods"));
  const auto preflight = client.request(
      "OPTIONS", "/echo", {{"Origin", "https://map.example"}, {"Access-Control-Request-Method", "POST"}});
  CHECK(preflight.header("Access-Control-Allow-Methods") == "POST, OPTIONS");
  CHECK(preflight.header("Access-Control-Allow-Headers").find("Content-Type") != std::string::npos);
  CHECK(client.request("OPTIONS", "*").header("Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(client.request("OPTIONS", "/nothing").status == 404);
}

TEST_CASE("a base path is left out, whether the proxy took it away or not") {
  auto settings = quick_settings();
  settings.base_path = "/grid";
  toy_server s{settings};
  http_client client{s.port()};
  CHECK(client.get("/grid/hello").body == "hello");
  CHECK(client.get("/hello").body == "hello");
  CHECK(client.get("/gridhello").status == 404);
  CHECK(client.get("/grid/grid/hello").status == 404);
  const auto moved = client.get("/grid?a=1");
  CHECK(moved.status == 308);
  CHECK(moved.header("Location") == "/grid/?a=1");
  CHECK(client.get("http://127.0.0.1/grid").header("Location") == "/grid/");
}

TEST_CASE("an allow-list of origins") {
  auto settings = quick_settings();
  settings.cors_origins = {"https://a.example", "https://b.example"};
  toy_server s{settings};
  http_client client{s.port()};
  const auto yes = client.get("/hello", {{"Origin", "https://b.example"}});
  CHECK(yes.header("Access-Control-Allow-Origin") == "https://b.example");
  CHECK(yes.header("Vary") == "Accept-Encoding, Origin");
  const auto no = client.get("/hello", {{"Origin", "https://c.example"}});
  CHECK_FALSE(no.has("Access-Control-Allow-Origin"));
  CHECK(no.header("Vary") == "Accept-Encoding, Origin");
}

TEST_CASE("304, and a tag for each coding") {
  toy_server s;
  http_client client{s.port()};
  const auto plain = client.get("/tagged");
  const auto packed = client.get("/tagged", {{"Accept-Encoding", "gzip"}});
  CHECK(plain.header("ETag") == "\"v17\"");
  CHECK(packed.header("ETag") == "\"v17-gzip\"");
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(test::gunzip(packed.body) == plain.body);
  for (const char* tag : {"\"v17\"", "W/\"v17\"", "\"a,b\", \"v17\"", "*", " \"v17-gzip\" ", "\"v17-br\""}) {
    CAPTURE(tag);
    const auto same = client.get("/tagged", {{"If-None-Match", tag}});
    CHECK(same.status == 304);
    CHECK(same.body.empty());
    CHECK_FALSE(same.has("Content-Length"));
    CHECK(same.header("Gridlight-Version") == "transformers=17");
    CHECK(same.header("ETag").starts_with("\"v17"));
    CHECK(same.header("Vary") == "Accept-Encoding");
  }
  for (const char* tag : {"\"v1\"", "v17", "\"v17-zstd\"", "\"v17", "", "\"xv17\""})
    CHECK(client.get("/tagged", {{"If-None-Match", tag}}).status == 200);
  CHECK(client.head("/tagged", {{"If-None-Match", "\"v17\""}}).status == 304);
  CHECK(client.connections_made() == 1);
}

TEST_CASE("gzip is sent when it is asked for and pays") {
  toy_server s;
  http_client client{s.port()};
  const auto coding = [&](const char* target, const char* accept) {
    return client.get(target, {{"Accept-Encoding", accept}}).header("Content-Encoding");
  };
  for (const char* yes : {"gzip", "GZIP", "x-gzip", "br, gzip;q=0.1", "*", "gzip;q=1.000",
                          "deflate , gzip ; q=0.5", "identity;q=0.5, gzip;q=0.5"})
    CHECK(coding("/bytes?n=1024", yes) == "gzip");
  for (const char* no : {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "identity, gzip;q=0.9", "gzip;q=x",
                         "gzip;q=2", "gzip;q=0, *"})
    CHECK(coding("/bytes?n=1024", no) == "");
  CHECK(coding("/bytes?n=1023", "gzip") == "");
  CHECK(coding("/empty", "gzip") == "");
}

TEST_CASE("bodies: by length, in chunks, with 100-continue, and over the cap") {
  toy_server s;
  http_client client{s.port()};
  const std::string large(99'999, 'b');
  CHECK(client.post("/echo", "abc").body == "abc");
  CHECK(client.post("/echo", "").body.empty());
  CHECK(client.post("/echo", large).body == large);
  client.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3;ext=1\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nX-Evil: 1\r\nContent-Type: "
      "text/html\r\n\r\n");
  const auto chunked = client.receive();
  CHECK(chunked.body == "abc0123456789abcdef");
  CHECK(chunked.header("X-Saw-Evil") == "no");
  client.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  std::this_thread::sleep_for(20ms);
  client.send("xyz");
  CHECK(client.receive().body == "xyz");
  CHECK(client.interim_replies() == 1);
  CHECK(client.connections_made() == 1);
  const auto over =
      client.request("POST", "/echo", {{"Content-Length", "100001"}, {"Expect", "100-continue"}});
  CHECK(over.status == 413);
  CHECK(client.interim_replies() == 1);
  CHECK(client.post("/echo", std::string(300'000, 'c')).status == 413);
  std::string chunks = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i)
    chunks += "2000\r\n" + std::string(0x2000, 'd') + "\r\n";
  CHECK(status_of(s.port(), chunks) == 413);
  CHECK(client.request("GET", "/hello", {}, "body").status == 413);
}
