#include "serve.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cmath>
#include <mutex>
#include <thread>

#include "api/event_hub.hpp"
#include "api/event_source.hpp"
#include "api/postgis_source.hpp"
#include "api/routes.hpp"
#include "api/services.hpp"
#include "server/catalog_keeper.hpp"
#include "server/freshness.hpp"
#include "server/http/descriptors.hpp"
#include "server/http/server.hpp"
#include "server/metrics.hpp"
#include "server/postgres/pool.hpp"
#include "sync/generalize/keeper.hpp"
#include "sync/keeper.hpp"
#include "sync/migrate.hpp"

namespace gridlight {
namespace asio = boost::asio;
namespace {

// A fresh backend's first geography query costs some 18 ms: let no request pay them.
constexpr std::string_view warm_up =
    "SELECT ST_DWithin(g, g, 1), ST_Distance(g, g), ST_Intersects(g::geometry, g::geometry) "
    "FROM (SELECT ST_SetSRID(ST_MakePoint(0, 0), 4326)::geography AS g) p";

/// A thread's share of a number that is given for all threads; at least one.
std::size_t share(int all, std::size_t threads, std::size_t otherwise) {
  return all > 0 ? std::max<std::size_t>(1, static_cast<std::size_t>(all) / threads) : otherwise;
}

postgres::connect_options connect_options_of(const config::postgres_settings& p) {
  postgres::connect_options out;
  out.uri = p.uri;
  out.connect_timeout = p.connect_timeout;
  out.statement_timeout = p.statement_timeout;
  out.idle_in_transaction_timeout = p.idle_in_transaction_timeout;
  out.lock_timeout = p.lock_timeout;
  out.pooled = p.pooled;
  // A connection over which nothing comes is given up long before; what it had sent shall not linger.
  out.unanswered_timeout = std::chrono::seconds{5};
  return out;
}

postgres::pool_options pool_options_of(const config& c) {
  const std::size_t threads = http::thread_count(c.http);
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  const std::size_t waiting = share(c.postgres.max_waiting, threads, 256);
  postgres::pool_options out;
  // A pooler may give each query another backend: nothing to share.
  const std::size_t sharers = c.postgres.pooled ? 1 : static_cast<std::size_t>(c.postgres.sharers);
  const double kept = c.postgres.priority_share;
  const auto lane = [&](postgres::lane l, std::size_t size) -> postgres::lane_options& {
    auto& o = out.lanes[static_cast<std::size_t>(l)];
    o.size = size;
    o.max_waiting = waiting;
    o.sharers = sharers;
    o.kept_waiting = static_cast<std::size_t>(std::ceil(kept * static_cast<double>(waiting)));
    return o;
  };
  auto& lookups = lane(postgres::lane::lookup,
                       share(c.postgres.lookup_connections, threads, (cores + threads) / threads));
  // Where nothing is shared every query has its connection alone, the short ones too.
  if (kept > 0 && sharers > 1)
    lookups.kept_connections =
        std::max<std::size_t>(1, static_cast<std::size_t>(kept * static_cast<double>(lookups.size)));
  // While a thread encodes one tile, Postgres shall have others to read: with two for each core a fifth of
  // the time passed unused.
  auto& tiles = lane(postgres::lane::tile,
                     share(c.postgres.tile_connections, threads, (3 * cores + threads - 1) / threads));
  // As many run at once as there are cores.
  if (sharers > 1) tiles.sharers = 2 * sharers;
  tiles.spread = std::max<std::size_t>(1, cores / threads);
  if (!c.postgres.pooled) tiles.session_sql = api::tile_session_sql;
  lane(postgres::lane::admin, share(c.postgres.admin_connections, threads, 1));
  out.max_age = c.postgres.max_age;
  out.warm_up_sql = warm_up;
  // Behind a pooler a session is not ours to set.
  if (!c.postgres.pooled) out.warm_up_sql.append("; ").append(api::lookup_session_sql);
  return out;
}

/// A session behind a pooler hears nothing.
std::optional<postgres::connect_options> listening(const config& c) {
  if (c.postgres.pooled) return std::nullopt;
  postgres::connect_options out = connect_options_of(c.postgres);
  out.application_name += "-listen";
  return out;
}

/// What all threads share.
struct process {
  explicit process(const config& c) : settings(c) {}

  const config& settings;
  metrics counters;
  catalog_store layers;
  version_store versions;
  std::shared_ptr<api::tile_store> tiles =
      std::make_shared<api::tile_store>(settings.tiles.cache_bytes, counters);
  api::event_feed events;
  std::unique_ptr<sync::keeper> sync;  // null: there is nothing to keep
  const steady::time_point started = steady::now();

  // Pools come and go with their workers, while another thread may ask for their status.
  void add(postgres::pool* p) {
    const std::lock_guard guard{lock_};
    pools_.push_back(p);
  }
  void remove(postgres::pool* p) {
    const std::lock_guard guard{lock_};
    std::erase(pools_, p);
  }
  std::vector<postgres::pool_status> status() {
    const std::lock_guard guard{lock_};
    std::vector<postgres::pool_status> out;
    for (const postgres::pool* p : pools_)
      out.push_back(p->status());
    return out;
  }

 private:
  std::mutex lock_;
  std::vector<postgres::pool*> pools_;
};

/// One thread: its pool, its routes; the first also keeps the catalog and the versions.
class grid_worker : public http::worker {
 public:
  grid_worker(asio::any_io_executor executor, std::size_t index, process& p)
      : process_(p),
        pool_(executor, connect_options_of(p.settings.postgres), pool_options_of(p.settings)),
        hub_(executor, p.events, {p.settings.events.heartbeat, p.settings.events.max_duration}),
        services_{pool_,
                  p.layers,
                  p.settings,
                  p.counters,
                  [&p] { return p.status(); },
                  sync::expected_schema_version(),
                  p.started,
                  &p.versions,
                  &hub_} {
    services_.tiles = p.tiles;
    process_.add(&pool_);
    pool_.start();
    if (index == 0) {
      keeper_.emplace(executor, p.layers, pool_, p.settings.layers);
      keeper_->start();
      freshness_.emplace(executor, p.versions, pool_, std::chrono::milliseconds{250}, listening(p.settings));
      freshness_->start();
      if (p.settings.tiles.build) {
        tiles_.emplace(executor, p.layers, p.versions, connect_options_of(p.settings.postgres));
        tiles_->start();
      }
      events_.emplace(executor, p.versions, p.layers, pool_, p.events);
      events_->start();
      if (p.sync) p.sync->start();
    }
    routes = api::make_routes(services_);
  }
  ~grid_worker() override { process_.remove(&pool_); }

  asio::awaitable<void> stop() override {
    if (keeper_ && process_.sync) process_.sync->ask_to_stop();
    if (keeper_) keeper_->stop();
    if (freshness_) freshness_->stop();
    if (tiles_) tiles_->stop();
    if (events_) events_->stop();
    co_await pool_.stop();
    if (keeper_) co_await keeper_->finished();
    if (freshness_) co_await freshness_->finished();
    if (events_) co_await events_->finished();
    if (tiles_) co_await tiles_->finished();
  }

 private:
  process& process_;
  postgres::pool pool_;
  api::event_hub hub_;
  api::services services_;
  std::optional<catalog_keeper> keeper_;
  std::optional<freshness_keeper> freshness_;
  std::optional<sync::generalize::keeper> tiles_;
  std::optional<api::event_source> events_;
};

// As main does with a configuration that is wrong.
int refuse(std::string_view why) {
  fmt::print(stderr, "gridlight: {}\n", why);
  return 2;
}

}  // namespace

int serve(const config& settings) {
  http::raise_descriptor_limit();
  if (const auto why = identity::refusal_to_listen(settings)) return refuse(*why);
  identity::authority who{settings};
  if (const auto tokens = who.load(); !tokens) return refuse(tokens.error().detail);

  http::tls_keeper tls{settings.http.tls};
  if (const auto certificate = tls.load(); !certificate) return refuse(certificate.error().detail);

  process shared{settings};
  api::add_pool_metrics(shared.counters, [&] { return shared.status(); });
  api::add_tile_metrics(shared.counters, *shared.tiles);
  if (settings.sync.enabled) {
    auto sync = sync::keeper::make(settings, shared.counters);
    if (!sync) return refuse(sync.error().detail);
    shared.sync = std::move(*sync);
  }
  http::server server{settings.http, shared.counters, &who, &tls};
  const auto served = server.run([&](asio::any_io_executor executor, std::size_t index) {
    return std::make_unique<grid_worker>(std::move(executor), index, shared);
  });
  if (!served) {
    spdlog::error("{}", served.error().detail);
    return 1;
  }
  return 0;
}

}  // namespace gridlight
