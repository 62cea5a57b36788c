#include "api/tile_store.hpp"

namespace gridlight::api {
namespace {

constexpr std::string_view requests = "gridlight_tile_requests_total",
                           requests_help = "Tile requests by how they were answered.";

}  // namespace

tile_store::tile_store(std::size_t cache_bytes, metrics& m)
    : kept(cache_bytes),
      hits(m.make_counter(requests, requests_help, {{"how", "hit"}})),
      misses(m.make_counter(requests, requests_help, {{"how", "miss"}})),
      joined(m.make_counter(requests, requests_help, {{"how", "joined"}})),
      outdated(m.make_counter("gridlight_tile_evictions_total", "Tiles that were given up, by the reason.",
                              {{"reason", "changed"}})),
      stale(m.make_counter(requests, requests_help, {{"how", "stale"}})),
      dropped(m.make_counter("gridlight_tile_dropped_features_total",
                             "Features left out of tiles for the sake of their budgets.")) {}

void add_tile_metrics(metrics& m, const tile_store& store) {
  m.add_gauge("gridlight_tile_cache_bytes", "Memory that kept tiles take.", {},
              [&store] { return static_cast<double>(store.kept.count().bytes); });
  m.add_gauge("gridlight_tile_cache_tiles", "Tiles that are kept.", {},
              [&store] { return static_cast<double>(store.kept.count().entries); });
  m.add_gauge("gridlight_tiles_in_making", "Tiles that are being made.", {},
              [&store] { return static_cast<double>(store.flights.under_way()); });
  m.add_counter_source("gridlight_tile_evictions_total", "Tiles that were given up, by the reason.",
                       {{"reason", "room"}},
                       [&store] { return static_cast<double>(store.kept.count().for_room); });
}

std::size_t bytes_of(const made_tile& t) noexcept {
  std::size_t out =
      sizeof t + (t.packed ? t.packed->size() + 64 : 0) + t.name.etag.size() + t.name.versions.size();
  for (const source_state& s : t.sources)
    out += sizeof s + s.of.name.size();
  for (const auto& seen : t.asked_with)
    out += sizeof seen + seen.first.size();
  return out;
}

}  // namespace gridlight::api
