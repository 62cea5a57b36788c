#pragma once

#include <memory>
#include <string>

#include "api/circuit_conditions.hpp"
#include "api/tile_maker.hpp"
#include "server/byte_cache.hpp"
#include "server/metrics.hpp"
#include "server/single_flight.hpp"

namespace gridlight::api {

/// The tiles that are kept, and those that are being made. One for all threads.
///
/// A tile is right as long as no change behind its versions touched it; that is looked at when it is asked
/// for, so nothing has to be told of changes, and a tile that no change touched stays. One that a change has
/// touched is kept until its successor is made: it may be needed while the database is away.
struct tile_store {
  explicit tile_store(std::size_t cache_bytes, metrics& m);

  byte_cache<made_tile> kept;
  single_flight<tile_ptr> flights;
  condition_store conditions;
  metrics::counter hits, misses, joined, outdated, stale, dropped;
};

/// Registers the cache's gauges. Once a process. \param store  must outlive `m`'s rendering
void add_tile_metrics(metrics& m, const tile_store& store);

/// Memory that a tile takes.
std::size_t bytes_of(const made_tile& t) noexcept;

}  // namespace gridlight::api
