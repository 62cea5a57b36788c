#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "api/answer_cache.hpp"
#include "api/grid_statements.hpp"
#include "api/layer_source.hpp"
#include "api/tile_store.hpp"
#include "server/catalog.hpp"
#include "server/config.hpp"
#include "server/deadline.hpp"
#include "server/metrics.hpp"
#include "server/postgres/pool.hpp"
#include "server/reload_status.hpp"
#include "server/versions.hpp"

namespace gridlight::api {

class event_hub;

/// What handlers need. One object a worker thread and configuration; it outlives the router made from it.
/// References are to objects of the composition root.
struct services {
  postgres::pool& pool;  ///< this thread's
  catalog_store& layers;
  const config& settings;
  metrics& counters;
  std::function<std::vector<postgres::pool_status>()> pools;  ///< of all threads
  int schema_version;  ///< the newest migration compiled in; /ready wants it in the database
  steady::time_point started;
  const version_store* versions = nullptr;         ///< nullptr: none are known, each answer asks the database
  event_hub* events = nullptr;                     ///< this thread's; nullptr: nothing is told of changes
  std::unique_ptr<layer_source> source = nullptr;  ///< made by make_routes when empty: PostGIS through `pool`
  grid_statements grid = {};
  answer_cache answers = {};
  std::shared_ptr<tile_store> tiles = nullptr;  ///< of all threads; made by make_routes when empty
  std::unique_ptr<tile_maker> maker = nullptr;  ///< the same, of this thread
  const reload_status* reloads = nullptr;       ///< nullptr: nothing is read anew
  std::weak_ptr<const void> self = {};          ///< who goes on without his request holds what owns this
};

/// The pools of all threads added up.
postgres::pool_status sum(const std::vector<postgres::pool_status>& pools);

/// Registers the pool's gauges and counters of /metrics. Once a process.
void add_pool_metrics(metrics& m, std::function<std::vector<postgres::pool_status>()> pools);

}  // namespace gridlight::api
