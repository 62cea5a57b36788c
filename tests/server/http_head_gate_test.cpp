#include "server/http/head_gate.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace gridlight;
using http::check_head;
using state = http::head::state;
using namespace std::string_literals;

namespace {

std::string with(std::string_view fields) {
  return "GET /a HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n";
}

// The errc of a head that is refused, as a number to print; 0 when it passes, -1 when more is wanted.
int verdict(const std::string& text) {
  const auto h = check_head(text);
  if (h.is == state::need_more) return -1;
  if (h.is == state::complete) return 0;
  CHECK_FALSE(h.reason.empty());
  return describe(h.code).status;
}

}  // namespace

TEST_CASE("legal heads pass, whole and not before") {
  const std::string plain = with("");
  for (const std::string& text :
       {plain, with("X: \r\n"), with("X:\t a\tb \r\n"), with("A: \xC3\xBC\r\n"),
        "GET / HTTP/1.1\r\nA: 1\r\nhOsT: h:80\r\n\r\n"s, "GET http://h/a?b HTTP/1.1\r\nHost: other\r\n\r\n"s,
        "GET HTTP://[::1]:80 HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"s, "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n"s,
        "GET / HTTP/1.0\r\n\r\n"s, "BREW /?a=|{}\"<> HTTP/1.1\r\nHost: a,b\r\n\r\n"s,
        with("Content-Length: 0005\r\n"), with("Transfer-Encoding: \tChunked \r\n"),
        with("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n"),
        "GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n"s, with("Upgrade-Insecure-Requests: 1\r\n"),
        "GET / HTTP/1.1\r\nHost: a%2Fb:\r\n\r\n"s, "GET / HTTP/1.1\r\nHost: [2001:DB8::1.2.3.4]\r\n\r\n"s,
        "GET / HTTP/1.1\r\nHost: [v1.a:b]\r\n\r\n"s, with("Content-Length: 9223372036854775807\r\n")}) {
    CAPTURE(text);
    CHECK(verdict(text) == 0);
    const auto h = check_head(text + "GET /next");
    CHECK(h.length == text.size());
    CHECK(h.skip == 0);
    for (std::size_t n = 0; n < text.size(); ++n)
      CHECK(check_head(std::string_view{text}.substr(0, n)).is == state::need_more);
  }
}

TEST_CASE("empty lines before the request line are skipped, but not for ever") {
  const auto h = check_head("\r\n\r\n" + with(""));
  CHECK(h.is == state::complete);
  CHECK(h.skip == 4);
  CHECK(h.length == with("").size());
  CHECK(verdict(std::string(9, ' ').replace(0, 9, "\r\n\r\n\r\n\r\n\r").append("\n\r\n\r\n\r\n\r\n\r\n") +
                with("")) == 400);
  CHECK(verdict("\n" + with("")) == 400);
  CHECK(verdict("\r") == -1);
  CHECK(verdict("\x16\x03") == 400);  // at once: no line end may ever come
}

TEST_CASE("framing is read from the head") {
  const auto frame = [](const std::string& text) { return check_head(text).frame; };
  CHECK(frame(with("")).keep_alive);
  CHECK_FALSE(frame(with("Connection: foo, CLOSE\r\n")).keep_alive);
  CHECK_FALSE(frame(with("Connection: keep-alive\r\nConnection: close\r\n")).keep_alive);
  CHECK_FALSE(frame("GET / HTTP/1.0\r\n\r\n").keep_alive);
  CHECK(frame("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
  CHECK(frame(with("Content-Length: 17\r\n")).content_length == 17);
  CHECK(frame(with("Content-Length: 0\r\n")).has_body() == false);
  CHECK(frame(with("transfer-encoding: chunked\r\n")).chunked);
  CHECK(frame(with("Expect: 100-Continue\r\n")).expects_continue);
  CHECK_FALSE(frame("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n").expects_continue);
  CHECK_FALSE(frame(with("Expect: something\r\n")).expects_continue);
}

TEST_CASE("what RFC 9112 forbids is refused") {
  for (const std::string& text : {
           "GET /a HTTP/1.1\r\n\r\n"s,  // no Host
           "GET /a HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: a b\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: u@h\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: h:8x\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: [::1\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: [::1]x\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: []\r\n\r\n"s,
           "GET /a HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: a%2\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: a%xyb\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: [::1%25eth0]\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: [g::1]\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: [v1]\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: h:-1\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: a:1:2\r\n\r\n"s,
           "GET /a HTTP/1.1\r\nHost: \xC3\xBC\r\n\r\n"s,
           with(" folded\r\n"),
           with("A: 1\r\n\tfolded\r\n"),
           with("A : 1\r\n"),
           with("A\t: 1\r\n"),
           with(": 1\r\n"),
           with("A 1\r\n"),
           with("A: 1\n"),
           with("A: 1\r2\r\n"),
           with("A: \x01\r\n"),
           with("A: \x7F\r\n"),
           with("A: 1\0002\r\n"s),
           with("A(: 1\r\n"),
           with("\xC3\xBC: 1\r\n"),
           with("Connection: a b\r\n"),
           with("Content-Length: +5\r\n"),
           with("Content-Length: -5\r\n"),
           with("Content-Length: 5, 5\r\n"),
           with("Content-Length: 5\r\nContent-Length: 5\r\n"),
           with("Content-Length: 5\r\nCONTENT-LENGTH: 6\r\n"),
           with("Content-Length: \r\n"),
           with("Content-Length: 0x5\r\n"),
           with("Content-Length: 5 5\r\n"),
           with("Content-Length: 9223372036854775808\r\n"),
           with("Content-Length: 99999999999999999999999\r\n"),
           with("Transfer-Encoding: \r\n"),
           with("Transfer-Encoding: identity\r\n"),
           with("Transfer-Encoding: chunked, chunked\r\n"),
           with("Transfer-Encoding: chunked, gzip\r\n"),
           with("Transfer-Encoding: , chunked\r\n"),
           with("Transfer-Encoding: xchunked\r\n"),
           with("Transfer-Encoding: chunked;q=1\r\n"),
           with("Transfer-Encoding: \"chunked\"\r\n"),
           with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
           with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
           with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"s,
           "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a  HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a HTTP/1.1 \r\nHost: h\r\n\r\n"s,
           " GET /a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET\t/a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a\r\n\r\n"s,
           "GET /a http/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a HTTP/1.1x\r\nHost: h\r\n\r\n"s,
           "GET /a HTTP/11\r\nHost: h\r\n\r\n"s,
           "GET a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET * HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET ftp://h/a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /\xC3\xBC HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "G(T /a HTTP/1.1\r\nHost: h\r\n\r\n"s,
           "\x16\x03\x01\x02\n"s,  // TLS to the plain port
       }) {
    CAPTURE(text);
    CHECK(verdict(text) == 400);
  }
}

TEST_CASE("what is understood but not done has a status of its own") {
  CHECK(verdict("CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n") == 501);
  CHECK(verdict(with("Transfer-Encoding: gzip, chunked\r\n")) == 501);
  CHECK(verdict(with("Connection: Upgrade\r\nUpgrade: websocket\r\n")) == 501);
  CHECK(verdict(with("Upgrade: h2c, TLS/1.0\r\n")) == 501);
  CHECK(verdict("GET / HTTP/2.0\r\nHost: h\r\n\r\n") == 505);
  CHECK(verdict("PRI * HTTP/2.0\r\n\r\n") == 505);
  CHECK(verdict("GET / HTTP/1.2\r\n") == 505);
  CHECK(verdict("GET / HTTP/0.9\r\n") == 505);
}

TEST_CASE("limits bite as soon as they are passed") {
  const std::string longest = "GET /" + std::string(8192 - 16, 'a') + " HTTP/1.1\r\n";
  REQUIRE(longest.size() == 8192);
  CHECK(verdict(longest) == -1);
  CHECK(verdict("GET /a" + longest.substr(5)) == 414);
  CHECK(verdict("GET /" + std::string(8192, 'a')) == 414);
  const std::string filler = "F: " + std::string(1019, 'f') + "\r\n";
  std::string most = "GET /a HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 15; ++i)
    most += filler;
  most += "G: " + std::string(16384 - most.size() - 7, 'g') + "\r\n\r\n";
  CHECK(verdict(most) == 0);
  CHECK(verdict(most.insert(30, "f")) == 431);
  CHECK(verdict(with("F: " + std::string(17000, 'f'))) == 431);
  std::string many;
  for (int i = 0; i < 99; ++i)
    many += "F: 1\r\n";
  CHECK(verdict(with(many)) == 0);
  CHECK(verdict(with(many + "F: 1\r\n")) == 431);
}
