// The routes of the real binary over a small demo grid: each answers as openapi.yaml describes it.
#include <doctest/doctest.h>
#include <simdjson.h>
#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <thread>

#include "tests/support/column_reader.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight::test;

namespace {

/// One database and one server for all cases of this file.
struct grid {
  grid() {
    const char* binary = std::getenv("GRIDLIGHT_BINARY");
    REQUIRE(binary != nullptr);
    for (const char* command : {" migrate", " demo-data --scale 0.002 --seed 7"}) {
      const std::string line =
          "'" + std::string{binary} + "' --database-url \"" + db.uri() + "\"" + command + " >/dev/null 2>&1";
      REQUIRE(std::system(line.c_str()) == 0);
    }
    server = std::make_unique<server_process>(db.uri());
    client = std::make_unique<http_client>(server->url());
    for (int i = 0; i < 100 && client->get("/ready").status != 200; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  temp_db db;
  std::unique_ptr<server_process> server;
  std::unique_ptr<http_client> client;
};

simdjson::dom::element parse(simdjson::dom::parser& parser, const http_reply& reply) {
  simdjson::dom::element root;
  REQUIRE_MESSAGE(parser.parse(reply.body).get(root) == simdjson::SUCCESS, reply.body.substr(0, 200));
  return root;
}

// An id is a text, or a number when the key is one integer.
std::string text_of(simdjson::dom::element id) {
  return id.is_string() ? std::string{id.get_string().value()} : std::to_string(id.get_int64().value());
}

YAML::Node resolve(const YAML::Node& root, YAML::Node node) {
  while (node["$ref"]) {
    std::istringstream path{node["$ref"].as<std::string>().substr(2)};
    YAML::Node at = YAML::Clone(root);
    for (std::string part; std::getline(path, part, '/');)
      at.reset(at[part]);
    node.reset(at);
  }
  return node;
}

std::string_view type_of(simdjson::dom::element e) {
  switch (e.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "array";
    case simdjson::dom::element_type::OBJECT:
      return "object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      return "integer";
    case simdjson::dom::element_type::DOUBLE:
      return "number";
    case simdjson::dom::element_type::STRING:
      return "string";
    case simdjson::dom::element_type::BOOL:
      return "boolean";
    default:
      return "null";
  }
}

// Types, required members, enums and items, as far as openapi.yaml uses JSON Schema. Members that a schema
// with properties does not name are faults, where `properties` of a feature name none and may hold any.
void check(const YAML::Node& root, const YAML::Node& described, simdjson::dom::element value,
           const std::string& at) {
  YAML::Node schema = resolve(root, described);
  // The one use of it: something, or null.
  if (schema["oneOf"]) schema = value.is_null() ? schema["oneOf"][1] : resolve(root, schema["oneOf"][0]);
  CAPTURE(at);
  if (schema["type"]) {
    bool fits = false;
    for (const YAML::Node& t : schema["type"].IsSequence()
                                   ? schema["type"]
                                   : YAML::Load("[" + schema["type"].as<std::string>() + "]")) {
      const auto name = t.as<std::string>("null");
      fits = fits || name == type_of(value) || (name == "number" && type_of(value) == "integer");
    }
    CHECK(fits);
  }
  if (schema["enum"]) {
    bool listed = false;
    for (const YAML::Node& one : schema["enum"])
      listed = listed || one.as<std::string>() == value.get_string().value();
    CHECK(listed);
  }
  if (value.is_object() && schema["properties"]) {
    for (const YAML::Node& name : schema["required"]) {
      CAPTURE(name.as<std::string>());
      CHECK(value[name.as<std::string>()].error() == simdjson::SUCCESS);
    }
    const simdjson::dom::object members = value;
    for (const auto member : members) {
      const std::string key{member.key};
      CAPTURE(key);
      const YAML::Node known = schema["properties"][key];
      if (known) check(root, known, member.value, at + "." + key);
      if (!known && at.find("Verdict") == at.npos && at.find("Geometry") == at.npos) CHECK(known.IsDefined());
    }
  }
  if (value.is_array() && schema["items"]) {
    const simdjson::dom::array items = value;
    for (const auto item : items)
      check(root, schema["items"], item, at + "[]");
  }
}

std::string fill(std::string path, const std::string& substation) {
  const bool of_layer = path.find("{layer}") != path.npos;
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"{layer}", "substations"},
                                    {"{id}", substation},
                                    {"{layers}", "substations"},
                                    {"{tileset}", "substations.json"},
                                    {"{z}", "8"},
                                    {"{x}", "60"},
                                    {"{y}", "105"}}) {
    if (const auto at = path.find(name); at != path.npos) path.replace(at, name.size(), value);
  }
  if (of_layer && (path.ends_with("/within") || path.ends_with("/nearest"))) path += "?lon=-95.37&lat=29.76";
  if (path.find("/within?") != path.npos) path += "&radius_m=50000";
  if (path.ends_with("/search")) path += "?q=SUB-0";
  return path;
}

}  // namespace

TEST_CASE("each described route answers as described") {
  grid g;
  const YAML::Node root =
      YAML::LoadFile(std::string{std::getenv("GRIDLIGHT_SOURCE_DIR")} + "/api/openapi.yaml");
  simdjson::dom::parser parser;
  const auto status = g.client->get("/api/postgres/substations/status");
  REQUIRE(status.status == 200);
  const std::string substation{parse(parser, status).at(0)["substation_id"].get_string().value()};

  for (const auto& path : root["paths"]) {
    for (const auto& method : path.second) {
      if (method.second["x-scope"].IsDefined()) continue;  // for writers: e2e/sync_test.cpp
      const std::string target = fill(path.first.as<std::string>(), substation);
      if (target.starts_with("/static/")) continue;  // its type is the file's: e2e/openapi_test.cpp
      CAPTURE(target);
      const bool post = method.first.as<std::string>() == "post";
      const YAML::Node described = resolve(root, method.second["responses"]["200"]);
      const auto content = described["content"].begin();
      const auto type = content->first.as<std::string>();
      if (type == "text/event-stream") continue;  // has no end; see e2e/events_test.cpp
      const auto reply =
          post
              ? g.client->post(
                    target,
                    R"({"type":"Polygon","coordinates":[[[-96,29],[-95,29],[-95,30.5],[-96,30.5],[-96,29]]]})",
                    "application/geo+json")
              : g.client->get(target);
      CHECK(reply.status == 200);
      CHECK(reply.header("Content-Type").starts_with(type));
      if (described["headers"]) CHECK(reply.has("Gridlight-Version"));
      if (method.second["responses"]["304"]) {
        REQUIRE(reply.has("ETag"));
        const auto again = g.client->get(target, {{"If-None-Match", reply.header("ETag")}});
        CHECK(again.status == 304);
        CHECK(again.body.empty());
      }
      if (type.find("json") != type.npos) {
        const YAML::Node schema = content->second["schema"];
        const std::string name = schema["$ref"] ? schema["$ref"].as<std::string>().substr(21) : target;
        check(root, schema, parse(parser, reply), name);
      }

      // The other forms, by Accept and by f.
      for (auto other = std::next(content); !post && other != described["content"].end(); ++other) {
        const auto form = other->first.as<std::string>();
        CAPTURE(form);
        const auto accepted = g.client->get(target, {{"Accept", form + ", application/geo+json;q=0.9"}});
        CHECK(accepted.status == 200);
        CHECK(accepted.header("Content-Type") == form);
        check(root, other->second["schema"], parse(parser, accepted), "Columns");
        const std::string separator = target.find('?') == target.npos ? "?" : "&";
        const auto named = g.client->get(target + separator + "f=columns", {{"Accept", type}});
        CHECK(named.header("Content-Type") == form);
        CHECK(named.body.substr(0, 200) == accepted.body.substr(0, 200));
        CHECK(g.client->get(target + separator + "f=geojson", {{"Accept", form}}).header("Content-Type") ==
              type);
        for (const auto* one : {&reply, &accepted})
          CHECK(one->header("Vary").find("Accept,") != std::string::npos);
        CHECK(accepted.header("ETag") != reply.header("ETag"));
        CHECK(g.client->get(target, {{"Accept", form}, {"If-None-Match", reply.header("ETag")}}).status ==
              200);
        const auto unchanged =
            g.client->get(target, {{"Accept", form}, {"If-None-Match", accepted.header("ETag")}});
        CHECK(unchanged.status == 304);
        CHECK(unchanged.header("Vary").find("Accept,") != std::string::npos);
      }

      const auto problem =
          post ? g.client->post(target + "?nope=1", "{}")
               : g.client->get(target + (target.find('?') == target.npos ? "?" : "&") + "nope=1");
      CHECK(problem.status == 400);
      CHECK(problem.header("Content-Type").starts_with("application/problem+json"));
      const auto document = parse(parser, problem);
      check(root, root["components"]["schemas"]["Problem"], document, "Problem");
      CHECK(document["parameter"].get_string().value() == "nope");
      CHECK(document["request_id"].get_string().value() == problem.header("X-Request-ID"));
    }
  }
}

TEST_CASE("a whole layer page by page, as a GIS client does it") {
  grid g;
  simdjson::dom::parser parser;
  for (const std::string layer : {"transformers", "topology", "buildings"}) {
    CAPTURE(layer);
    std::string next = "/api/postgres/layers/" + layer + "/features?limit=37&count=true&bbox=-97,28,-94,31";
    std::int64_t matched = -1, got = 0;
    std::string ids;
    while (!next.empty()) {
      const auto reply = g.client->get(next);
      REQUIRE(reply.status == 200);
      const auto page = parse(parser, reply);
      if (matched < 0) matched = page["numberMatched"].get_int64().value();
      got += page["numberReturned"].get_int64().value();
      next.clear();
      const simdjson::dom::array links = page["links"].get_array().value();
      for (const auto link : links)
        if (link["rel"].get_string().value() == "next") next = std::string{link["href"].get_string().value()};
      REQUIRE(got <= matched);
    }
    CHECK(got == matched);
    CHECK(matched > 37);
  }
}

TEST_CASE("columns hold what GeoJSON holds, page by page") {
  grid g;
  for (const std::string layer : {"transformers", "topology", "buildings", "water"}) {
    std::string target = "/api/postgres/layers/" + layer + "/features?limit=23&bbox=-97,28,-94,31";
    for (int page = 0; page < 4 && !target.empty(); ++page) {
      CAPTURE(target);
      simdjson::dom::parser parser;
      const auto json = parse(parser, g.client->get(target));
      const column_reader columns{
          g.client->get(target, {{"Accept", "application/vnd.gridlight.columns+json"}}).body};
      CHECK(columns.features() == column_reader::minified_items(simdjson::minify(json["features"].value())));
      target.clear();
      std::string_view next;
      if (columns.root()["links"].at(0)["href"].get(next) == simdjson::SUCCESS) {
        CHECK(next.find("f=columns&cursor=") != next.npos);
        std::string_view href = json["links"].at(0)["href"].get_string().value();
        target = href;
        CHECK(columns.root()["links"].at(0)["type"].get_string().value() ==
              "application/vnd.gridlight.columns+json");
      }
    }
  }
  const auto bad = g.client->get("/api/postgres/layers/water/features?f=shapefile");
  CHECK(bad.status == 400);
  CHECK(bad.body.find("f is shapefile; it must be geojson or columns") != std::string::npos);
  CHECK(g.client->get("/api/postgres/layers/water/features", {{"Accept", "text/html"}})
            .header("Content-Type") == "application/geo+json");
}

TEST_CASE("a feature's id leads back to it, whatever its key") {
  grid g;
  simdjson::dom::parser parser;
  for (const std::string layer : {"transformers", "topology", "water", "outages"}) {
    CAPTURE(layer);
    const std::string base = "/api/postgres/layers/" + layer + "/features";
    const auto first = parse(parser, g.client->get(base + "?limit=1"));
    const std::string id = text_of(first["features"].at(0)["id"]);
    std::string encoded;
    for (const char c : id) {
      char text[8];
      std::snprintf(text, sizeof text, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      encoded += text;
    }
    const auto reply = g.client->get(base + "/" + encoded);
    CHECK(reply.status == 200);
    CHECK(text_of(parse(parser, reply)["id"]) == id);
    CHECK(g.client->get(base + "/no-such").status == 404);
  }
}

TEST_CASE("errors never show SQL, and name what is allowed") {
  grid g;
  for (const char* target :
       {"/api/postgres/layers/nope/features",
        "/api/postgres/layers/transformers/within?lon=-95&lat=29&radius_m=90000",
        "/api/postgres/layers/transformers/features?properties=%27%3B%20DROP%20TABLE%20transformers",
        "/api/postgres/substations/%27%20OR%20true--",
        "/api/postgres/layers/transformers/features/%27%3BSELECT%201"}) {
    CAPTURE(target);
    const auto reply = g.client->get(target);
    CHECK((reply.status == 400 || reply.status == 404));
    CHECK(reply.body.find("SELECT s.version") == std::string::npos);
    CHECK(reply.body.find("layer_state") == std::string::npos);
  }
  CHECK(g.client->post("/api/postgres/layers/transformers/intersects", "{}", "text/plain").status == 415);
  CHECK(g.client
            ->post("/api/postgres/layers/transformers/intersects",
                   R"({"type":"Polygon","coordinates":[[[0,0],[1,1],[1,0],[0,1],[0,0]]]})")
            .status == 422);
  CHECK(g.client->post("/api/postgres/layers/transformers/within", "{}").status == 405);
}

TEST_CASE("what is bad makes no query") {
  grid g;
  const auto loans = [&] {
    const std::string text = g.client->get("/metrics").body;
    const auto at = text.find("gridlight_pool_acquired_total{lane=\"lookup\"} ");
    REQUIRE(at != text.npos);
    return std::stod(text.substr(at + 45));
  };
  CHECK(g.client->get("/api/postgres/layers/transformers/within?lon=-95.37&lat=29.76&radius_m=500").status ==
        200);
  // What the server itself asks as it starts, for the listeners to come, may be late on a busy machine.
  double before = 0;
  for (int i = 0; i < 20 && before != loans(); ++i) {
    before = loans();
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
  }
  CHECK(before >= 1);
  for (const char* query : {"lon=nan&lat=1&radius_m=1", "lon=1&lat=1", "lon=1&lat=1&radius_m=1&limit=0",
                            "lon=1&lat=1&radius_m=1&x=1", "lon=1&lon=1&lat=1&radius_m=1",
                            "lon=1&lat=1&radius_m=1&properties=nope"})
    CHECK(g.client->get("/api/postgres/layers/transformers/within?" + std::string{query}).status == 400);
  CHECK(loans() == before);
}

TEST_CASE("a change is seen soon after its commit by a client that asks whether there was one") {
  demo_server server;
  http_client client{server.url()};
  const std::string target = "/api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.76&limit=1";
  const std::string etag = client.get(target).header("ETag");
  CHECK(client.get(target, {{"If-None-Match", etag}}).status == 304);
  server.db().run("UPDATE gridlight.layer_state SET version = version + 1 WHERE layer = 'transformers'");
  const auto committed = std::chrono::steady_clock::now();
  while (client.get(target, {{"If-None-Match", etag}}).status == 304 &&
         std::chrono::steady_clock::now() - committed < std::chrono::seconds{10})
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  const std::chrono::duration<double, std::milli> unseen = std::chrono::steady_clock::now() - committed;
  MESSAGE("seen after " << unseen.count() << " ms");
  CHECK(unseen.count() < limit_ms(500));
}
