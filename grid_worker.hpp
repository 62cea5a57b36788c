#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/event_hub.hpp"
#include "api/event_source.hpp"
#include "api/services.hpp"
#include "server/catalog_keeper.hpp"
#include "server/freshness.hpp"
#include "server/http/server.hpp"
#include "server/metrics.hpp"
#include "server/postgres/pool.hpp"
#include "server/reload_status.hpp"
#include "sync/generalize/keeper.hpp"
#include "sync/keeper_relay.hpp"

namespace gridlight {

/// What all threads of `serve` share.
struct process {
  explicit process(std::shared_ptr<const config> c) : settings(std::move(c)) {}

  const std::shared_ptr<const config>
      settings;  ///< of the start; what may change since is each request's own
  metrics counters;
  catalog_store layers;  ///< for what runs in the background
  const catalog_keeper::store_pointer first_served =
      std::make_shared<catalog_store>();  ///< for requests by the configuration of the start
  version_store versions;
  std::shared_ptr<api::tile_store> tiles =
      std::make_shared<api::tile_store>(settings->tiles.cache_bytes, counters);
  api::event_feed events;
  sync::keeper_relay sync;
  reload_status reloads;
  const steady::time_point started = steady::now();

  // Pools come and go with their workers, while another thread may ask for their status.
  void add(postgres::pool* p);
  void remove(postgres::pool* p);
  std::vector<postgres::pool_status> status();

 private:
  std::mutex lock_;
  std::vector<postgres::pool*> pools_;
};

/// One thread: its pool, its routes; the first also keeps the catalog, the versions and what is made of them.
class grid_worker : public http::worker {
 public:
  grid_worker(boost::asio::any_io_executor executor, std::size_t index, process& p);
  ~grid_worker() override;

  bool is_first() const noexcept { return keeper_.has_value(); }
  const boost::asio::any_io_executor& executor() const noexcept { return executor_; }

  /// Makes routes of another configuration; those of the one before stay for who has taken them.
  /// \param served  its layers, when they are others
  void adopt(std::shared_ptr<const config> settings, catalog_keeper::store_pointer served);

  /// The first thread's: the catalog of other layers, and going on with it.
  boost::asio::awaitable<result<catalog_keeper::pointer>> read_layers(std::vector<layer_config> declared);
  void adopt(std::vector<layer_config> declared, catalog_keeper::pointer made,
             catalog_keeper::store_pointer served);

  boost::asio::awaitable<void> ready() override;
  std::shared_ptr<const http::router> current_routes() override;
  boost::asio::awaitable<void> stop() override;

 private:
  struct generation;
  std::shared_ptr<generation> make(std::shared_ptr<const config> settings,
                                   catalog_keeper::store_pointer served);

  const boost::asio::any_io_executor executor_;
  process& process_;
  postgres::pool pool_;
  api::event_hub hub_;
  std::shared_ptr<generation> now_;
  std::optional<catalog_keeper> keeper_;
  std::optional<freshness_keeper> freshness_;
  std::optional<sync::generalize::keeper> tiles_;
  std::optional<api::event_source> events_;
};

}  // namespace gridlight
