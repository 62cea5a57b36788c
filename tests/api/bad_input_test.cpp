#include <doctest/doctest.h>

#include "api/common.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::routes_bench;

namespace {

struct number_parameter {
  const char *route, *name;
  const char* others;  // the other required ones
  bool required;
  const char *below, *above;
};

constexpr number_parameter numbers[] = {
    {"/api/postgres/layers/points/within", "lon", "lat=1&radius_m=1", true, "-180.0001", "181"},
    {"/api/postgres/layers/points/within", "lat", "lon=1&radius_m=1", true, "-90.5", "90.0000001"},
    {"/api/postgres/layers/points/within", "radius_m", "lon=1&lat=1", true, "-1", "50000.1"},
    {"/api/postgres/layers/points/within", "limit", "lon=1&lat=1&radius_m=1", false, "0", "10001"},
    {"/api/postgres/layers/points/nearest", "lon", "lat=1", true, "-181", "1e300"},
    {"/api/postgres/layers/points/nearest", "lat", "lon=1", true, "-91", "91"},
    {"/api/postgres/layers/points/nearest", "limit", "lon=1&lat=1", false, "-5", "99999999999999999999"},
    {"/api/postgres/layers/points/nearest", "max_distance_m", "lon=1&lat=1", false, "-0.1", "20100001"},
    {"/api/postgres/layers/points/features", "limit", "bbox=1,1,2,2", false, "0", "10001"},
    {"/api/postgres/layers/points/features", "min_lon", "min_lat=1&max_lon=2&max_lat=2", true, "-181", "181"},
    {"/api/postgres/layers/points/features", "min_lat", "min_lon=1&max_lon=2&max_lat=2", true, "-91", "91"},
    {"/api/postgres/layers/points/features", "max_lon", "min_lon=1&min_lat=1&max_lat=2", true, "-181", "181"},
    {"/api/postgres/layers/points/features", "max_lat", "min_lon=1&min_lat=1&max_lon=2", true, "-91", "91"},
};

// What is no number at all, whatever the parameter.
std::vector<std::string> junk() {
  return {"",
          "nan",
          "NaN",
          "inf",
          "-inf",
          "Infinity",
          "abc",
          "1abc",
          "%201",
          "1%20",
          "0x10",
          "1,5",
          "--1",
          "+1",
          "1e",
          "1%00",
          "null",
          "1%3B%20DROP%20TABLE%20points",
          "1%20OR%201%3D1",
          "%27%20UNION%20SELECT%20version()--",
          "%C3%BC",
          "%E2%88%9E",
          "%D9%A1",
          "1%2B1",
          std::string(10'000, '9') + "x",
          std::string(10'000, 'a')};
}

void refused(routes_bench& b, const std::string& target, std::string_view parameter) {
  CAPTURE(target.substr(0, 200));
  const auto answer = b.get(target);
  REQUIRE(answer.has_error());
  CHECK(answer.error().code == errc::bad_parameter);
  CHECK(answer.error().parameter == parameter);
  CHECK(answer.error().detail.find(parameter) != std::string::npos);
  CHECK(answer.error().detail.size() < 2000);
}

}  // namespace

TEST_CASE(
    "a number that is missing, doubled, malformed, not finite or out of range is named, and nothing is "
    "asked") {
  routes_bench b;
  for (const number_parameter& p : numbers) {
    const std::string start = std::string{p.route} + "?" + p.others + "&" + p.name + "=";
    if (p.required) refused(b, std::string{p.route} + "?" + p.others, p.name);
    refused(b, start + "1&" + p.name + "=1", p.name);
    refused(b, start + p.below, p.name);
    refused(b, start + p.above, p.name);
    for (const std::string& value : junk()) {
      try {
        refused(b, start + value, p.name);
      } catch (const std::logic_error&) {
        CHECK(value.find("%00") != std::string::npos);  // refused one step earlier, as text that is none
      }
    }
    refused(b, start + "1&limitt=5", "limitt");
  }
  CHECK(b.source->asked == 0);
}

TEST_CASE("messages say what is allowed") {
  routes_bench b;
  const auto answer = b.get("/api/postgres/layers/points/within?lon=1&lat=1&radius_m=90000");
  REQUIRE(answer.has_error());
  CHECK(answer.error().detail == "radius_m is 90000; it must be between 0 and 50000 (metres)");
}

TEST_CASE("properties, cursor, count and bbox that cannot be are refused before anything is asked") {
  routes_bench b;
  const std::string features = "/api/postgres/layers/points/features?";
  const std::pair<std::string, std::string_view> lines[] = {
      {"properties=nope", "properties"},
      {"properties=name,nope", "properties"},
      {"properties=name,name", "properties"},
      {"properties=", "properties"},
      {"properties=name,,load", "properties"},
      {"properties=name&properties=load", "properties"},
      {"properties=name%22%3B%20DROP%20TABLE%20x--", "properties"},
      {"properties=*", "properties"},
      {"properties=owner", "properties"},  // personal
      {"properties=geom", "properties"},
      {"properties=%F0%9F%92%A5", "properties"},
      {"properties=" + std::string(10'000, 'n'), "properties"},
      {"cursor=", "cursor"},
      {"cursor=abc", "cursor"},
      {"cursor=%27%20OR%201=1", "cursor"},
      {"cursor=" + std::string(10'000, 'A'), "cursor"},
      {"count=yes", "count"},
      {"count=1", "count"},
      {"count=true&count=true", "count"},
      {"bbox=1,2,3", "bbox"},
      {"bbox=1,2,3,4,5", "bbox"},
      {"bbox=1,5,2,4", "bbox"},
      {"bbox=1,2,3,nan", "bbox"},
      {"bbox=1,2,3,4%27", "bbox"},
      {"bbox=-181,2,3,4", "bbox"},
      {"bbox=1,2,3,4&min_lon=1", "bbox"},
      {"bbox=1,2,3,4&bbox=1,2,3,4", "bbox"},
      {"BBOX=1,2,3,4", "BBOX"},
      {"zoom=3", "zoom"},
      {"f=", "f"},
      {"f=csv", "f"},
      {"f=Columns", "f"},
      {"f=columns,geojson", "f"},
      {"f=columns&f=columns", "f"},
      {"%27=1", "'"},
  };
  for (const auto& [query, parameter] : lines) {
    CAPTURE(query.substr(0, 80));
    const auto answer = b.get(features + query);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::bad_parameter);
    if (parameter != "'") CHECK(answer.error().parameter == parameter);
    CHECK(answer.error().detail.size() < 2000);
  }
  CHECK(b.source->asked == 0);
}

TEST_CASE("the properties that exist are named, personal ones are not") {
  routes_bench b;
  const auto answer = b.get("/api/postgres/layers/points/features?properties=nope");
  REQUIRE(answer.has_error());
  CHECK(answer.error().detail == "layer points has no property nope; properties: name, load");
}

TEST_CASE("an unknown layer is not found, with those that exist; a broken one says why") {
  routes_bench b;
  for (const char* rest :
       {"", "/within?lon=1&lat=1&radius_m=1", "/nearest?lon=1&lat=1", "/features", "/features/a"}) {
    for (const char* name : {"nope", "points%27%3BSELECT%201", "Points", "%E2%98%83", "%20points"}) {
      const auto answer = b.get("/api/postgres/layers/" + std::string{name} + rest);
      REQUIRE(answer.has_error());
      CHECK(answer.error().code == errc::not_found);
      CHECK(answer.error().detail.find("layers: points, pairs, plain") != std::string::npos);
    }
  }
  const auto broken = b.get("/api/postgres/layers/broken/features");
  REQUIRE(broken.has_error());
  CHECK(broken.error().code == errc::schema_mismatch);
  CHECK(broken.error().detail.find("table nowhere") != std::string::npos);
  CHECK(b.source->asked == 0);
}

TEST_CASE("routes without parameters take none") {
  routes_bench b;
  for (const char* path :
       {"/api/postgres", "/api/postgres/layers", "/api/postgres/layers/points", "/api/postgres/substations",
        "/api/postgres/substations/status", "/api/postgres/substations/x", "/live", "/ready", "/health",
        "/metrics", "/openapi.json", "/docs", "/api/postgres/layers/points/features/a",
        "/api/postgres/sync/status", "/api/postgres/sync/summary", "/api/postgres/sync/settings"})
    refused(b, std::string{path} + "?extra=1", "extra");
}

TEST_CASE("runs are asked for by a layer that exists, a page at a time") {
  routes_bench b;
  for (const char* layer : {"nope", "", "points,pairs"})
    refused(b, std::string{"/api/postgres/sync/runs?layer="} + layer, "layer");
  for (const char* limit : {"0", "-1", "10001", "x", "", "1.5"})
    refused(b, std::string{"/api/postgres/sync/runs?limit="} + limit, "limit");
  for (const char* cursor : {"", "x", "AAAA", "eyJpZCI6MX0"})
    refused(b, std::string{"/api/postgres/sync/runs?cursor="} + cursor, "cursor");
  refused(b, "/api/postgres/sync/runs?status=failed", "status");
}

TEST_CASE("events are of layers that exist and of a box that is one") {
  routes_bench b;
  for (const char* query : {"layers=nope", "layers=", "layers=points,,points", "layers=points&layers=points"})
    refused(b, std::string{"/api/postgres/events?"} + query, "layers");
  refused(b, "/api/postgres/events?bbox=1,2,3", "bbox");
  refused(b, "/api/postgres/events?since=1", "since");
}

TEST_CASE("a layer without geometry has no distances, but features") {
  routes_bench b;
  for (const char* rest : {"/within?lon=1&lat=1&radius_m=1", "/nearest?lon=1&lat=1"}) {
    const auto answer = b.get("/api/postgres/layers/plain" + std::string{rest});
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::bad_parameter);
  }
  refused(b, "/api/postgres/layers/plain/features?bbox=1,1,2,2", "bbox");
  CHECK(b.source->asked == 0);
  CHECK(b.get("/api/postgres/layers/plain/features").has_value());
}

TEST_CASE("an id that its column cannot hold is simply not found") {
  routes_bench b;
  for (const char* id : {"a", "a:x", "a:1:2", "a:99999999999", "a:1%20", "%5C", "a%5C:1"}) {
    const auto answer = b.get("/api/postgres/layers/pairs/features/" + std::string{id});
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::not_found);
  }
  CHECK(b.source->asked == 0);
  CHECK(b.get("/api/postgres/layers/pairs/features/a:1").has_value());
}

TEST_CASE("a body that is no usable geometry never reaches the layer") {
  routes_bench b;
  using boost::beast::http::verb;
  struct line {
    const char *type, *body;
    errc code;
  };
  const line lines[] = {
      {"", R"({"type":"Point","coordinates":[1,1]})", errc::unsupported_media_type},
      {"text/plain", R"({"type":"Point","coordinates":[1,1]})", errc::unsupported_media_type},
      {"application/jsonx", R"({"type":"Point","coordinates":[1,1]})", errc::unsupported_media_type},
      {"application/json", "", errc::bad_request},
      {"application/json", "{", errc::bad_request},
      {"application/json", "[1,2]", errc::bad_request},
      {"application/json", "null", errc::bad_request},
      {"application/json", "\"x\"", errc::bad_request},
      {"application/json", "{}", errc::unprocessable},
      {"application/json", R"({"type":"Feature","geometry":null})", errc::unprocessable},
      {"application/json", R"({"type":"Circle","coordinates":[1,1]})", errc::unprocessable},
      {"application/json", R"({"type":"Point","coordinates":[200,1]})", errc::unprocessable},
      {"application/json", R"({"type":"Point","coordinates":["1; DROP TABLE x",1]})", errc::unprocessable},
      {"application/json", R"({"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]})",
       errc::unprocessable},
  };
  for (const line& l : lines) {
    CAPTURE(l.body);
    const auto answer = b.ask(verb::post, "/api/postgres/layers/points/intersects", l.body, l.type);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == l.code);
  }
  std::string many = R"({"type":"MultiPoint","coordinates":[[0,0])";
  for (int i = 0; i < 10'000; ++i)
    many += ",[0,0]";
  const auto large =
      b.ask(verb::post, "/api/postgres/layers/points/intersects", many + "]}", "application/geo+json");
  REQUIRE(large.has_error());
  CHECK(large.error().code == errc::body_too_large);
  CHECK(b.source->asked == 0);
}

TEST_CASE("an invalid ring is refused with reason and place") {
  routes_bench b;
  const auto answer = b.ask(boost::beast::http::verb::post, "/api/postgres/layers/points/intersects",
                            R"({"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]})",
                            "application/geo+json; charset=utf-8");
  REQUIRE(answer.has_error());
  CHECK(answer.error().detail == "the geometry is not valid: Self-intersection at 0.5 0.5");
}

TEST_CASE("good questions pass, with version and ETag that do not depend on the order of parameters") {
  routes_bench b;
  const auto one = b.get("/api/postgres/layers/points/within?lon=1&lat=2&radius_m=0&properties=load,name");
  const auto two = b.get("/api/postgres/layers/points/within?radius_m=0&lat=2&properties=load,name&lon=1");
  const auto other = b.get("/api/postgres/layers/points/within?radius_m=1&lat=2&properties=load,name&lon=1");
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  REQUIRE(other.has_value());
  CHECK(one->etag == two->etag);
  CHECK(one->etag != other->etag);
  CHECK(one->type == http::content_type::geojson);
  REQUIRE(one->headers.size() == 1);
  CHECK(one->headers[0].first == "Gridlight-Version");
  CHECK(one->headers[0].second == "points=7");
  CHECK(one->body ==
        R"({"type":"FeatureCollection","numberReturned":1,"truncated":true,"features":[{"type":"Feature",)"
        R"("id":"a","geometry":null,"properties":{}}],"links":[]})");
}

TEST_CASE("the next page's link asks the same question, and its cursor is good for that question alone") {
  routes_bench b;
  b.settings.http.base_path = "/grid";
  const auto first =
      b.get("/api/postgres/layers/points/features?bbox=1,2,3,4&limit=1&properties=name&count=true");
  REQUIRE(first.has_value());
  const std::string start = R"("href":"/grid)";
  const auto at = first->body.find(start);
  REQUIRE(at != std::string::npos);
  const std::string rest = first->body.substr(at + start.size());
  const std::string next = rest.substr(0, rest.find('"'));
  CHECK(next.starts_with(
      "/api/postgres/layers/points/features?bbox=1%2C2%2C3%2C4&limit=1&properties=name&cursor="));
  REQUIRE(b.get(next).has_value());
  CHECK(b.source->last_viewport.after == std::vector<std::string>{"a"});
  CHECK_FALSE(b.source->last_viewport.count);

  const std::string cursor = next.substr(next.find("cursor=") + 7);
  CHECK(b.get("/api/postgres/layers/points/features?bbox=1,2,3,4&cursor=" + cursor).has_value());
  const int asked = b.source->asked;
  refused(b, "/api/postgres/layers/points/features?bbox=1,2,3,5&cursor=" + cursor, "cursor");
  refused(b, "/api/postgres/layers/points/features?cursor=" + cursor, "cursor");
  refused(b, "/api/postgres/layers/pairs/features?bbox=1,2,3,4&cursor=" + cursor, "cursor");
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    std::string altered = cursor;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    refused(b, "/api/postgres/layers/points/features?bbox=1,2,3,4&cursor=" + altered, "cursor");
    refused(b, "/api/postgres/layers/points/features?bbox=1,2,3,4&cursor=" + cursor.substr(0, i), "cursor");
  }
  CHECK(b.source->asked == asked);
}

TEST_CASE(
    "f chooses the form of the lookups that have one, says what it may be, and stays in the next link") {
  routes_bench b;
  const auto wrong = b.get("/api/postgres/layers/points/features?f=csv");
  REQUIRE(wrong.has_error());
  CHECK(wrong.error().detail == "f is csv; it must be geojson or columns");
  refused(b, "/api/postgres/layers/points/features/a?f=columns", "f");
  CHECK(b.source->asked == 0);

  const std::string target = "/api/postgres/layers/points/features?limit=1";
  const auto plain = b.get(target), named = b.get(target + "&f=geojson"),
             columns = b.get(target + "&f=columns");
  REQUIRE(plain.has_value());
  REQUIRE(named.has_value());
  REQUIRE(columns.has_value());
  CHECK(plain->type == http::content_type::geojson);
  CHECK(named->type == http::content_type::geojson);
  CHECK(columns->type == http::content_type::columns);
  CHECK(columns->etag != plain->etag);
  CHECK((plain->varies_by_accept && columns->varies_by_accept));
  CHECK(b.source->last_viewport.form == api::answer_form::columns);
  CHECK(columns->body.starts_with(R"({"layer":"points","length":1,)"));
  CHECK(columns->body.find(
            R"("links":[{"rel":"next","type":"application/vnd.gridlight.columns+json","href":"/api/postgres/)"
            R"(layers/points/features?limit=1&f=columns&cursor=)") != std::string::npos);
}

TEST_CASE("before the catalog was read, layers are unavailable") {
  routes_bench b;
  b.layers.set(nullptr);
  for (const char* path :
       {"/api/postgres/layers", "/api/postgres/layers/points", "/api/postgres/layers/points/features",
        "/api/postgres/substations", "/api/postgres/substations/status"}) {
    const auto answer = b.get(path);
    REQUIRE(answer.has_error());
    CHECK(answer.error().code == errc::database_unavailable);
  }
}

TEST_CASE("a search that cannot be is refused before anything is asked") {
  routes_bench b;
  const std::string search = "/api/postgres/search";
  for (const std::string& q :
       {std::string{}, std::string{"%20%20"}, std::string(201, 'a'), std::string(5000, 'z')})
    refused(b, search + "?q=" + q, "q");
  refused(b, search, "q");
  refused(b, search + "?q=a&q=b", "q");
  for (const char* limit : {"0", "-1", "101", "x", "", "1.5"})
    refused(b, search + "?q=a&limit=" + limit, "limit");
  for (const char* layers : {"", "nope", "points,,plain", "points,points", "points%27--", "Points"})
    refused(b, search + "?q=a&layers=" + layers, "layers");
  refused(b, search + "?q=a&f=columns", "f");
  CHECK(b.source->asked == 0);
  REQUIRE(b.get(search + "?q=a&layers=plain,points").has_value());
  CHECK(b.source->asked == 1);
  CHECK(b.source->last_search.layers.size() == 2);
}
