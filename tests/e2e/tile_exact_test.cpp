// Tiles while the data underneath changes: none older than the version it names, none kept that a change
// touched, none made anew that no change touched.
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "geo/tile.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/tile_reader.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;
using gridlight::geo::lonlat;
using gridlight::geo::tile;
using std::chrono::steady_clock;

namespace {

constexpr int detail_zoom = 13;
constexpr const char* layers_yaml = R"(
layers:
  substations: {key: substation_id, geometry_type: point}
  transformers: {key: transformer_id, geometry_type: point, properties: [rated_kva], tiles: {detail: 13}}
  topology: {table: topology_connections_cache, key: [from_asset_id, to_asset_id, connection_type], geometry_type: line,
             properties: [from_circuit_id], circuit: from_circuit_id, kind: dynamic}
  circuits: {table: circuit_status_realtime, key: circuit_id, geometry_type: point, kind: dynamic}
  outages: {table: outage_restoration_tracker, key: outage_id, geometry_type: point, kind: dynamic}
)";

struct world {
  temp_folder folder;
  demo_server server{{"--config", written()}};
  world() {
    // Until then low zooms are made of the layer itself, and have other names.
    const std::string built =
        "SELECT count(*) FROM gridlight.tile_state t JOIN gridlight.layer_state s USING (layer, version) "
        "WHERE "
        "layer = 'transformers' AND detail_zoom = " +
        std::to_string(detail_zoom);
    for (int i = 0; i < 300 && server.db().value(built) != "1"; ++i)
      std::this_thread::sleep_for(100ms);
    REQUIRE(server.db().value(built) == "1");
    std::this_thread::sleep_for(600ms);
  }
  std::string written() const {
    const auto file = folder.path() / "gridlight.yaml";
    std::ofstream{file} << layers_yaml;
    return file.string();
  }
  std::int64_t version(const std::string& layer) const {
    return std::stoll(
        server.db().value("SELECT version FROM gridlight.layer_state WHERE layer = '" + layer + "'"));
  }
};

// In units of the tile, not rounded.
std::pair<double, double> place_in(const lonlat& p, const tile& t) {
  constexpr double radians = 3.14159265358979323846 / 180;
  const double n = std::exp2(t.z);
  const double x = (p.lon + 180) / 360 * n;
  const double y = (0.5 - std::log(std::tan((90 + p.lat) * radians / 2)) / (2 * 3.14159265358979323846)) * n;
  return {(x - static_cast<double>(t.x)) * 4096, (y - static_cast<double>(t.y)) * 4096};
}

enum class where { inside, at_the_edge, outside };
where look(const lonlat& p, const tile& t, double margin = 64) {
  const auto [x, y] = place_in(p, t);
  const double out = std::max({-margin - x, x - 4096 - margin, -margin - y, y - 4096 - margin});
  return out > 1 ? where::outside : out < -1 ? where::inside : where::at_the_edge;
}

std::string url_of(const std::string& layer, const tile& t) {
  return "/api/postgres/tiles/" + layer + "/" + std::to_string(t.z) + "/" + std::to_string(t.x) + "/" +
         std::to_string(t.y);
}

std::vector<tile_feature> features_of(const http_reply& reply) {
  if (reply.status == 204) return {};
  REQUIRE(reply.status == 200);
  auto layers = read_tile(reply.body);
  REQUIRE(layers.size() == 1);
  return std::move(layers[0].features);
}

std::string key_of(const tile_feature& f) {
  for (const auto& [name, value] : f.tags)
    if (name == "transformer_id") return std::get<std::string>(value);
  return {};
}

std::int64_t named_version(const http_reply& reply, const std::string& layer) {
  const std::string all = reply.header("Gridlight-Version");
  const auto at = all.find(layer + "=");
  return at == all.npos ? -1 : std::stoll(all.substr(at + layer.size() + 1));
}

// What was true, by version.
class history {
 public:
  using places = std::map<std::string, lonlat>;
  struct state {
    std::shared_ptr<const places> all;
    steady_clock::time_point known_since;  // committed before this
    std::vector<lonlat> touched;
  };
  void add(std::int64_t version, places all, std::vector<lonlat> touched) {
    const std::lock_guard guard{lock_};
    states_[version] = {std::make_shared<const places>(std::move(all)), steady_clock::now(),
                        std::move(touched)};
  }
  std::shared_ptr<const places> at(std::int64_t version) const {
    for (int i = 0; i < 1000; ++i) {  // a reader may see a version before the writer noted it
      {
        const std::lock_guard guard{lock_};
        if (const auto it = states_.find(version); it != states_.end()) return it->second.all;
      }
      std::this_thread::sleep_for(5ms);
    }
    return nullptr;
  }
  // The last version that touched the tile and was visible since `since`.
  std::int64_t due(const tile& t, steady_clock::time_point since, double margin) const {
    const std::lock_guard guard{lock_};
    for (auto it = states_.rbegin(); it != states_.rend(); ++it) {
      if (it->second.known_since > since) continue;
      for (const lonlat& p : it->second.touched)
        if (look(p, t, margin) == where::inside) return it->first;
    }
    return 0;
  }

 private:
  mutable std::mutex lock_;
  std::map<std::int64_t, state> states_;
};

class writer {
 public:
  writer(const world& w, history& told, std::uint64_t seed) : w_(w), told_(told), random_(seed) {
    for (const auto& row : w.server.db().rows(
             "SELECT transformer_id, longitude, latitude FROM transformers WHERE geom IS NOT NULL"))
      all_[row[0]] = {std::stod(row[1]), std::stod(row[2])};
    told_.add(w.version("transformers"), all_, {});
  }

  void change() {
    std::string sql;
    std::vector<lonlat> touched;
    for (auto n = 1 + random_() % 3; n > 0; --n)
      one(sql, touched);
    w_.server.db().run(sql);
    told_.add(w_.version("transformers"), all_, std::move(touched));
  }

  lonlat place() { return {-95.37 + between(-0.15, 0.15), 29.76 + between(-0.15, 0.15)}; }
  std::mt19937_64& random() { return random_; }
  const history::places& all() const { return all_; }

 private:
  double between(double low, double high) { return std::uniform_real_distribution{low, high}(random_); }
  const std::string& any() {
    return std::next(all_.begin(), static_cast<long>(random_() % all_.size()))->first;
  }

  void one(std::string& sql, std::vector<lonlat>& touched) {
    const lonlat p = place();
    const std::string lon = std::to_string(p.lon), lat = std::to_string(p.lat);
    const lonlat stored{std::stod(lon), std::stod(lat)};
    const auto kind = random_() % 4;
    if (kind == 0 || all_.size() < 10) {
      const std::string id = "NEW-" + std::to_string(++made_);
      sql += "INSERT INTO transformers (transformer_id, longitude, latitude) VALUES ('" + id + "', " + lon +
             ", " + lat + ");";
      all_[id] = stored;
      touched.push_back(stored);
      return;
    }
    const std::string id = any();
    touched.push_back(all_[id]);
    if (kind == 1) {
      sql += "DELETE FROM transformers WHERE transformer_id = '" + id + "';";
      all_.erase(id);
    } else if (kind == 2) {
      sql += "UPDATE transformers SET longitude = " + lon + ", latitude = " + lat +
             " WHERE transformer_id = '" + id + "';";
      all_[id] = stored;
      touched.push_back(stored);
    } else {
      sql += "UPDATE transformers SET rated_kva = coalesce(rated_kva, 0) + 1 WHERE transformer_id = '" + id +
             "';";
    }
  }

  const world& w_;
  history& told_;
  std::mt19937_64 random_;
  history::places all_;
  int made_ = 0;
};

struct reader_result {
  std::int64_t asked = 0, wrong = 0, late = 0;
  std::string first;
  void add(const reader_result& r) {
    asked += r.asked;
    wrong += r.wrong;
    late += r.late;
    if (first.empty()) first = r.first;
  }
};

// Whether the answer holds just what the version that it names held.
std::string compare(const std::vector<tile_feature>& features, const history::places& truth, const tile& t) {
  std::set<std::string> drawn;
  std::int64_t stands_for = 0;
  for (const tile_feature& f : features) {
    drawn.insert(key_of(f));
    std::int64_t n = 1;
    for (const auto& [name, value] : f.tags)
      if (name == "point_count") n = std::get<std::int64_t>(value);
    stands_for += n;
  }
  if (t.z < detail_zoom) {
    // All lie in the tile of zoom 0, none in its neighbours' buffers.
    if (t.z == 0 && stands_for != static_cast<std::int64_t>(truth.size()))
      return std::to_string(stands_for) + " features instead of " + std::to_string(truth.size());
    return {};
  }
  for (const auto& [id, place] : truth) {
    const where is = look(place, t);
    if (is == where::inside && drawn.count(id) == 0) return id + " is missing";
    if (is == where::outside && drawn.count(id) != 0) return id + " should not be there";
  }
  for (const std::string& id : drawn)
    if (truth.count(id) == 0) return id + " is gone";
  return {};
}

reader_result read_tiles(const world& w, const history& told, std::uint64_t seed,
                         const std::atomic<bool>& stop) {
  reader_result out;
  std::mt19937_64 random{seed};
  std::uniform_real_distribution<double> shift{-0.15, 0.15};
  http_client client{w.server.url()};
  const auto window = std::chrono::milliseconds{static_cast<int>(limit_ms(1000))};
  while (!stop) {
    const auto z = static_cast<int>(random() % 17);
    const tile t = gridlight::geo::tile_at({-95.37 + shift(random), 29.76 + shift(random)}, z);
    const auto start = steady_clock::now();
    const http_reply reply = client.get(url_of("transformers", t));
    ++out.asked;
    const std::int64_t named = named_version(reply, "transformers");
    const auto truth = told.at(named);
    REQUIRE(truth != nullptr);
    const std::string fault = compare(features_of(reply), *truth, t);
    const std::int64_t due = told.due(t, start - window, z < detail_zoom ? 0 : 62);
    const std::string place = url_of("transformers", t) + " of version " + std::to_string(named) + ": ";
    if (!fault.empty() && out.wrong++ == 0 && out.first.empty()) out.first = place + fault;
    if (named < due && out.late++ == 0 && out.first.empty())
      out.first = place + "version " + std::to_string(due) + " had touched it";
  }
  return out;
}

void read_while_writing(const world& w, int changes, std::uint64_t seed) {
  history told;
  writer write{w, told, seed};
  std::atomic<bool> stop{false};
  reader_result sum;
  std::mutex lock;
  std::vector<std::thread> readers;
  for (std::uint64_t r = 1; r <= 3; ++r)
    readers.emplace_back([&, r] {
      const reader_result got = read_tiles(w, told, seed + r, stop);
      const std::lock_guard guard{lock};
      sum.add(got);
    });
  for (int i = 0; i < changes; ++i) {
    write.change();
    std::this_thread::sleep_for(std::chrono::milliseconds{write.random()() % 60});
  }
  std::this_thread::sleep_for(500ms);
  stop = true;
  for (std::thread& r : readers)
    r.join();
  MESSAGE(sum.asked << " tiles read during " << changes << " changes, seed " << seed);
  CHECK_MESSAGE(sum.wrong == 0, sum.first);
  CHECK_MESSAGE(sum.late == 0, sum.first);
  CHECK(sum.asked > changes);
}

using etags = std::map<std::string, std::string>;

etags read_all(const std::string& server, const std::vector<tile>& tiles, const std::string& layer) {
  etags out;
  http_client client{server};
  for (const tile& t : tiles) {
    const http_reply reply = client.get(url_of(layer, t));
    out[url_of(layer, t)] = reply.status == 204 ? "empty" : reply.header("ETag");
  }
  return out;
}

double metric(const world& w, const std::string& name) {
  const std::string all = http_client{w.server.url()}.get("/metrics").body;
  const auto at = all.find("\n" + name + " ");
  return at == all.npos ? -1 : std::stod(all.substr(at + name.size() + 2));
}
const std::string misses = "gridlight_tile_requests_total{how=\"miss\"}";

}  // namespace

TEST_CASE("no tile is older than the version it names, and none outlives a change by a second") {
  const world w;
  read_while_writing(w, count_of(60, 2000), chosen_seed());
}

TEST_CASE("the same when notifications are lost without a sign") {
  const world w;
  const std::string pid = w.server.db().value(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'gridlight-listen' AND datname = "
      "current_database()");
  REQUIRE(::kill(std::stoi(pid), SIGSTOP) == 0);
  read_while_writing(w, count_of(30, 500), chosen_seed());
  ::kill(std::stoi(pid), SIGCONT);
}

TEST_CASE("a change gives a new name to the tiles that it touches, and to no other") {
  const world w;
  history told;
  const std::uint64_t seed = chosen_seed();
  writer write{w, told, seed};
  MESSAGE("seed " << seed);
  std::vector<tile> tiles;
  for (int z = 0; z <= 17; ++z)
    for (int i = 0; i < 20; ++i) {
      const tile t = gridlight::geo::tile_at(write.place(), z);
      if (std::find(tiles.begin(), tiles.end(), t) == tiles.end()) tiles.push_back(t);
    }
  auto before = read_all(w.server.url(), tiles, "transformers");
  for (int round = 0; round < count_of(6, 100); ++round) {
    // An insertion, so that what is touched is drawn differently at every zoom.
    const lonlat p = write.place();
    const std::string lon = std::to_string(p.lon), lat = std::to_string(p.lat);
    w.server.db().run("INSERT INTO transformers (transformer_id, longitude, latitude) VALUES ('ROUND-" +
                      std::to_string(round) + "', " + lon + ", " + lat + ")");
    std::this_thread::sleep_for(std::chrono::milliseconds{static_cast<int>(limit_ms(1000))});
    const double misses_before = metric(w, misses);
    const auto after = read_all(w.server.url(), tiles, "transformers");
    int touched = 0;
    for (const tile& t : tiles) {
      const std::string url = url_of("transformers", t);
      CAPTURE(url);
      // Low zooms are made of cells of 128 units; one that the place lies in reaches no farther than that.
      const where is = look({std::stod(lon), std::stod(lat)}, t, t.z < detail_zoom ? 128 : 64);
      const where surely = look({std::stod(lon), std::stod(lat)}, t, t.z < detail_zoom ? 0 : 64);
      touched += is != where::outside;
      if (is == where::outside) CHECK(before.at(url) == after.at(url));
      if (surely == where::inside) CHECK(before.at(url) != after.at(url));
    }
    CHECK(metric(w, misses) - misses_before <= touched);
    before = after;
  }
  // Another server of the same database, which saw none of it happen, has the same names.
  {
    const server_process other{{.environment = {{"GRIDLIGHT_DATABASE_URL", w.server.db().uri()}},
                                .arguments = {"--config", w.folder.path() / "gridlight.yaml"}}};
    for (int i = 0; i < 200 && http_client{other.url()}.get("/ready").status != 200; ++i)
      std::this_thread::sleep_for(50ms);
    std::this_thread::sleep_for(600ms);
    CHECK(read_all(other.url(), tiles, "transformers") == before);
  }
  // What changes nothing touches nothing.
  const double misses_before = metric(w, misses);
  w.server.db().run("UPDATE transformers SET rated_kva = rated_kva");
  w.server.db().run("DELETE FROM transformers WHERE transformer_id = 'none'");
  std::this_thread::sleep_for(600ms);
  CHECK(read_all(w.server.url(), tiles, "transformers") == before);
  CHECK(metric(w, misses) == misses_before);
}

TEST_CASE("a circuit's condition is on its lines within a second; its load alone is not") {
  const world w;
  const auto line = w.server.db().rows(
      "SELECT t.from_circuit_id, ST_X(ST_StartPoint(t.geom)), ST_Y(ST_StartPoint(t.geom)) FROM "
      "topology_connections_cache t JOIN circuit_status_realtime c ON c.circuit_id = t.from_circuit_id LIMIT "
      "1");
  REQUIRE(line.size() == 1);
  const std::string circuit = line[0][0], of_circuit = " WHERE circuit_id = '" + circuit + "'";
  const tile t = gridlight::geo::tile_at({std::stod(line[0][1]), std::stod(line[0][2])}, 15);
  http_client client{w.server.url()};
  const auto set = [&](const std::string& sql) {
    w.server.db().run(sql);
    std::this_thread::sleep_for(std::chrono::milliseconds{static_cast<int>(limit_ms(1000))});
  };
  const auto condition = [&] {
    const http_reply reply = client.get(url_of("topology", t));
    std::set<std::string> found;
    for (const tile_feature& f : features_of(reply)) {
      std::string of, is;
      for (const auto& [name, value] : f.tags) {
        if (name == "from_circuit_id") of = std::get<std::string>(value);
        if (name == "circuit_status") is = std::get<std::string>(value);
      }
      if (of == circuit) found.insert(is);
    }
    REQUIRE(found.size() == 1);
    return std::pair{*found.begin(), reply.header("ETag")};
  };
  w.server.db().run("UPDATE outage_restoration_tracker SET status = 'RESTORED'" + of_circuit);
  set("UPDATE circuit_status_realtime SET avg_load_percent = 50, avg_health_score = 90" + of_circuit);
  const auto good = condition();
  CHECK(good.first == "good");
  set("UPDATE circuit_status_realtime SET avg_load_percent = 55" + of_circuit);
  CHECK(condition() == good);
  set("UPDATE circuit_status_realtime SET avg_load_percent = 75" + of_circuit);
  CHECK(condition().first == "warning");
  set("UPDATE circuit_status_realtime SET avg_load_percent = 95" + of_circuit);
  CHECK(condition().first == "critical");
  set("INSERT INTO outage_restoration_tracker (outage_id, circuit_id, status) VALUES ('o', '" + circuit +
      "', 'ACTIVE')");
  CHECK(condition().first == "outage");
  set("UPDATE outage_restoration_tracker SET status = 'RESTORED' WHERE outage_id = 'o'");
  CHECK(condition().first == "critical");
}
