#include "server/http/url.hpp"

#include <doctest/doctest.h>

#include <set>

#include "server/http/request_id.hpp"
#include "server/http/response.hpp"

using namespace gridlight;

TEST_CASE("target forms") {
  const auto parts = [](std::string_view target) {
    const auto [path, query] = http::split_target(target);
    return std::string{path} + "|" + std::string{query};
  };
  CHECK(parts("/a/b?c=d?e") == "/a/b|c=d?e");
  CHECK(parts("/") == "/|");
  CHECK(parts("/?") == "/|");
  CHECK(parts("http://host:80/a?b") == "/a|b");
  CHECK(parts("http://host") == "/|");
  CHECK(parts("HTTPS://[::1]?q=1") == "/|q=1");
  CHECK(parts("*") == "*|");
  CHECK(parts("/a?u=http://x/y") == "/a|u=http://x/y");
}

TEST_CASE("queries are decoded, duplicates and order kept") {
  const auto q = http::decode_query("a=1&&b=%41+%2B&a=&c&=x&d==");
  REQUIRE(q.has_value());
  REQUIRE(q->size() == 6);
  CHECK((*q)[1].value == "A +");
  CHECK((*q)[2].name == "a");
  CHECK((*q)[3].value.empty());
  CHECK((*q)[4].name.empty());
  CHECK((*q)[5].value == "=");
  CHECK(http::decode_query("")->empty());
}

TEST_CASE("broken encodings name the parameter") {
  for (const char* bad : {"lon=%", "lon=%4", "lon=%zz", "lon=%C3", "lon=%ff", "lon=%ED%A0%80", "lon=%C0%80",
                          "lon=a%00b", "lon=%F5%80%80%80", "lon=\xff"}) {
    CAPTURE(bad);
    const auto q = http::decode_query(bad);
    REQUIRE(q.has_error());
    CHECK(q.error().code == errc::bad_parameter);
    CHECK(q.error().parameter == "lon");
  }
  CHECK(http::decode_query("%ff=1").error().code == errc::bad_parameter);
  CHECK(http::decode_path("/a%2").error().code == errc::bad_request);
  CHECK(http::decode_path("/a%ff").error().code == errc::bad_request);
  CHECK(http::decode_path("/a%00").error().code == errc::bad_request);
  CHECK(*http::decode_path("/a%20+b") == "/a +b");
}

TEST_CASE("request ids: made ones differ and sort by time, odd ones are not taken over") {
  http::request_id_maker maker;
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(maker.make());
  CHECK(seen.size() == 1000);
  CHECK(seen.begin()->size() == 26);
  CHECK(seen.begin()->starts_with("0"));
  CHECK(http::acceptable_request_id(*seen.begin()));
  CHECK(http::acceptable_request_id("a.B_9-"));
  CHECK(http::acceptable_request_id(std::string(64, 'x')));
  for (const std::string& bad : {std::string{}, std::string(65, 'x'), std::string{"a b"},
                                 std::string{"a\r\nb"}, std::string{"a\"b"}, std::string{"ü"}})
    CHECK_FALSE(http::acceptable_request_id(bad));
}

TEST_CASE("a problem is RFC 9457's, and tells nothing of the log's detail") {
  const auto p = http::problem({errc::bad_parameter, "lon is \"x\"", "lon", "SELECT secret"}, "ID-1");
  CHECK(p.status == 400);
  CHECK(p.type == "application/problem+json");
  CHECK(p.body ==
        R"({"type":"/problems/bad-parameter","title":"Bad parameter","status":400,"parameter":"lon",)"
        R"("detail":"lon is \"x\"","request_id":"ID-1"})");
  CHECK(p.headers.empty());
  const auto busy = http::problem({errc::pool_exhausted, ""}, "i");
  CHECK(busy.status == 503);
  REQUIRE(busy.headers.size() == 1);
  CHECK(busy.headers[0].first == "Retry-After");
  CHECK(busy.body ==
        R"({"type":"/problems/pool-exhausted","title":"Too busy","status":503,"request_id":"i"})");
}
