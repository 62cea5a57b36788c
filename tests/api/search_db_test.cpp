// Features by id and name, over the built-in layers and over tables of others.
#include "api/search_sql.hpp"
#include "tests/api/grid_bench.hpp"

using namespace gridlight;
using test::api_bench;
using test::grid_bench;

namespace {

constexpr std::string_view grid = R"(
INSERT INTO substations (substation_id, substation_name, latitude, longitude) VALUES
  ('SUB-001', 'Bellaire', 29.7, -95.3), ('SUB-002', 'West Bell', 29.71, -95.31), ('SUB-003', 'O''Brien %_', 29.72, -95.32),
  ('SUB-004', 'Zürich Straße', 29.73, -95.33), ('SUB-005', 'Labelled', 29.74, -95.34), ('SUB-006', NULL, NULL, NULL);
INSERT INTO circuit_status_realtime (circuit_id, circuit_name, substation_id, substation_name, centroid_lat, centroid_lon)
  VALUES ('FD-1', 'Bellaire 1', 'SUB-001', 'Bellaire', 29.7, -95.3), ('FD-2', 'North', 'SUB-002', 'West Bell', 29.7, -95.3);
INSERT INTO transformers (transformer_id, latitude, longitude)
  SELECT 'XF-' || lpad(n::text, 7, '0'), 29 + n / 100000.0, -95 FROM generate_series(1, 20000) n;
INSERT INTO transformers (transformer_id, latitude, longitude) VALUES ('a%c', 29, -95), ('a_c', 29, -95), ('abc', 29, -95), ('ä:1', 29, -95), ('q\''"', 29, -95);
INSERT INTO osm_water (id, osm_id, name, geom) SELECT n, n, CASE WHEN n = 7 THEN 'Lake Bell' END,
  ST_SetSRID(ST_MakeEnvelope(-95.1, 29.1, -95, 29.3), 4326) FROM generate_series(1, 7000) n;
INSERT INTO customers_spatial (customer_id, full_name, transformer_id, latitude, longitude)
  SELECT 'CUST-' || n, 'Bell Person' || n, 'XF-0000001', 29.7, -95.3 FROM generate_series(1, 6000) n;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE gridlight.layer_state SET version = 5;
UPDATE gridlight.layer_state SET row_count = 20005 WHERE layer = 'transformers';
UPDATE gridlight.layer_state SET row_count = 7000 WHERE layer = 'water';
UPDATE gridlight.layer_state SET row_count = 6000 WHERE layer = 'customers';
ANALYZE;
)";

identity::caller dispatcher() {
  identity::caller out;
  out.allowed.add(identity::scope::read);
  out.allowed.add(identity::scope::personal);
  return out;
}

using lines = std::vector<std::string>;

// "layer id matched exact", in the answer's order.
template <class Bench>
lines found(Bench& b, const std::string& query) {
  CAPTURE(query);
  const auto root = b.json("/api/postgres/search?" + query);
  lines out;
  const simdjson::dom::array features = root["features"].get_array().value();
  for (const auto f : features) {
    std::string id;
    if (std::string_view text; f["id"].get(text) == simdjson::SUCCESS)
      id = text;
    else
      id = "#" + std::to_string(f["id"].get_int64().value());
    out.push_back(std::string{f["properties"]["layer"].get_string().value()} + " " + id + " " +
                  std::string{f["properties"]["matched"].get_string().value()} +
                  (f["properties"]["exact"].get_bool().value() ? " exact" : ""));
  }
  CHECK(root["numberReturned"].get_int64().value() == static_cast<std::int64_t>(out.size()));
  return out;
}

struct search_bench : grid_bench {
  search_bench() {
    db.run(grid);
    reload();
  }
};

}  // namespace

TEST_CASE("ids are found by their first letters, names by any part, the best first") {
  search_bench b;
  CHECK(found(b, "q=SUB-002&layers=substations") == lines{"substations SUB-002 id exact"});
  CHECK(found(b, "q=sub-002") == lines{"substations SUB-002 id exact"});
  CHECK(found(b, "q=bell&layers=substations") ==
        lines{"substations SUB-001 name", "substations SUB-002 name", "substations SUB-005 name"});
  // Whole names first, then beginnings; layers take turns. A circuit is found by its substation's name, too.
  CHECK(found(b, "q=bellaire&layers=circuits,substations") ==
        lines{"substations SUB-001 name exact", "circuits FD-1 name exact"});
  CHECK(found(b, "q=004&layers=substations") == lines{"substations SUB-004 id"});
  CHECK(found(b, "q=xf-0000007&layers=transformers") == lines{"transformers XF-0000007 id exact"});
  CHECK(found(b, "q=XF-001&limit=2") == lines{"transformers XF-0010000 id", "transformers XF-0010001 id"});
  CHECK(b.last.body.find(R"("truncated":true)") != std::string::npos);
  CHECK(found(b, "q=XF-0000007&limit=1").size() == 1);
  CHECK(b.last.body.find(R"("truncated":false)") != std::string::npos);
  CHECK(found(b, "q=0000007&layers=transformers").empty());  // a large layer's ids: from their start only
  CHECK(found(b, "q=nothing-has-this").empty());
  CHECK(b.last.body.find(R"("features":[])") != std::string::npos);
}

TEST_CASE("numbers as ids, lines and areas with their boxes, features without a place") {
  search_bench b;
  CHECK(found(b, "q=7&layers=water") == lines{"water #7 id exact"});
  CHECK(b.last.body.find(
            R"("bbox":[-95.1,29.1,-95,29.3],"geometry":{"type":"Point","coordinates":[-95.05,29.2]})") !=
        std::string::npos);
  CHECK(found(b, "q=lake&layers=water") == lines{"water #7 name"});
  CHECK(found(b, "q=bell").size() == 6);  // and none of the many without a name
  CHECK(found(b, "q=7x&layers=water").empty());
  CHECK(found(b, "q=99999999999999999999999&layers=water").empty());
  CHECK(found(b, "q=SUB-006") == lines{"substations SUB-006 id exact"});
  CHECK(b.last.body.find(R"("geometry":null,"properties":{"layer":"substations","name":null)") !=
        std::string::npos);
}

TEST_CASE("what is special elsewhere is a letter here") {
  search_bench b;
  CHECK(found(b, "q=a%25c&layers=transformers") == lines{"transformers a%c id exact"});
  CHECK(found(b, "q=a_c&layers=transformers") == lines{"transformers a_c id exact"});
  CHECK(found(b, "q=%25&layers=substations") == lines{"substations SUB-003 name"});
  CHECK(found(b, "q=_&layers=substations") == lines{"substations SUB-003 name"});
  CHECK(found(b, "q=o%27brien&layers=substations") == lines{"substations SUB-003 name"});
  CHECK(found(b, "q=%27%20OR%201=1--").empty());
  CHECK(found(b, "q=q%5C%27%22&layers=transformers") == lines{"transformers q\\'\" id exact"});
  CHECK(found(b, "q=Z%C3%9CRICH&layers=substations") == lines{"substations SUB-004 name"});
  CHECK(found(b, "q=stra%C3%9Fe&layers=substations") == lines{"substations SUB-004 name"});
  CHECK(found(b, "q=%C3%A4:1&layers=transformers") == lines{"transformers ä:1 id exact"});
  CHECK(found(b, "q=%F0%9F%92%A5").empty());
  CHECK(found(b, "q=" + std::string(200, 'a')).empty());
  std::string percents;
  for (int i = 0; i < 200; ++i)
    percents += "%25";
  CHECK(found(b, "q=" + percents).empty());
}

TEST_CASE("customers are found by scope personal alone, and by id; what is typed stands in no log") {
  search_bench b;
  CHECK(found(b, "q=CUST-6000").empty());
  CHECK(b.req.audit.hide_values);
  CHECK_FALSE(b.req.audit.saw_personal);
  const auto refused = b.get("/api/postgres/search?q=CUST-6000&layers=substations,customers");
  REQUIRE(refused.has_error());
  CHECK(refused.error().code == errc::forbidden);
  CHECK(found(b, "q=person6").empty());
  const std::string etag = b.last.etag;
  b.who = dispatcher();
  CHECK(found(b, "q=CUST-6000") == lines{"customers CUST-6000 id exact"});
  CHECK(b.req.audit.saw_personal);
  CHECK(b.req.audit.layer == "customers");
  CHECK(b.req.audit.count == 1);
  CHECK(b.last.cache_control == "private, no-cache");
  CHECK(b.last.body.find("Person") == std::string::npos);
  CHECK(found(b, "q=person6").empty());
  CHECK(b.last.etag != etag);
}

TEST_CASE("an answer names the versions of what was searched; one that the client has costs no query") {
  search_bench b;
  version_store known;
  version_store::versions now;
  for (const auto& row : b.rows("SELECT layer, version FROM gridlight.layer_state"))
    now.emplace(row[0], std::stoll(row[1]));
  known.set(now, steady::now() + std::chrono::minutes{1});
  b.services.versions = &known;
  const auto asked = [&] {
    return b.pool->status().lanes[static_cast<std::size_t>(postgres::lane::lookup)].acquired;
  };
  const std::string query = "q=bell&layers=substations,circuits";
  found(b, query);
  CHECK(b.header("Gridlight-Version") == "substations=5, circuits=5");
  const std::string etag = b.last.etag;
  const auto before = asked();
  b.if_none_match = '"' + etag + '"';
  CHECK(b.get("/api/postgres/search?" + query)->body.empty());
  CHECK(asked() == before);
  b.db.run("UPDATE substations SET substation_name = 'Other' WHERE substation_id = 'SUB-001'");
  now["substations"] = 6;
  known.set(now, steady::now() + std::chrono::minutes{1});
  CHECK(found(b, query).size() == 4);
  CHECK(asked() == before + 1);
  CHECK(b.last.etag != etag);
}

TEST_CASE("every layer's version and row come from one statement, whatever order layers are named in") {
  search_bench b;
  b.db.run("UPDATE gridlight.layer_state SET version = 9 WHERE layer = 'circuits'");
  found(b, "q=bell&layers=circuits,substations");
  CHECK(b.header("Gridlight-Version") == "circuits=9, substations=5");
}

TEST_CASE("tables of others are searched by the whole id, when they are named, and nothing is made in them") {
  api_bench b{R"(CREATE SCHEMA theirs;
    CREATE TABLE theirs.parcels (district text, no int, label text, geom geometry(Point, 4326), PRIMARY KEY (district, no));
    INSERT INTO theirs.parcels VALUES ('a:b', 7, 'bell', ST_SetSRID(ST_MakePoint(1, 2), 4326)), ('a', 7, 'x', NULL);
    CREATE TABLE theirs.valves (id text PRIMARY KEY, label text, geom geometry(Point, 4326));
    INSERT INTO theirs.valves SELECT 'V' || n, 'bell', NULL FROM generate_series(1, 9) n;)",
              "theirs"};
  b.serve(R"(
layers:
  parcels: {schema: theirs, key: [district, no], mode: attached, search: [label]}
  valves: {schema: theirs, key: id, mode: attached}
)");
  const std::string objects = b.db.value("SELECT count(*) FROM pg_class");
  CHECK(found(b, "q=V1").empty());
  CHECK(found(b, "q=V1&layers=valves") == lines{"valves V1 id exact"});
  CHECK(found(b, "q=V&layers=valves").empty());
  CHECK(found(b, "q=v1&layers=valves").empty());
  CHECK(found(b, "q=bell&layers=parcels").empty());
  CHECK(found(b, "q=a%5C:b:7&layers=parcels,valves") == lines{"parcels a\\:b:7 id exact"});
  CHECK(found(b, "q=a:x&layers=parcels").empty());
  CHECK(found(b, "q=a:b:7&layers=parcels").empty());
  CHECK(b.header("Gridlight-Version").empty());
  CHECK_FALSE(b.last.etag.empty());
  CHECK(b.db.value("SELECT count(*) FROM pg_class") == objects);
}

TEST_CASE("a large layer is searched along its key's index, by the plan that Postgres keeps") {
  search_bench b;
  const auto layers = api::searchable(*b.layers.get(), false);
  std::string types = "text, text[], bigint", values = "'XF-00', '{transformers}', 21";
  for (const auto& l : layers)
    for (std::size_t i = 0; l.key == api::key_search::exact && i < l.it->key.size(); ++i) {
      types += ", text";
      values += ", NULL";
    }
  b.rows("SET enable_indexscan = on");
  b.rows("SET plan_cache_mode = force_generic_plan");
  b.rows("PREPARE s (" + types + ") AS " + api::search_sql(layers, 32));
  std::string plan;
  for (const auto& row : b.rows("EXPLAIN EXECUTE s (" + values + ")"))
    plan += row[0] + "\n";
  CAPTURE(plan);
  CHECK(plan.find("Index Scan using transformers_pkey") != std::string::npos);
  CHECK(plan.find("Seq Scan on transformers") == std::string::npos);
  CHECK(plan.find("One-Time Filter: ('water'::text = ANY ($2))") != std::string::npos);
}
