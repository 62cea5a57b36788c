// openapi.yaml against the real binary: parameters, methods and statuses. That the routes are the described
// ones, and the shapes of answers, are proved by api/routes_test.cpp and e2e/api_test.cpp.
#include <doctest/doctest.h>

#include <fstream>
#include <set>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/openapi.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;

namespace {

http_reply ask(http_client& client, const operation& o, const std::string& target,
               const http_headers& headers = {}) {
  return o.method == "POST" ? client.post(target, valid_polygon, "application/geo+json", headers)
                            : client.get(target, headers);
}

bool described(const operation& o, const http_reply& reply, const YAML::Node& root) {
  const YAML::Node one = o.node["responses"][std::to_string(reply.status)];
  const YAML::Node response = openapi_resolve(root, one.IsDefined() ? one : o.node["responses"]["default"]);
  if (!response["content"]) return reply.body.empty();
  const std::string type = reply.header("Content-Type");
  for (const auto& content : response["content"])
    if (type.starts_with(content.first.as<std::string>())) return true;
  return false;
}

void refused(http_client& client, const operation& o, const std::string& target,
             const std::string& parameter) {
  CAPTURE(target);
  const auto reply = ask(client, o, target);
  CHECK(reply.status == 400);
  CHECK(reply.body.find("\"parameter\":\"" + parameter + "\"") != std::string::npos);
}

// The four sides of a box go together.
std::string companions(const std::string& name) {
  std::string out;
  for (const auto& [side, value] :
       {std::pair{"min_lon", "-95.5"}, {"min_lat", "29.6"}, {"max_lon", "-95.2"}, {"max_lat", "29.9"}})
    if (name != side) out += std::string{side} + "=" + value + "&";
  return name.starts_with("min_") || (name.starts_with("max_l")) ? out : std::string{};
}

// Of the page after the first one's only item.
std::string cursor_of(http_client& client, const operation& o) {
  const std::string page = client.get(o.target() + "limit=1").body;
  const auto at = page.find("cursor=");
  REQUIRE(at != page.npos);
  return page.substr(at + 7, page.find('"', at) - at - 7);
}

void prove_parameter(http_client& client, const operation& o, const described_parameter& p) {
  const std::string start = o.target(p.name) + companions(p.name) + p.name + "=";
  CAPTURE(start);
  const std::string value = p.name == "cursor" ? cursor_of(client, o) : valid_value(p);
  CHECK(ask(client, o, start + value).status == 200);
  refused(client, o, start + value + "&" + p.name + "=" + value, p.name);
  if (p.required) refused(client, o, o.target(p.name), p.name);
  const auto type = p.schema["type"].as<std::string>();
  if (type != "string") refused(client, o, start + "x", p.name);
  if (p.schema["enum"]) {
    for (const auto& each : p.schema["enum"])
      CHECK(ask(client, o, start + each.as<std::string>()).status == 200);
    refused(client, o, start + "other", p.name);
  }
  if (type == "boolean")
    for (const char* each : {"true", "false"})
      CHECK(ask(client, o, start + each).status == 200);
  if (p.schema["minimum"]) {
    const auto least = p.schema["minimum"].as<double>();
    refused(client, o, start + std::to_string(least - 1), p.name);
  }
  if (p.schema["maximum"]) {
    const auto most = p.schema["maximum"].as<std::int64_t>();
    refused(client, o, start + std::to_string(most + 1), p.name);
    if (!p.name.starts_with("m")) CHECK(ask(client, o, start + std::to_string(most)).status == 200);
  }
}

}  // namespace

TEST_CASE(
    "each described parameter is taken within its bounds and refused beyond, and none that is not "
    "described") {
  demo_server server{
      {"--set", "log.access=false", "--set", "events.max_duration=1ms"},
      {},
      "INSERT INTO gridlight.sync_run (layer, mode) VALUES ('outages', 'full'), ('outages', 'full')"};
  http_client client{server.url()};
  const YAML::Node root = openapi_description();
  int proved = 0;
  for (const operation& o : described_operations(root)) {
    CAPTURE(o.path);
    const auto reply = ask(client, o, o.target());
    CHECK(reply.status == 200);
    CHECK(described(o, reply, root));
    for (const char* name : {"nope", "limits", "Lon", "format", "callback"})
      refused(client, o, o.target() + name + "=1", name);
    for (const described_parameter& p : o.parameters) {
      if (p.in_path) continue;
      prove_parameter(client, o, p);
      ++proved;
    }
  }
  CHECK(proved >= 20);
}

TEST_CASE("each path answers its described methods, HEAD and OPTIONS, and 405 with Allow to all others") {
  demo_server server{{"--set", "log.access=false", "--set", "events.max_duration=1ms"}};
  http_client client{server.url()};
  for (const operation& o : described_operations(openapi_description())) {
    CAPTURE(o.path);
    const std::string allow = o.method == "POST" ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
    CHECK(client.request("OPTIONS", o.target()).header("Allow") == allow);
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"}) {
      const bool known = allow.find(method) != allow.npos;
      if (known) continue;
      CAPTURE(method);
      const bool to_head = std::string_view{method} == "HEAD";
      const auto reply = to_head ? client.head(o.target()) : client.request(method, o.target());
      CHECK(reply.status == 405);
      CHECK(reply.header("Allow") == allow);
      if (!to_head) CHECK(reply.header("Content-Type") == "application/problem+json");
    }
    if (o.method == "GET") CHECK(client.head(o.target()).status == 200);
  }
  const std::string intersects = "/api/postgres/layers/transformers/intersects";
  CHECK(client.post(intersects, valid_polygon, "application/json").status == 200);
  for (const char* type :
       {"text/plain", "application/xml", "application/jsonx", "application/x-www-form-urlencoded"})
    CHECK(client.post(intersects, valid_polygon, type).status == 415);
}

TEST_CASE("401 and 403 come where they are described, and nowhere else") {
  const temp_folder folder;
  const std::string file = (folder.path() / "tokens.yaml").string();
  const auto made = run_gridlight("token writer --scopes write 2>&1 >'" + file + "'");
  REQUIRE(made.status == 0);
  std::string token = made.output.substr(0, made.output.find_last_not_of(" \n") + 1);
  token = token.substr(token.find_last_of(" \n") + 1);
  demo_server server{{"--set", "auth.tokens_file=" + file, "--set", "auth.anonymous=none", "--set",
                      "events.max_duration=1ms"}};
  http_client client{server.url()};
  const YAML::Node root = openapi_description();
  for (const operation& o : described_operations(root)) {
    CAPTURE(o.path);
    const YAML::Node responses = o.node["responses"];
    CHECK(responses["401"].IsDefined() == !o.open);
    CHECK(responses["403"].IsDefined() == !o.open);
    const auto anonymous = ask(client, o, o.target());
    const auto unknown = ask(client, o, o.target(), {{"Authorization", "Bearer nonsense"}});
    const auto scopeless = ask(client, o, o.target(), {{"Gridlight-Token", token}});
    CHECK(anonymous.status == (o.open ? 200 : 401));
    CHECK(unknown.status == (o.open ? 200 : 401));
    CHECK(scopeless.status == (o.open ? 200 : 403));
    for (const auto* reply : {&anonymous, &unknown, &scopeless}) {
      CHECK(described(o, *reply, root));
      CHECK(reply->has("WWW-Authenticate") == (reply->status == 401));
    }
  }
}

TEST_CASE("without a database each route answers as described: 503, or what needs none") {
  server_process server{{.environment = {{"GRIDLIGHT_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none"}},
                         .arguments = {"--set", "log.access=false"},
                         .allowed = {""}}};
  http_client client{server.url()};
  const YAML::Node root = openapi_description();
  const std::set<std::string> alone{"/",
                                    "/status",
                                    "/static/{file}",
                                    "/live",
                                    "/metrics",
                                    "/openapi.json",
                                    "/docs",
                                    "/docs/docs.js",
                                    "/docs/docs.css",
                                    "/api/postgres",
                                    "/api/postgres/sync/settings"};
  for (const operation& o : described_operations(root)) {
    CAPTURE(o.path);
    const auto reply = ask(client, o, o.target());
    CHECK(described(o, reply, root));
    if (alone.count(o.path) == 1) {
      CHECK(reply.status == 200);
    } else {
      CHECK(reply.status == 503);
      CHECK(reply.has("Retry-After"));
    }
  }
}
