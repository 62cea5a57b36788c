#include "tests/support/tile_world.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "tests/support/command.hpp"

namespace gridlight::test {
namespace {

// The built-in layers; all but the smallest are generalised below zoom 13, however few their rows are.
std::string built_in_config() {
  const char* const source = std::getenv("GRIDLIGHT_SOURCE_DIR");
  if (source == nullptr) throw std::runtime_error{"GRIDLIGHT_SOURCE_DIR is not set: run tests by ./dev test"};
  std::ifstream in{std::string{source} + "/gridlight.yaml"};
  std::string out;
  for (std::string line; std::getline(in, line);) {
    out += line + "\n";
    const bool has_place = line.starts_with("    geometry_type: ") && line.find("none") == line.npos;
    if (has_place) out += "    tiles: {detail: 13}\n";
  }
  return out;
}

}  // namespace

tile_world::tile_world(int buildings, std::vector<std::string> arguments) {
  const auto file = folder_.path() / "gridlight.yaml";
  yaml_ = built_in_config();
  std::ofstream{file} << yaml_;
  run("migrate");
  run("demo-data --scale 0.002 --seed 7");
  if (const char* const real = std::getenv("GRIDLIGHT_REAL_DATA"); real != nullptr && buildings > 0) {
    const auto data = (folder_.path() / "san_jose.geojsonl").string();
    run_command("zcat '" + std::string{real} + "/buildings_san_jose.geojsonl.gz' | head -n " +
                std::to_string(buildings) + " >'" + data + "'");
    yaml_ += run("load '" + data + "' --create 2>/dev/null");
    std::ofstream{file} << yaml_;
  }
  run("tiles build");
  catalog_ = read_catalog_of(db_, yaml_);
  for (const layer& l : catalog_->layers())
    if (l.has_place()) truths_.emplace_back(db_, l);
  arguments.insert(arguments.begin(), {"--config", file.string()});
  server_ = std::make_unique<server_process>(server_process::options{
      .environment = {{"GRIDLIGHT_DATABASE_URL", db_.uri()}}, .arguments = std::move(arguments)});
  wait_until_known();
}

std::string tile_world::run(const std::string& command) const {
  const char* binary = std::getenv("GRIDLIGHT_BINARY");
  if (binary == nullptr) throw std::runtime_error{"GRIDLIGHT_BINARY is not set: run tests by ./dev test"};
  const auto done = run_command("cd / && env -i PATH=/usr/bin:/bin '" + std::string{binary} + "' --config '" +
                                (folder_.path() / "gridlight.yaml").string() + "' --database-url '" +
                                db_.uri() + "' " + command);
  if (done.status != 0) throw std::runtime_error{"gridlight " + command + ": " + done.output};
  return done.output;
}

void tile_world::wait_until_known() const {
  http_client client{url()};
  for (int i = 0; client.get("/ready").status != 200; ++i) {
    if (i == 200) throw std::runtime_error{"the server is not ready; its log:\n" + server_->log()};
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
  std::this_thread::sleep_for(std::chrono::seconds{1});  // versions are polled four times a second
}

const tile_truth& tile_world::layer_of(const std::string& name) const {
  for (const tile_truth& l : truths_)
    if (l.of().config.name == name) return l;
  throw std::runtime_error{"there is no layer " + name};
}

double tile_world::metric(const std::string& name) const {
  const std::string all = http_client{url()}.get("/metrics").body;
  const auto at = all.find("\n" + name + " ");
  return at == all.npos ? 0 : std::stod(all.substr(at + name.size() + 2));
}

http_reply tile_world::get(const std::string& layers, const geo::tile& t, const std::string& more,
                           const http_headers& headers) const {
  return http_client{url()}.get(tile_url(layers, t) + more, headers);
}

geo::tile tile_world::any_tile(const tile_truth& l, int zoom, std::mt19937_64& random) const {
  const auto row =
      db_.rows("SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_PointOnSurface(" + l.geometry() + ") AS p FROM " +
               l.from() + " WHERE NOT ST_IsEmpty(" + l.geometry() + ") OFFSET " +
               std::to_string(random() % static_cast<std::uint64_t>(l.count())) + " LIMIT 1) q");
  return geo::tile_at({std::stod(row.at(0)[0]), std::stod(row[0][1])}, zoom);
}

std::string tile_url(const std::string& layers, const geo::tile& t) {
  return "/api/postgres/tiles/" + layers + "/" + std::to_string(t.z) + "/" + std::to_string(t.x) + "/" +
         std::to_string(t.y);
}

std::string tile_bytes(const http_reply& r) {
  if (r.status != 200 && r.status != 204)
    throw std::runtime_error{"a tile was answered by " + std::to_string(r.status) + ": " + r.body};
  return r.header("Content-Encoding") == "gzip" ? gunzip(r.body) : r.body;
}

}  // namespace gridlight::test
