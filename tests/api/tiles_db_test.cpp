// Tiles through the handler, over a database: what is in them, what is kept, what is refused.
#include <set>

#include "geo/mvt.hpp"
#include "tests/api/grid_bench.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/tile_reader.hpp"

using namespace gridlight;
using test::grid_bench;
using test::read_tile;

namespace {

constexpr std::string_view grid = R"(
INSERT INTO substations (substation_id, substation_name, latitude, longitude, capacity_mva)
  VALUES ('A', 'Ümlaut ''quoted'' "twice"', 29.7, -95.3, 12.5), ('B', NULL, 29.9, -95.3, 'NaN');
INSERT INTO transformers (transformer_id, latitude, longitude, rated_kva) VALUES ('T1', 29.7, -95.3, 50), ('T2', 29.7001, -95.3001, 75);
INSERT INTO customers_spatial (customer_id, full_name, transformer_id, latitude, longitude) VALUES ('C1', 'Ann', 'T1', 10, 10);
INSERT INTO osm_water (id, name, geom) VALUES (7, 'Lake', ST_Buffer(ST_SetSRID(ST_MakePoint(-95.3, 29.7), 4326), 0.01));
INSERT INTO circuit_status_realtime (circuit_id, substation_id, avg_load_percent, avg_health_score) VALUES ('c1', 'A', 90, 90);
INSERT INTO topology_connections_cache (from_asset_id, to_asset_id, from_circuit_id, connection_type, from_latitude, from_longitude, to_latitude, to_longitude)
  VALUES ('a:b', 'c\d', 'c1', 'X', 29.7, -95.3, 29.701, -95.301);
)";

struct bench : grid_bench {
  bench() {
    db.run(grid);
    services.versions = &known;
    learn();
  }
  // As the keeper of versions would.
  void learn() {
    version_store::versions now;
    for (const auto& row : db.rows("SELECT layer, version FROM gridlight.layer_state"))
      now.emplace(row[0], std::stoll(row[1]));
    known.set(now, steady::now());
  }
  std::string bytes(const http::response& r) { return r.packed ? test::gunzip(*r.packed) : std::string{}; }
  std::vector<test::tile_layer> tile(std::string_view target) {
    const auto r = get(target);
    REQUIRE_MESSAGE(r.has_value(), std::string{r.error().detail + " " + r.error().log_detail});
    last = *r;
    if (r->status == 204) return {};
    REQUIRE(r->status == 200);
    return read_tile(bytes(*r));
  }
  failure refused(std::string_view target) {
    const auto r = get(target);
    REQUIRE(!r.has_value());
    return r.error();
  }
  std::int64_t queries() { return static_cast<std::int64_t>(pool->status().lanes[1].acquired); }

  version_store known;
};

std::string text(const test::tile_feature& f, std::string_view name) {
  for (const auto& [key, value] : f.tags)
    if (key == name)
      return std::holds_alternative<std::string>(value) ? std::get<std::string>(value) : "(no text)";
  return "(none)";
}

constexpr std::string_view here = "/14/3854/6775";

std::string tiles_of(std::string_view layers, std::string_view more = {}) {
  return "/api/postgres/tiles/" + std::string{layers} + std::string{here} + std::string{more};
}

}  // namespace

TEST_CASE("a tile has the layers that were asked for, with their keys, properties and stable ids") {
  bench b;
  const auto found = b.tile(tiles_of("substations,transformers,topology,water", ".mvt"));
  REQUIRE(found.size() == 4);
  CHECK(found[0].name == "substations");
  CHECK(found[0].version == 2);
  CHECK(found[0].extent == 4096);
  REQUIRE(found[0].features.size() == 1);
  const auto& a = found[0].features[0];
  CHECK(a.id == geo::feature_id("A"));
  CHECK(text(a, "substation_id") == "A");
  CHECK(text(a, "substation_name") == "Ümlaut 'quoted' \"twice\"");
  CHECK(text(a, "voltage_level") == "(none)");
  REQUIRE(found[2].features.size() == 2);
  REQUIRE(found[1].features.size() == 1);
  const auto& line = found[1].features[0];
  CHECK(text(line, "key") == R"(a\:b:c\\d:X)");
  CHECK(line.id == geo::feature_id(R"(a\:b:c\\d:X)"));
  CHECK(text(line, "circuit_status") == "critical");
  REQUIRE(found[3].features.size() == 1);
  CHECK(found[3].features[0].id == 7);
  CHECK(text(found[3].features[0], "name") == "Lake");
  CHECK(b.header("Gridlight-Version").find("circuit_condition=") != std::string::npos);
  // The layers of a tile for several are those of a tile for each.
  const auto alone = b.tile(tiles_of("topology", ".pbf"));
  REQUIRE(alone.size() == 1);
  CHECK(alone[0].features[0].tags == line.tags);
}

TEST_CASE("properties chooses; what is personal never is in a tile, whoever asks") {
  bench b;
  const auto some = b.tile(tiles_of("transformers,topology", "?properties=rated_kva,circuit_status"));
  REQUIRE(some.size() == 2);
  CHECK(some[1].features[0].tags.size() == 2);
  CHECK(text(some[0].features[0], "circuit_status") == "critical");
  CHECK(text(some[0].features[0], "from_asset_id") == "(none)");
  // All choices share one statement: none leaves its own to the next.
  const auto own = b.tile(tiles_of("transformers,topology"));
  CHECK(text(own[0].features[0], "from_asset_id") != "(none)");
  CHECK(text(own[0].features[0], "circuit_status") == "critical");
  const auto other = b.tile(tiles_of("transformers,topology", "?properties=from_asset_id"));
  CHECK(other[1].features[0].tags.size() == 1);
  CHECK(text(other[0].features[0], "from_asset_id") == text(own[0].features[0], "from_asset_id"));
  CHECK(text(other[0].features[0], "circuit_status") == "(none)");
  b.who.allowed.add(identity::scope::personal);
  const auto customers = b.tile(tiles_of("customers"));
  REQUIRE(customers.size() == 1);  // at their transformer, not at 10, 10
  CHECK(text(customers[0].features[0], "customer_id") == "C1");
  CHECK(text(customers[0].features[0], "full_name") == "(none)");
  CHECK(b.refused(tiles_of("transformers", "?properties=nope")).parameter == "properties");
  CHECK(b.refused(tiles_of("transformers", "?properties=rated_kva,rated_kva")).parameter == "properties");
  CHECK(b.refused(tiles_of("customers", "?properties=full_name")).parameter == "properties");
}

TEST_CASE("an empty tile is 204, one outside the pyramid 404, junk 400, and none of them costs a query") {
  bench b;
  CHECK(b.tile("/api/postgres/tiles/transformers/14/0/0").empty());
  CHECK(b.last.status == 204);
  const auto before = b.queries();
  const std::string root = "/api/postgres/tiles/transformers/";
  for (const char* outside :
       {"25/0/0", "21/0/0", "3/8/0", "3/0/8", "0/1/0", "24/16777216/0", "999999999999/0/0"})
    CHECK(b.refused(root + outside).code == errc::not_found);
  for (const auto& [path, parameter] : {std::pair{"x/0/0", "z"},
                                        {"1/-1/0", "x"},
                                        {"1/0/1.5", "y"},
                                        {"1/0/0.png", "y"},
                                        {"1/%200/0", "x"},
                                        {"+1/0/0", "z"},
                                        {"1/0/99999999999999999999", "y"},
                                        {"1/0/.mvt", "y"}})
    CHECK(b.refused(root + path).parameter == parameter);
  CHECK(b.refused("/api/postgres/tiles/nope/1/0/0").code == errc::not_found);
  CHECK(b.refused("/api/postgres/tiles/transformers,transformers/1/0/0").parameter == "layers");
  CHECK(b.refused("/api/postgres/tiles/transformers,/1/0/0").code == errc::not_found);
  CHECK(b.refused("/api/postgres/tiles/ami/1/0/0").parameter == "layers");
  CHECK(b.refused(root + "1/0/0?zoom=3").parameter == "zoom");
  CHECK(b.refused("/api/postgres/tiles/transformers").code == errc::not_found);
  CHECK(b.queries() == before);
}

TEST_CASE("a tile is kept until a change touches it, and named by that change") {
  bench b;
  b.tile(tiles_of("transformers"));
  const std::string etag = b.last.etag;
  CHECK_FALSE(etag.empty());
  const auto asked = b.queries();
  b.tile(tiles_of("transformers", ".mvt"));
  CHECK(b.last.etag == etag);
  CHECK(b.queries() == asked);  // kept
  b.if_none_match = "\"" + etag + "-gzip\"";
  const auto again = b.get(tiles_of("transformers"));
  REQUIRE(again.has_value());
  CHECK(again->etag == etag);
  b.if_none_match.clear();
  b.db.run("UPDATE transformers SET rated_kva = 51 WHERE transformer_id = 'T1'");
  b.learn();
  b.tile(tiles_of("transformers"));
  CHECK(b.last.etag != etag);
  CHECK(b.queries() == asked + 1);
}

TEST_CASE("what a client has is told without a query, though the tile is not kept") {
  bench b;
  b.tile(tiles_of("water"));
  const std::string etag = b.last.etag;
  b.services.tiles = std::make_shared<api::tile_store>(0, b.counters);
  const auto asked = b.queries();
  b.if_none_match = "\"" + etag + "\"";
  const auto same = b.get(tiles_of("water"));
  REQUIRE(same.has_value());
  CHECK(same->etag == etag);
  CHECK(same->bytes().empty());
  CHECK(b.queries() == asked);
  b.if_none_match = "\"other\"";
  CHECK(b.get(tiles_of("water")).has_value());
  CHECK(b.queries() == asked + 1);
}

TEST_CASE("budgets drop the features of the lowest rank, and say how many") {
  bench b;
  b.db.run(
      "INSERT INTO osm_water (id, name, geom) SELECT 1000 + n, md5(n::text), "
      "ST_Buffer(ST_SetSRID(ST_MakePoint("
      "-95.31 + 0.00005 * n, 29.7), 4326), 0.00001 * n) FROM generate_series(1, 300) n");
  b.learn();
  b.settings.tiles.max_bytes = 4096;
  b.services.maker =
      std::make_unique<api::tile_maker>(*b.pool, b.services.tiles->conditions, b.settings.tiles);
  const auto found = b.tile(tiles_of("water"));
  REQUIRE(found.size() == 1);
  CHECK(b.last.packed->size() <= 4096);
  const std::string dropped = b.header("Gridlight-Dropped");
  REQUIRE_FALSE(dropped.empty());
  CHECK(found[0].features.size() + std::stoul(dropped) == 301);
  std::uint64_t least = 2000;
  for (const auto& f : found[0].features)
    if (f.id != 7) least = std::min(least, f.id);
  CHECK(least > 1000 + 300 - found[0].features.size());  // the largest stay

  b.settings.tiles.max_bytes = 500'000;
  b.settings.tiles.budget = std::chrono::milliseconds{1};
  b.services.tiles = std::make_shared<api::tile_store>(1 << 20, b.counters);
  b.services.maker =
      std::make_unique<api::tile_maker>(*b.pool, b.services.tiles->conditions, b.settings.tiles);
  const auto fewer = b.tile(tiles_of("water"));
  REQUIRE(fewer.size() == 1);
  CHECK(fewer[0].features.size() == 250);
  CHECK(b.header("Gridlight-Dropped") == "51");
}

TEST_CASE("of too many points, which have no rank, some are left out, alone and beside other layers") {
  bench b;
  b.db.run(
      "INSERT INTO transformers (transformer_id, latitude, longitude) SELECT 'N' || n, 29.7, -95.3 + 0.00001 "
      "* n FROM generate_series(1, 300) n");
  b.learn();
  b.settings.tiles.budget = std::chrono::milliseconds{1};
  b.services.maker =
      std::make_unique<api::tile_maker>(*b.pool, b.services.tiles->conditions, b.settings.tiles);
  for (const char* layers : {"transformers", "substations,transformers"}) {
    const auto found = b.tile(tiles_of(layers));
    REQUIRE(!found.empty());
    CHECK(found.back().features.size() == 250);
    CHECK(b.header("Gridlight-Dropped") == "52");
  }
}

TEST_CASE("TileJSON describes what the tiles hold, with absolute URLs of their versions") {
  bench b;
  const auto root = b.json("/api/postgres/tiles/topology,water.json");
  CHECK(std::string_view{root["tilejson"]} == "3.0.0");
  const std::string_view url = root["tiles"].at(0);
  CHECK(url.find("/api/postgres/tiles/topology,water/{z}/{x}/{y}?v=") != url.npos);
  CHECK(std::string_view{root["vector_layers"].at(0)["fields"]["circuit_status"]} == "String");
  CHECK(std::string_view{root["vector_layers"].at(1)["id"]} == "water");
  CHECK(b.get("/api/postgres/tiles/topology.json?properties=nope").error().parameter == "properties");
  const auto index = b.json("/api/postgres/tiles");
  CHECK(std::string_view{index["tiles"].at(0)["name"]} == "substations");
}

TEST_CASE("random tiles hold what PostGIS finds in them") {
  bench b;
  const auto seed = test::chosen_seed();
  MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const auto between = [&](double low, double high) {
    return std::uniform_real_distribution{low, high}(random);
  };
  std::string sql;
  for (int i = 0; i < 400; ++i) {
    const double lon = between(-95.4, -95.2), lat = between(29.6, 29.8);
    sql += "INSERT INTO transformers (transformer_id, longitude, latitude) VALUES ('R" + std::to_string(i) +
           "', " + std::to_string(lon) + ", " + std::to_string(lat) + ");";
  }
  b.db.run(sql);
  b.learn();
  for (int i = 0; i < test::count_of(40, 1000); ++i) {
    const int z = 9 + static_cast<int>(random() % 8);
    const geo::tile t = geo::tile_at({between(-95.4, -95.2), between(29.6, 29.8)}, z);
    const std::string zxy = std::to_string(t.z) + "/" + std::to_string(t.x) + "/" + std::to_string(t.y);
    CAPTURE(zxy);
    std::string args = zxy;
    std::replace(args.begin(), args.end(), '/', ',');
    std::set<std::string> expected, found;
    for (const auto& row : b.db.rows("SELECT transformer_id FROM (SELECT transformer_id, "
                                     "ST_AsMVTGeom(ST_Transform(geom, 3857), ST_TileEnvelope(" +
                                     args + "), 4096, 64) AS g FROM transformers) q WHERE g IS NOT NULL"))
      expected.insert(row[0]);
    const auto layers = b.tile("/api/postgres/tiles/transformers/" + zxy);
    if (!layers.empty())
      for (const auto& f : layers[0].features)
        found.insert(text(f, "transformer_id"));
    CHECK(found == expected);
  }
}

TEST_CASE("a tile tells the conditions of its own snapshot, be they held of an older version or read anew") {
  bench b;
  const auto status = [&] {
    const auto found = b.tile(tiles_of("topology"));
    REQUIRE(found.size() == 1);
    return text(found[0].features[0], "circuit_status") + " of " + b.header("Gridlight-Version");
  };
  const auto version = [&] {
    return "circuit_condition=" +
           b.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'circuit_condition'");
  };
  const std::string first = status();
  CHECK(first.starts_with("critical of "));
  CHECK(first.find(version()) != std::string::npos);
  for (const auto& [load, is] : {std::pair{10, "good"}, {75, "warning"}, {90, "critical"}}) {
    b.db.run("UPDATE circuit_status_realtime SET avg_load_percent = " + std::to_string(load));
    b.learn();
    const auto asked = b.queries();
    const std::string now = status();
    CHECK(now.starts_with(std::string{is} + " of "));
    CHECK(now.find(version()) != std::string::npos);
    CHECK(b.queries() == asked + 2);  // the tile, then the conditions
  }
  b.db.run(
      "INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o', 'c1', 'ACTIVE')");
  b.learn();
  CHECK(status().starts_with("outage of "));
  // Another tile of the same version needs no more than its rows.
  const auto asked = b.queries();
  b.tile("/api/postgres/tiles/topology/15/7709/13550");
  CHECK(b.queries() == asked + 1);
}

TEST_CASE(
    "where nothing is kept and nobody takes gzip, nothing is packed; what is too large is packed to be "
    "judged") {
  bench b;
  b.settings.tiles.cache_bytes = 0;
  const auto plain = b.get(tiles_of("water,topology"));
  REQUIRE(plain.has_value());
  CHECK_FALSE(plain->packed);
  REQUIRE(plain->shared);
  CHECK(read_tile(*plain->shared).size() == 2);
  b.settings.tiles.cache_bytes = 1 << 20;
  const auto packed = b.get(tiles_of("water,topology"));
  REQUIRE(packed.has_value());
  REQUIRE(packed->packed);
  CHECK(test::gunzip(*packed->packed) == *plain->shared);
  CHECK(packed->etag == plain->etag);
}

TEST_CASE("where a hidden place moved does not show in the names of tiles") {
  bench b;
  // As the change rows of a move far from here would be read.
  const auto moved_far_away = [&](const std::string& moved) {
    version_store::readings now;
    for (const auto& row : b.db.rows("SELECT layer, version FROM gridlight.layer_state")) {
      version_store::reading& of = now[row[0]];
      of.version = of.floor = std::stoll(row[1]);
      if (row[0] != moved) continue;
      ++of.version;
      of.changes.push_back({of.version, false, {geo::bbox{20, 20, 20.1, 20.1}}});
    }
    b.known.learn(std::move(now), steady::now(), 0);
  };
  for (const auto& [layer, shows] :
       {std::pair<std::string, bool>{"transformers", false}, {"customers", true}}) {
    CAPTURE(layer);
    b.known.set({}, steady::now(), 1);  // another history, so that each begins with nothing known
    b.learn();
    b.tile(tiles_of(layer));
    const auto before = b.last.etag;
    REQUIRE_FALSE(before.empty());
    moved_far_away(layer);
    b.if_none_match = "\"" + before + "\"";
    b.services.tiles = std::make_shared<api::tile_store>(0, b.counters);
    const auto asked = b.queries();
    const auto again = b.get(tiles_of(layer));
    b.if_none_match.clear();
    REQUIRE(again.has_value());
    // A change elsewhere leaves a tile its name, but not one of a layer whose places are hidden.
    CHECK((b.queries() != asked) == shows);
  }
}

TEST_CASE(
    "beyond the last zoom of all layers there are no tiles; up to it those of the layers that have it") {
  bench b;
  b.serve(
      "layers:\n  shallow: {table: osm_water, key: id, zooms: [0, 12], geometry_type: polygon}\n"
      "  deep: {table: osm_water, key: id, zooms: [5, 14], geometry_type: polygon}\n");
  const auto found = b.tile("/api/postgres/tiles/shallow,deep/13/1927/3387");
  REQUIRE(found.size() == 1);
  CHECK(found[0].name == "deep");
  CHECK(b.tile("/api/postgres/tiles/deep/4/3/6").empty());  // below the first there is nothing yet
  for (const char* beyond : {"shallow/13/1927/3387", "shallow,deep/15/7709/13550"})
    CHECK(b.refused("/api/postgres/tiles/" + std::string{beyond}).code == errc::not_found);
}

TEST_CASE("a client that knows of a newer version than the server is not given what is kept") {
  bench b;
  const auto url = [&](const std::string& v) { return tiles_of("transformers", "?v=" + v); };
  const std::int64_t now =
      std::stoll(b.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'transformers'"));
  b.tile(url(std::to_string(now)));
  const std::string etag = b.last.etag;
  b.db.run("UPDATE transformers SET rated_kva = 51 WHERE transformer_id = 'T1'");  // not learnt of yet
  const auto asked = b.queries();
  b.if_none_match = "\"" + etag + "\"";
  for (const std::string& v : {std::to_string(now), std::to_string(now + 1) + ".1", std::string{"junk"},
                               std::string{}, std::string{"99999999999999999999"}}) {
    const auto same = b.get(url(v));
    REQUIRE(same.has_value());
    CHECK(same->etag == etag);
  }
  CHECK(b.queries() == asked);
  b.tile(url(std::to_string(now + 1)));
  CHECK(b.last.etag != etag);
  CHECK(b.header("Gridlight-Version") == "transformers=" + std::to_string(now + 1));
  b.if_none_match.clear();
  b.tile(tiles_of("transformers"));
  CHECK(b.header("Gridlight-Version") == "transformers=" + std::to_string(now + 1));  // it is kept
  // Made up, or of before the database was set back: asked for once.
  b.learn();
  const auto before = b.queries();
  for (int i = 0; i < 3; ++i)
    b.tile(url(std::to_string(now + 900 - i)));
  CHECK(b.queries() == before + 1);
  // What TileJSON gives out is read so, with what else goes into the tiles.
  const auto root = b.json("/api/postgres/tiles/topology,customers.json");
  const std::string told{std::string_view{root["tiles"].at(0)}};
  CHECK(std::count(told.begin(), told.end(), '.') >= 3);
}

TEST_CASE("however sets of layers are named there is one tile, and a session keeps few of their statements") {
  bench b;
  std::vector<std::string> names{"substations", "transformers", "power_lines", "buildings",    "water",
                                 "vegetation",  "meters",       "customers",   "assets",       "topology",
                                 "outages",     "work_orders",  "circuits",    "service_areas"};
  const auto seed = test::chosen_seed();
  MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const auto joined = [&](std::size_t count) {
    std::shuffle(names.begin(), names.end(), random);
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
      out.append(i == 0 ? "" : ",").append(names[i]);
    return out;
  };
  b.tile(tiles_of(joined(names.size())));
  const std::string etag = b.last.etag;
  const auto asked = b.queries();
  for (int i = 0; i < 20; ++i) {
    b.tile(tiles_of(joined(names.size())));
    CHECK(b.last.etag == etag);
  }
  CHECK(b.queries() == asked);
  for (int i = 0; i < test::count_of(300, 3000); ++i) {
    const std::string some = joined(1 + random() % names.size());
    const auto found = b.tile(tiles_of(some));
    CHECK(std::is_sorted(found.begin(), found.end(),
                         [](const auto& x, const auto& y) { return x.name < y.name; }));
    CHECK((some.find("water") == some.npos ||
           std::any_of(found.begin(), found.end(), [](const auto& l) { return l.name == "water"; })));
  }
  static const postgres::statement kept{
      "SELECT count(*), sum((length(statement) - length(replace(statement, 'UNION ALL', ''))) / 9)::int8 "
      "FROM pg_prepared_statements"};
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto held =
      b.run(b.pool->query(postgres::lane::tile, kept, none, deadline_in(std::chrono::seconds{5}), timing));
  REQUIRE(held.has_value());
  MESSAGE(held->integer(0, 0) << " statements of " << held->integer(0, 1) << " layers");
  CHECK(held->integer(0, 0) > 10);
  CHECK(held->integer(0, 1) <= 128);
}

TEST_CASE("a large set of layers whose statement was given up leaves its room to the next") {
  bench b;
  const std::vector<std::string> names{"substations", "transformers", "power_lines", "buildings", "water",
                                       "vegetation",  "meters",       "assets",      "topology",  "outages"};
  const auto all_but = [&](std::size_t one) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (i != one) out.append(out.empty() ? "" : ",").append(names[i]);
    return out;
  };
  for (std::size_t i = 0; i < 4; ++i)
    b.tile(tiles_of(all_but(i)));
  std::size_t small = 0;
  for (unsigned set = 1; set < 1u << names.size(); ++set) {
    std::string some;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (set >> i & 1) some.append(some.empty() ? "" : ",").append(names[i]);
    if (std::count(some.begin(), some.end(), ',') > 3) continue;
    b.tile(tiles_of(some));
    ++small;
  }
  CHECK(small > 260);
  b.tile(tiles_of(all_but(5)));
  static const postgres::statement large{
      "SELECT count(*) FROM pg_prepared_statements WHERE (length(statement) - "
      "length(replace(statement, 'UNION ALL', ''))) / 9 = 9"};
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto held =
      b.run(b.pool->query(postgres::lane::tile, large, none, deadline_in(std::chrono::seconds{5}), timing));
  REQUIRE(held.has_value());
  CHECK(held->integer(0, 0) == 1);
}

TEST_CASE("another catalog that serves the same leaves tiles kept, and goes when it is replaced") {
  bench b;
  b.tile(tiles_of("transformers"));
  const std::weak_ptr<const catalog> first = b.layers.get();
  b.reload();
  const auto asked = b.queries();
  b.tile(tiles_of("transformers"));
  CHECK(b.queries() == asked);
  b.tile(tiles_of("water"));  // the maker of tiles has the new one, too
  CHECK(b.queries() == asked + 1);
  CHECK(first.expired());
}
