#include "server/http/visitors.hpp"

#include <doctest/doctest.h>

#include <string>

#include "server/http/forwarded.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using http::visitors;

namespace {

config::http_settings limited(std::size_t connections, double rate, std::size_t burst) {
  config::http_settings out;
  out.max_connections_per_address = connections;
  out.rate_limit = rate;
  out.rate_burst = burst;
  return out;
}

std::string client(std::string_view forwarded,
                   std::initializer_list<std::string> trusted = {"10.0.0.0/8", "::1"}) {
  const std::vector<std::string> texts{trusted};
  return http::client_of(forwarded, make_address("10.0.0.1"), identity::networks{texts}).to_string();
}

}  // namespace

TEST_CASE("an address has its share of connections; those of an IPv6 network share one") {
  visitors v{limited(2, 0, 1)};
  CHECK(v.limits_connections());
  CHECK_FALSE(v.limits_requests());
  const auto a = make_address("192.0.2.1"), b = make_address("192.0.2.2");
  CHECK(v.enter(a));
  CHECK(v.enter(make_address("::ffff:192.0.2.1")));
  CHECK_FALSE(v.enter(a));
  CHECK(v.enter(b));
  v.leave(a);
  CHECK(v.enter(a));
  CHECK_FALSE(v.enter(a));
  CHECK(v.enter(make_address("2001:db8::1")));
  CHECK(v.enter(make_address("2001:db8::ffff:1")));
  CHECK_FALSE(v.enter(make_address("2001:db8::2")));
  CHECK(v.enter(make_address("2001:db8:0:1::1")));
}

TEST_CASE("requests come evenly, and some at once after a pause") {
  visitors v{limited(0, 10, 3)};
  const auto a = make_address("192.0.2.1"), b = make_address("192.0.2.2");
  const auto start = steady::now();
  for (int i = 0; i < 3; ++i)
    CHECK(v.ask(a, start) == 0ms);
  CHECK(v.ask(a, start) == 100ms);
  CHECK(v.ask(a, start + 60ms) == 40ms);
  CHECK(v.ask(b, start) == 0ms);
  CHECK(v.ask(a, start + 100ms) == 0ms);
  CHECK(v.ask(a, start + 100ms) == 100ms);
  for (int i = 0; i < 3; ++i)
    CHECK(v.ask(a, start + 10s) == 0ms);
  CHECK(v.ask(a, start + 10s) == 100ms);
  int let_through = 0;
  for (int ms = 0; ms < 10'000; ++ms)
    if (v.ask(b, start + 20s + std::chrono::milliseconds{ms}).count() == 0) ++let_through;
  CHECK(let_through >= 101);
  CHECK(let_through <= 103);
}

TEST_CASE("a million addresses take no more memory than they may, and are forgotten") {
  visitors v{limited(1, 1000, 1)};
  const auto start = steady::now();
  for (std::uint32_t i = 0; i < 1'000'000; ++i)
    v.ask(boost::asio::ip::address_v4{i}, start);
  CHECK(v.ask(boost::asio::ip::address_v4{0}, start) > 0ms);
  CHECK(v.ask(boost::asio::ip::address_v4{999'999}, start) == 0ms);  // no room: unlimited
  CHECK(v.ask(boost::asio::ip::address_v4{999'999}, start + 1s) == 0ms);
  CHECK(v.ask(boost::asio::ip::address_v4{999'999}, start + 1s) > 0ms);
}

TEST_CASE("the client behind proxies is the last one that no trusted proxy is") {
  CHECK(client("192.0.2.7") == "192.0.2.7");
  CHECK(client("198.51.100.9, 192.0.2.7") == "192.0.2.7");
  CHECK(client("198.51.100.9, 192.0.2.7, 10.1.2.3") == "192.0.2.7");
  CHECK(client("10.9.9.9,10.1.2.3") == "10.9.9.9");
  CHECK(client(" 192.0.2.7:4711 ") == "192.0.2.7");
  CHECK(client("[2001:db8::7]:4711") == "2001:db8::7");
  CHECK(client("2001:db8::7") == "2001:db8::7");
  CHECK(client("::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(client("192.0.2.7, ::1") == "192.0.2.7");
}

TEST_CASE("what is no address ends the walk where it was") {
  for (const char* text : {"", ",", "unknown", "_hidden", "192.0.2", "192.0.2.7.8", "[", "[]", "[2001:db8::7",
                           "::g", "fe80::1%eth0", "192.0.2.7;drop", "1.2.3.4 5.6.7.8"}) {
    CAPTURE(text);
    const std::string out = client(text);
    CHECK((out == "10.0.0.1" || out == "2001:db8::7"));
  }
  CHECK(client("192.0.2.7, unknown, 10.1.2.3") == "10.1.2.3");
  CHECK(client(std::string(10'000, ',')) == "10.0.0.1");
}
