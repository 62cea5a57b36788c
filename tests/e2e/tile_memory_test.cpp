// A walk of random tiles: the kept ones stay within their budget, and the process's memory does not grow.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "tests/support/grid_load.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/tile_world.hpp"

using namespace gridlight::test;
using std::chrono::steady_clock;

namespace {

struct walk_tally {
  std::atomic<std::size_t> full{0}, empty{0}, wrong{0};
  std::mutex lock;
  std::string first_wrong;
};

// Combinations of layers, properties, zooms and encodings, mostly over the data.
std::string any_target(const tile_world& w, std::mt19937_64& random) {
  std::vector<std::string> names;
  for (auto n = 1 + random() % 4; n > 0; --n) {
    const std::string& name = w.layers()[random() % w.layers().size()].of().config.name;
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::string layers;
  for (const std::string& name : names)
    layers += (layers.empty() ? "" : ",") + name;
  std::uniform_real_distribution<double> shift{-0.2, 0.2};
  const gridlight::geo::lonlat at{-95.37 + shift(random), 29.76 + shift(random)};
  std::string out = tile_url(layers, gridlight::geo::tile_at(at, static_cast<int>(random() % 21)));
  if (random() % 3 != 0) return out;
  const auto& of = w.layer_of(names[0]).of();
  const auto& served = of.config.properties;
  std::string chosen;
  for (const std::string& p : served)
    if (random() % 3 == 0 &&
        std::find(of.config.personal.begin(), of.config.personal.end(), p) == of.config.personal.end())
      chosen += (chosen.empty() ? "" : ",") + p;
  return chosen.empty() ? out : out + "?properties=" + chosen;
}

void walk(const tile_world& w, std::uint64_t seed, steady_clock::time_point end, walk_tally& sum) {
  std::mt19937_64 random{seed};
  http_client client{w.url()};
  while (steady_clock::now() < end) {
    const std::string target = any_target(w, random);
    const http_reply r =
        client.get(target, random() % 2 == 0 ? http_headers{} : http_headers{{"Accept-Encoding", "gzip"}});
    ++(r.status == 200 ? sum.full : r.status == 204 ? sum.empty : sum.wrong);
    if (r.status == 200 || r.status == 204) continue;
    const std::lock_guard guard{sum.lock};
    sum.first_wrong = target + ": " + r.body;
  }
}

}  // namespace

TEST_CASE("a walk of random tiles stays within the memory it was given") {
  const std::string budget = soaking() ? "64MB" : "4MB";
  const double budget_bytes = (soaking() ? 64 : 4) * 1024.0 * 1024;
  tile_world w{0, {"--set", "tiles.cache_bytes=" + budget, "--set", "log.access=false"}};
  const auto seed = chosen_seed();
  MESSAGE("seed " << seed);
  const auto start = steady_clock::now();
  const auto length = std::chrono::seconds{count_of(30, 600)};
  walk_tally sum;
  std::vector<std::thread> walkers;
  for (std::uint64_t i = 0; i < 4; ++i)
    walkers.emplace_back([&, i] { walk(w, seed + i, start + length, sum); });
  double most = 0;
  std::map<int, std::vector<double>> rss_mb;  // by the quarter of the walk
  while (steady_clock::now() < start + length) {
    std::this_thread::sleep_for(std::chrono::milliseconds{500});
    most = std::max(most, w.metric("gridlight_tile_cache_bytes"));
    rss_mb[static_cast<int>((steady_clock::now() - start) * 4 / length)].push_back(
        static_cast<double>(figures_of(w.process().pid()).rss_kb) / 1024);
  }
  for (auto& each : walkers)
    each.join();
  const auto mean = [&](int quarter) {
    const auto& all = rss_mb[quarter];
    return std::accumulate(all.begin(), all.end(), 0.0) / static_cast<double>(all.size());
  };
  MESSAGE(sum.full.load() << " tiles and " << sum.empty.load() << " empty ones; at most " << most / 1024
                          << " KB kept, " << w.metric("gridlight_tile_evictions_total{reason=\"room\"}")
                          << " given up; RSS by quarters " << mean(0) << ", " << mean(1) << ", " << mean(2)
                          << ", " << mean(3) << " MB");
  CHECK_MESSAGE(sum.wrong.load() == 0, sum.first_wrong);
  CHECK(sum.full.load() > 100);
  CHECK(most <= budget_bytes);
  CHECK(most > budget_bytes / 4);
  CHECK(mean(3) < mean(2) * 1.05 + 1);
  CHECK(w.metric("gridlight_tiles_in_making") == 0);
}
