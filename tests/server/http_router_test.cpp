#include "server/http/router.hpp"

#include <doctest/doctest.h>

using namespace gridlight;
using boost::beast::http::verb;
using values = std::vector<std::string>;

namespace {

http::router grid() {
  http::router out;
  const auto add = [&](verb method, std::string pattern) { out.add({method, std::move(pattern), {}, 0}); };
  add(verb::get, "/");
  add(verb::get, "/a/substations/{id}");
  add(verb::get, "/a/substations/status");
  add(verb::get, "/a/substations");
  add(verb::get, "/a/layers/{layer}/within");
  add(verb::post, "/a/layers/{layer}/intersects");
  add(verb::get, "/a/layers/{layer}/intersects");
  add(verb::get, "/a/layers/special/only");
  add(verb::post, "/a/reload");
  add(verb::get, "/a/tiles/{layer}/{z}/{x}/{y}");
  return out;
}

std::string pattern_of(const http::router& r, verb method, std::string_view path) {
  const auto m = r.find(method, path);
  return m.found == nullptr ? "" : m.found->pattern;
}

}  // namespace

TEST_CASE("a literal wins over a name, and a dead end goes back to the name") {
  const http::router r = grid();
  CHECK(pattern_of(r, verb::get, "/a/substations/status") == "/a/substations/status");
  CHECK(pattern_of(r, verb::get, "/a/substations/SUB-1") == "/a/substations/{id}");
  CHECK(r.find(verb::get, "/a/layers/special/within").path_values == values{"special"});
  CHECK(pattern_of(r, verb::get, "/a/layers/special/only") == "/a/layers/special/only");
  CHECK(pattern_of(r, verb::get, "/") == "/");
}

TEST_CASE("names are decoded; an encoded slash is data") {
  const http::router r = grid();
  CHECK(r.find(verb::get, "/a/substations/a%2Fb%20c%C3%BC").path_values == values{"a/b cü"});
  CHECK(pattern_of(r, verb::get, "/a/%73ubstations/%73tatus") == "/a/substations/status");
  CHECK(r.find(verb::get, "/a/substations/%7Bid%7D").path_values == values{"{id}"});
  CHECK(r.find(verb::get, "/a/tiles/x,y/3/1/2").path_values == values{"x,y", "3", "1", "2"});
  CHECK(r.find(verb::get, "/a/substations/+").path_values == values{"+"});
}

TEST_CASE("no route") {
  const http::router r = grid();
  for (const char* path :
       {"", "a", "//", "/a", "/a/", "/a/substations/", "/a/substations/x/y", "/a/substations/%zz",
        "/a/layers//within", "/A/substations", "*", "/a/tiles/x/1/2/3/4"}) {
    CAPTURE(path);
    const auto m = r.find(verb::get, path);
    CHECK(m.found == nullptr);
    CHECK(m.allow.empty());
  }
  CHECK(r.find(verb::get, std::string(10000, '/')).found == nullptr);
}

TEST_CASE("HEAD goes where GET does; a wrong method tells what is allowed") {
  const http::router r = grid();
  CHECK(pattern_of(r, verb::head, "/a/substations") == "/a/substations");
  CHECK(r.find(verb::delete_, "/a/substations").allow == "GET, HEAD");
  CHECK(r.find(verb::head, "/a/reload").allow == "POST");
  CHECK(r.find(verb::put, "/a/layers/x/intersects").allow == "POST, GET, HEAD");
  CHECK(r.find(verb::put, "/a/substations/status").found == nullptr);
}
