// Generalised tables made by other rules, or of other places, than those of now.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <thread>

#include "tests/support/command.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/server_process.hpp"
#include "tests/support/sse_client.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tile_reader.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

// Spots and the homes at them in one tile of zoom 8, and one of each far away.
constexpr const char* tables = R"(
CREATE TABLE spots (id text PRIMARY KEY, name text, kind text, geom geometry(Point, 4326));
CREATE TABLE homes (id text PRIMARY KEY, spot text, who text, note text, geom geometry(Point, 4326));
INSERT INTO spots SELECT 's' || i, 'name ' || i, 'kind ' || i,
  ST_SetSRID(ST_MakePoint(-95.5 + i % 61 * 0.004, 29.6 + i % 53 * 0.004), 4326) FROM generate_series(1, 3000) i;
INSERT INTO spots VALUES ('far', 'name far', 'kind far', ST_SetSRID(ST_MakePoint(10.1, 50.1), 4326));
INSERT INTO homes SELECT 'h' || id, id, 'somebody', 'note ' || id, ST_SetSRID(ST_MakePoint(0, 0), 4326) FROM spots;
CREATE INDEX ON spots USING gist (geom); CREATE INDEX ON homes (spot);
SELECT gridlight.watch('spots', 'spots', 'geom'), gridlight.watch('homes', 'homes', 'geom');
UPDATE spots SET kind = kind || ' '; UPDATE homes SET note = note || ' ';
)";

bool comes_true(std::chrono::milliseconds timeout, const std::function<bool()>& holds) {
  for (const auto end = steady_clock::now() + timeout; !holds(); std::this_thread::sleep_for(20ms))
    if (steady_clock::now() > end) return false;
  return true;
}

struct world {
  world() {
    run("");
    db.run(tables);
  }
  std::string config(const std::string& layers) {
    const auto file = folder.path() / ("c" + std::to_string(++configs) + ".yaml");
    std::ofstream{file} << "layers:\n" << layers;
    return file.string();
  }
  // `migrate`, or `tiles build` by this configuration.
  void run(const std::string& file) const {
    const std::string what = file.empty() ? "migrate" : "--config '" + file + "' tiles build";
    const auto done = run_gridlight("--database-url '" + db.uri() + "' " + what + " 2>&1");
    REQUIRE_MESSAGE(done.status == 0, done.output);
  }
  server_process::options serve(const std::string& file, bool build) const {
    return {.environment = {{"GRIDLIGHT_DATABASE_URL", db.uri()}},
            .arguments = {"--config", file, "--set", build ? "tiles.build=true" : "tiles.build=false"},
            .allowed = {"database-unavailable"}};
  }
  temp_folder folder;
  temp_db db;
  int configs = 0;
};

constexpr const char* here = "/8/60/105";
constexpr const char* there = "/8/135/86";

struct tile {
  http_reply reply;
  std::vector<tile_feature> features;
  std::string etag() const { return reply.header("ETag"); }
  bool generalised() const {
    return std::any_of(features.begin(), features.end(), [](const tile_feature& f) {
      return std::any_of(f.tags.begin(), f.tags.end(),
                         [](const auto& t) { return t.first == "point_count"; });
    });
  }
  // How many features have the tag; all of these begin so.
  std::size_t with(std::string_view name, std::string_view begin) const {
    std::size_t out = 0;
    for (const tile_feature& f : features)
      for (const auto& [tag, value] : f.tags)
        if (tag == name) {
          ++out;
          CHECK(std::get<std::string>(value).starts_with(begin));
        }
    return out;
  }
};

tile ask(const server_process& s, const std::string& layer, const std::string& at) {
  tile out{http_client{s.url()}.get("/api/postgres/tiles/" + layer + at), {}};
  if (out.reply.status != 200) return out;
  auto layers = read_tile(out.reply.body);
  REQUIRE(layers.size() == 1);
  out.features = std::move(layers[0].features);
  return out;
}

tile ask_until_there(const server_process& s, const std::string& layer, const std::string& at) {
  tile out;
  REQUIRE(comes_true(20s, [&] {
    out = ask(s, layer, at);
    return out.reply.status == 200;
  }));
  return out;
}

std::string spots(const std::string& more) {
  return "  spots: {key: id, geometry_type: point, tiles: {detail: 12}, " + more + "}\n";
}

}  // namespace

TEST_CASE("a table made by other rules is not read: no tag has another's value, and nothing hidden shows") {
  world w;
  const std::string first = w.config(spots("properties: [name, kind]"));
  w.run(first);
  REQUIRE(w.db.value("SELECT detail_zoom FROM gridlight.tile_state WHERE layer = 'spots'") == "12");
  for (const bool hides : {false, true}) {
    CAPTURE(hides);
    const std::string next =
        w.config(spots(hides ? "properties: [name, kind], personal: [name]" : "properties: [kind, name]"));
    const server_process server{w.serve(next, false)};
    const auto check = [&](const tile& t) {
      CHECK(t.with("kind", "kind ") > 0);
      CHECK((t.with("name", "name ") == 0) == hides);
    };
    const tile before = ask_until_there(server, "spots", here);
    check(before);
    CHECK_FALSE(before.generalised());
    const http_headers same{{"If-None-Match", before.etag()}};
    CHECK(http_client{server.url()}.get("/api/postgres/tiles/spots" + std::string{here}, same).status == 304);
    w.run(next);
    tile after;
    REQUIRE(comes_true(5s, [&] {
      after = ask(server, "spots", here);
      return after.generalised();
    }));
    check(after);
    CHECK(after.etag() != before.etag());
  }
}

TEST_CASE("low zooms of a layer follow the places that it has from another, and only where these moved") {
  world w;
  const std::string file =
      w.config(spots("properties: [name]") +
               "  homes: {key: id, geometry_type: point, properties: [note, who], personal: [geom, who], "
               "snap: {layer: spots, by: spot}, tiles: {detail: 12}}\n");
  const server_process server{w.serve(file, true)};
  const auto current = [&] {
    return w.db.value(
               "SELECT count(*) FROM gridlight.tile_state t JOIN gridlight.layer_state s USING (layer, "
               "version) "
               "JOIN gridlight.layer_state p ON p.layer = 'spots' WHERE s.layer = 'spots' OR t.rules LIKE "
               "'% place version ' || p.version") == "2";
  };
  REQUIRE(comes_true(20s, current));
  tile before;
  REQUIRE(comes_true(5s, [&] { return (before = ask(server, "homes", here)).generalised(); }));
  const tile far = ask(server, "homes", there);
  REQUIRE(far.features.size() == 1);
  sse_client heard{server.url(), "/api/postgres/events?layers=homes"};
  heard.next("snapshot");

  w.db.run("UPDATE spots SET geom = ST_Translate(geom, 0.1, 0.05) WHERE id <> 'far'");
  REQUIRE(comes_true(20s, current));
  tile after;
  CHECK(comes_true(5s, [&] { return (after = ask(server, "homes", here)).etag() != before.etag(); }));
  CHECK(after.generalised());
  CHECK(after.reply.body != before.reply.body);
  CHECK(after.reply.header("Gridlight-Version")
            .find("spots=" + w.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'spots'")) !=
        std::string::npos);
  const http_headers old{{"If-None-Match", before.etag()}};
  CHECK(http_client{server.url()}.get("/api/postgres/tiles/homes" + std::string{here}, old).status == 200);
  CHECK(ask(server, "homes", there).etag() == far.etag());
  const auto told = heard.next("layer", "\"homes\"");
  CHECK(told.data.find("\"everything\":true") != std::string::npos);
  CHECK(told.data.find("\"tiles_version\"") != std::string::npos);
}
