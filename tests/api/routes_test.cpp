#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <sstream>

#include "api/docs.hpp"
#include "embedded/openapi.hpp"
#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::routes_bench;

namespace {

std::string lower(std::string_view verb) {
  std::string out;
  for (const char c : verb)
    out += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

YAML::Node description() {
  return YAML::Load(std::string{embedded::openapi[0].text});
}

YAML::Node resolve(const YAML::Node& root, const YAML::Node& node) {
  if (!node["$ref"]) return node;
  std::istringstream path{node["$ref"].as<std::string>().substr(2)};
  YAML::Node at = YAML::Clone(root);
  for (std::string part; std::getline(path, part, '/');)
    at.reset(at[part]);
  return at;
}

// A path with its {names} filled in.
std::string example_path(std::string path) {
  for (const auto& [name, value] : {std::pair{"{layer}", "points"},
                                    {"{id}", "a"},
                                    {"{layers}", "points"},
                                    {"{file}", "plain.css"},
                                    {"{tileset}", "points.json"},
                                    {"{z}", "1"},
                                    {"{x}", "0"},
                                    {"{y}", "0"}}) {
    const auto at = path.find(name);
    if (at != path.npos) path.replace(at, std::string_view{name}.size(), value);
  }
  return path;
}

}  // namespace

TEST_CASE("each route is described, and each described route exists") {
  routes_bench b;
  std::set<std::string> routes, described;
  for (const http::route& r : b.router.routes()) {
    const auto verb = boost::beast::http::to_string(r.method);
    routes.insert(lower({verb.data(), verb.size()}) + " " + r.pattern);
  }
  for (const auto& path : description()["paths"])
    for (const auto& method : path.second)
      described.insert(method.first.as<std::string>() + " " + path.first.as<std::string>());
  CHECK(routes == described);
  CHECK(routes.size() >= 17);
}

TEST_CASE("the parameters described are those that the route takes") {
  routes_bench b;
  const YAML::Node root = description();
  for (const auto& path : root["paths"]) {
    for (const auto& method : path.second) {
      const auto target = path.first.as<std::string>();
      CAPTURE(target);
      std::set<std::string> described;
      std::string required;
      for (const auto& reference : method.second["parameters"]) {
        const YAML::Node p = resolve(root, reference);
        const auto name = p["name"].as<std::string>();
        if (p["in"].as<std::string>() == "path") {
          CHECK(target.find("{" + name + "}") != std::string::npos);
          continue;
        }
        described.insert(name);
        if (p["required"] && p["required"].as<bool>()) required += name + "=1&";
      }
      const auto verb = method.first.as<std::string>() == "post" ? boost::beast::http::verb::post
                                                                 : boost::beast::http::verb::get;
      const auto answer =
          b.ask(verb, example_path(target) + "?" + required + "no_such=1", "{}", "application/json");
      REQUIRE(answer.has_error());
      CHECK(answer.error().parameter == "no_such");
      std::set<std::string> taken;
      const std::string& detail = answer.error().detail;
      const auto known = detail.find("known: ");
      if (known != detail.npos) {
        std::istringstream names{detail.substr(known + 7)};
        for (std::string name; std::getline(names, name, ',');)
          taken.insert(name.substr(name.find_first_not_of(' ')));
      }
      CHECK(taken == described);
    }
  }
}

TEST_CASE("limits described are those of the default configuration") {
  const YAML::Node root = description();
  const config defaults;
  const YAML::Node limit = root["components"]["parameters"]["limit"]["schema"];
  CHECK(limit["maximum"].as<std::int64_t>() == defaults.limits.max_limit);
  CHECK(limit["default"].as<std::int64_t>() == defaults.limits.default_limit);
  for (const auto& p : root["paths"]["/api/postgres/layers/{layer}/within"]["get"]["parameters"])
    if (p["name"] && p["name"].as<std::string>() == "radius_m")
      CHECK(p["schema"]["maximum"].as<double>() == defaults.limits.max_radius_m);
}

TEST_CASE("operations have ids of their own, a summary, a tag that exists and a default answer") {
  const YAML::Node root = description();
  std::set<std::string> tags, ids;
  for (const auto& tag : root["tags"])
    tags.insert(tag["name"].as<std::string>());
  for (const auto& path : root["paths"]) {
    for (const auto& method : path.second) {
      CAPTURE(path.first.as<std::string>());
      const YAML::Node operation = method.second;
      CHECK(ids.insert(operation["operationId"].as<std::string>()).second);
      CHECK_FALSE(operation["summary"].as<std::string>().empty());
      CHECK(tags.count(operation["tags"][0].as<std::string>()) == 1);
      CHECK((operation["responses"]["200"].IsDefined() || operation["responses"]["202"].IsDefined()));
      CHECK(operation["responses"]["default"].IsDefined());
    }
  }
}

TEST_CASE("YAML becomes JSON: quoted scalars stay texts") {
  CHECK(api::yaml_to_json(
            "{a: 1, b: \"1\", c: true, d: [null, ~, x y], e: 3.1.0, f: -95.5, g: \"\\u00fc\\\"\"}") ==
        R"({"a":1,"b":"1","c":true,"d":[null,null,"x y"],"e":"3.1.0","f":-95.5,"g":"ü\""})");
}

TEST_CASE("the documentation is served with a strict policy and loads nothing from elsewhere") {
  routes_bench b;
  for (const char* path : {"/docs", "/docs/docs.js", "/docs/docs.css", "/openapi.json"}) {
    CAPTURE(path);
    const auto answer = b.get(path);
    REQUIRE(answer.has_value());
    CHECK(answer->body.size() > 100);
    CHECK(answer->body.find("http://") == std::string::npos);
    CHECK(answer->body.find("https://") == std::string::npos);
    CHECK_FALSE(answer->etag.empty());
    bool strict = false;
    for (const auto& [name, value] : answer->headers)
      strict = strict || (name == "Content-Security-Policy" && value.starts_with("default-src 'none'"));
    CHECK(strict);
  }
  CHECK(b.get("/docs")->body.find("style=") == std::string::npos);
}

TEST_CASE("the landing page links what is there") {
  routes_bench b;
  const auto answer = b.get("/api/postgres");
  REQUIRE(answer.has_value());
  const YAML::Node page = YAML::Load(answer->body);
  for (const auto& link : page["links"]) {
    const auto href = link["href"].as<std::string>();
    CAPTURE(href);
    CHECK(b.router.find(boost::beast::http::verb::get, href).found != nullptr);
  }
}
