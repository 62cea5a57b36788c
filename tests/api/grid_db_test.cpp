// Substations, layers and health through the routes, on the schema that the migrations make.
#include <cmath>

#include "tests/api/grid_bench.hpp"

using namespace gridlight;
using test::grid_bench;

namespace {

constexpr std::string_view grid = R"(
INSERT INTO substations (substation_id, substation_name, latitude, longitude, capacity_mva, voltage_level, commissioned_date, operational_status) VALUES
  ('A', 'All well', 29.7, -95.3, 100, '138kV', '1999-05-01', 'ACTIVE'), ('B', 'Hot "one"', 29.8, -95.4, 50.5, '69kV', NULL, 'ACTIVE'),
  ('C', 'No circuits', 29.9, -95.5, NULL, NULL, NULL, NULL), ('D', 'No data', 29.9, -95.6, 1, NULL, NULL, NULL),
  ('E', 'Warm', 29.6, -95.6, 1, NULL, NULL, NULL), ('F', 'Sick', 29.6, -95.7, 1, NULL, NULL, NULL), ('G', NULL, 29.6, -95.7, 1, NULL, NULL, NULL);
INSERT INTO circuit_status_realtime (circuit_id, circuit_name, substation_id, voltage_class, avg_load_percent, avg_health_score, customers_served, centroid_lat, centroid_lon, last_updated) VALUES
  ('a1', 'One', 'A', 'HIGH', 70, 70, 10, 29.7, -95.3, '2026-11-20 08:00:00Z'), ('a2', 'Two', 'A', 'LOW', 10.005, 99.994, 20, 29.7, -95.3, '2026-11-20 08:05:00Z'),
  ('a3', 'Three', 'A', 'LOW', NULL, NULL, 20, 29.7, -95.3, '2026-11-20 07:00:00Z'),
  ('b1', NULL, 'B', NULL, 85.0000001, 90, NULL, NULL, NULL, NULL), ('b2', NULL, 'B', NULL, 85, 90, NULL, NULL, NULL, '2026-11-20 08:00:00Z'),
  ('b3', NULL, 'B', NULL, 70.5, 90, NULL, NULL, NULL, NULL), ('d1', NULL, 'D', NULL, NULL, NULL, NULL, NULL, NULL, '2026-11-20 08:00:00Z'),
  ('d2', NULL, 'D', NULL, 'NaN', 'NaN', NULL, NULL, NULL, NULL), ('e1', NULL, 'E', NULL, 20, 69.99, NULL, NULL, NULL, NULL),
  ('f1', NULL, 'F', NULL, NULL, 49.9, NULL, NULL, NULL, NULL), ('g1', NULL, 'G', NULL, 70.1, NULL, NULL, NULL, NULL, NULL),
  ('orphan', NULL, NULL, NULL, 99, 1, NULL, NULL, NULL, NULL), ('lost', NULL, 'nowhere', NULL, 99, 1, NULL, NULL, NULL, NULL);
INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o1', 'a1', 'RESTORED'), ('o2', 'a2', 'ACTIVE'), ('o3', 'a2', 'PENDING'), ('o4', NULL, 'ACTIVE');
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE gridlight.layer_state SET version = 9 WHERE layer = 'substations';
UPDATE gridlight.layer_state SET version = 97 WHERE layer = 'circuits';
)";

}  // namespace

TEST_CASE("substation status: every field, every rule, the highest load first") {
  grid_bench b;
  b.db.run(grid);
  b.json("/api/postgres/substations/status");
  CHECK(b.header("Gridlight-Version") == "substations=9, circuits=97");
  CHECK(b.last.type == http::content_type::json);
  const std::string expected[] = {
      R"({"substation_id":"B","substation_name":"Hot \"one\"","circuit_count":3,"avg_load":80.17,"avg_health":90,"worst_circuit_load":85,"worst_circuit_health":90,"critical_circuits":1,"warning_circuits":2,"circuits_without_data":0,"status":"critical","last_updated":"2026-11-20T08:00:00Z","as_of":"2026-11-20T08:00:00Z"})",
      R"({"substation_id":"G","substation_name":null,"circuit_count":1,"avg_load":70.1,"avg_health":null,"worst_circuit_load":70.1,"worst_circuit_health":null,"critical_circuits":0,"warning_circuits":1,"circuits_without_data":0,"status":"warning","last_updated":null,"as_of":null})",
      R"({"substation_id":"A","substation_name":"All well","circuit_count":3,"avg_load":40,"avg_health":85,"worst_circuit_load":70,"worst_circuit_health":70,"critical_circuits":0,"warning_circuits":0,"circuits_without_data":1,"status":"good","last_updated":"2026-11-20T08:05:00Z","as_of":"2026-11-20T08:00:00Z"})",
      R"({"substation_id":"E","substation_name":"Warm","circuit_count":1,"avg_load":20,"avg_health":69.99,"worst_circuit_load":20,"worst_circuit_health":69.99,"critical_circuits":0,"warning_circuits":0,"circuits_without_data":0,"status":"warning","last_updated":null,"as_of":null})",
      R"({"substation_id":"C","substation_name":"No circuits","circuit_count":0,"avg_load":null,"avg_health":null,"worst_circuit_load":null,"worst_circuit_health":null,"critical_circuits":0,"warning_circuits":0,"circuits_without_data":0,"status":"unknown","last_updated":null,"as_of":null})",
      R"({"substation_id":"D","substation_name":"No data","circuit_count":2,"avg_load":null,"avg_health":null,"worst_circuit_load":null,"worst_circuit_health":null,"critical_circuits":0,"warning_circuits":0,"circuits_without_data":2,"status":"unknown","last_updated":"2026-11-20T08:00:00Z","as_of":null})",
      R"({"substation_id":"F","substation_name":"Sick","circuit_count":1,"avg_load":null,"avg_health":49.9,"worst_circuit_load":null,"worst_circuit_health":49.9,"critical_circuits":0,"warning_circuits":0,"circuits_without_data":0,"status":"critical","last_updated":null,"as_of":null})",
  };
  std::string all;
  for (const std::string& row : expected)
    all += (all.empty() ? "[" : ",") + row;
  CHECK(b.last.body == all + "]");

  const std::string etag = b.last.etag;
  b.json("/api/postgres/substations/status");
  CHECK(b.last.etag == etag);
  b.db.run("UPDATE gridlight.layer_state SET version = 98 WHERE layer = 'circuits'");
  b.json("/api/postgres/substations/status");
  CHECK(b.last.etag != etag);
}

TEST_CASE("no substations: an empty array that has a version") {
  grid_bench b;
  b.json("/api/postgres/substations/status");
  CHECK(b.last.body == "[]");
  CHECK(b.header("Gridlight-Version") == "substations=1, circuits=1");
  b.json("/api/postgres/substations");
  CHECK(b.last.body == R"({"type":"FeatureCollection","numberReturned":0,"features":[],"links":[]})");
}

TEST_CASE("a substation with its circuits; an open outage outweighs a circuit's figures") {
  grid_bench b;
  b.db.run(grid);
  b.json("/api/postgres/substations/A");
  CHECK(b.header("Gridlight-Version") == "substations=9, circuits=97, outages=2");
  CHECK(
      b.last.body ==
      R"({"type":"Feature","id":"A","geometry":{"type":"Point","coordinates":[-95.3,29.7]},"properties":{"substation_name":"All well",)"
      R"("capacity_mva":100,"voltage_level":"138kV","commissioned_date":"1999-05-01","operational_status":"ACTIVE","circuit_count":3,)"
      R"("avg_load":40,"avg_health":85,"worst_circuit_load":70,"worst_circuit_health":70,"critical_circuits":0,"warning_circuits":0,)"
      R"("circuits_without_data":1,"status":"good","last_updated":"2026-11-20T08:05:00Z","as_of":"2026-11-20T08:00:00Z","circuits":[)"
      R"({"circuit_id":"a1","circuit_name":"One","voltage_class":"HIGH","avg_load_percent":70,"avg_health_score":70,"customers_served":10,"last_updated":"2026-11-20T08:00:00Z","open_outages":0,"status":"good"},)"
      R"({"circuit_id":"a2","circuit_name":"Two","voltage_class":"LOW","avg_load_percent":10.005,"avg_health_score":99.994,"customers_served":20,"last_updated":"2026-11-20T08:05:00Z","open_outages":2,"status":"outage"},)"
      R"({"circuit_id":"a3","circuit_name":"Three","voltage_class":"LOW","avg_load_percent":null,"avg_health_score":null,"customers_served":20,"last_updated":"2026-11-20T07:00:00Z","open_outages":0,"status":"unknown"}]}})");
  b.json("/api/postgres/substations/C");
  CHECK(b.last.body.ends_with(R"("as_of":null,"circuits":[]}})"));
  CHECK(b.json("/api/postgres/substations")["numberReturned"].get_int64().value() == 7);
  for (const char* id : {"nope", "a", "A%27%20OR%201=1--", "%E2%98%83", "A%20"}) {
    const auto absent = b.get("/api/postgres/substations/" + std::string{id});
    REQUIRE(absent.has_error());
    CHECK(absent.error().code == errc::not_found);
  }
}

TEST_CASE("layers: columns with types, version, bounds; personal columns are not there") {
  grid_bench b;
  b.db.run(
      "UPDATE gridlight.layer_state SET version = 5, row_count = 3, bounds = ST_MakeEnvelope(-96, 29, -95, "
      "30, 4326), "
      "source_synced_at = now() - interval '90 seconds' WHERE layer = 'customers';"
      "UPDATE gridlight.layer_state SET bounds = ST_MakeEnvelope(-96, 29, -95, 30.5, 4326) WHERE layer = "
      "'transformers'");
  CHECK(b.json("/api/postgres/layers")["layers"].get_array().value().size() == b.settings.layers.size());
  const auto l = b.json("/api/postgres/layers/customers");
  CHECK(l["status"].get_string().value() == "ok");
  CHECK(l["version"].get_int64().value() == 5);
  CHECK(l["row_count"].get_int64().value() == 3);
  CHECK(std::abs(double(l["lag_s"].get_int64().value()) - 90) <= 2);
  CHECK(l["bounds"].at(3).get_double().value() == 30.5);  // of what stands in for the hidden places
  CHECK(l["geometry_type"].get_string().value() == "point");
  const simdjson::dom::array columns = l["properties"].get_array().value();
  for (const auto column : columns) {
    const std::string name{column["name"].get_string().value()};
    CHECK(name != "full_name");
    CHECK(name != "service_address");
  }
  CHECK(b.json("/api/postgres/layers/circuits")["key"].at(0)["name"].get_string().value() == "circuit_id");
}

TEST_CASE("a layer whose table is gone is listed with the reason") {
  grid_bench b;
  b.db.run("DROP TABLE vegetation_risk");
  b.reload();
  bool found = false;
  const simdjson::dom::array layers = b.json("/api/postgres/layers")["layers"].get_array().value();
  for (const auto l : layers) {
    if (l["name"].get_string().value() != "vegetation") continue;
    found = true;
    CHECK(l["status"].get_string().value() == "unusable");
    CHECK(l["reason"].get_string().value().size() > 5);
  }
  CHECK(found);
}

TEST_CASE("every layer of the default configuration answers every kind of question") {
  grid_bench b;
  b.db.run(grid);
  for (const layer& l : b.layers.get()->layers()) {
    CAPTURE(l.config.name);
    const std::string base = "/api/postgres/layers/" + l.config.name;
    b.json(base + "/features?limit=3&count=true");
    if (!l.has_geometry()) continue;
    b.json(base + "/within?lon=-95.3&lat=29.7&radius_m=50000");
    b.json(base + "/nearest?lon=-95.3&lat=29.7&limit=3");
    b.json(base + "/features?bbox=-96,29,-95,30");
    b.json(base + "/features?bbox=170,29,-95,30");
  }
  CHECK(b.json("/api/postgres/layers/substations/within?lon=-95.3&lat=29.7&radius_m=0")["numberReturned"]
            .get_int64()
            .value() == 1);
}

TEST_CASE("ready: the schema must be this program's, and the catalog be read") {
  grid_bench b;
  CHECK(b.json("/ready")["status"].get_string().value() == "ready");
  CHECK(b.json("/health")["database"]["answers"].get_bool().value());
  b.layers.set(nullptr);
  b.json("/ready", 503);
  b.reload();
  b.db.run("INSERT INTO gridlight.schema_migration (version, checksum) VALUES (1000, '')");
  CHECK(b.json("/ready", 503)["reason"].get_string().value().find("newer gridlight") != std::string::npos);
  CHECK(b.last.headers.at(0) == std::pair<std::string, std::string>{"Retry-After", "10"});
  b.db.run("DELETE FROM gridlight.schema_migration");
  CHECK(b.json("/ready", 503)["reason"].get_string().value().find("gridlight migrate") != std::string::npos);
  b.db.run("DROP SCHEMA gridlight CASCADE");
  CHECK(b.json("/ready", 503)["reason"].get_string().value().find("gridlight migrate") != std::string::npos);
  CHECK(b.json("/health", 503)["status"].get_string().value() == "unavailable");
}

TEST_CASE("metrics name the layers' rows and versions") {
  grid_bench b;
  b.db.run(grid);
  api::add_pool_metrics(b.counters, b.services.pools);
  const auto answer = b.get("/metrics");
  REQUIRE(answer.has_value());
  CHECK(answer->body.find("gridlight_layer_version{layer=\"circuits\"} 97\n") != std::string::npos);
  CHECK(answer->body.find("gridlight_layer_rows{layer=\"transformers\"}") != std::string::npos);
  CHECK(answer->body.find("gridlight_pool_connections_open{lane=\"lookup\"} 1") != std::string::npos);
}
