#include "grid_worker.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <thread>

#include "api/postgis_source.hpp"
#include "api/routes.hpp"
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

api::event_hub::options event_options_of(const config& c) {
  return {c.events.heartbeat, c.events.max_duration};
}

}  // namespace

void process::add(postgres::pool* p) {
  const std::lock_guard guard{lock_};
  pools_.push_back(p);
}

void process::remove(postgres::pool* p) {
  const std::lock_guard guard{lock_};
  std::erase(pools_, p);
}

std::vector<postgres::pool_status> process::status() {
  const std::lock_guard guard{lock_};
  std::vector<postgres::pool_status> out;
  for (const postgres::pool* p : pools_)
    out.push_back(p->status());
  return out;
}

// All that handlers see of one configuration. Whoever is being served by it keeps it.
struct grid_worker::generation {
  generation(std::shared_ptr<const config> c, catalog_keeper::store_pointer l, process& p,
             postgres::pool& pool, api::event_hub& hub)
      : settings(std::move(c)), layers(std::move(l)), services{pool,
                                                               *layers,
                                                               *settings,
                                                               p.counters,
                                                               [&p] { return p.status(); },
                                                               sync::expected_schema_version(),
                                                               p.started,
                                                               &p.versions,
                                                               &hub} {
    services.tiles = p.tiles;
    services.reloads = &p.reloads;
  }

  const std::shared_ptr<const config> settings;
  const catalog_keeper::store_pointer layers;
  api::services services;
  http::router routes;
};

std::shared_ptr<grid_worker::generation> grid_worker::make(std::shared_ptr<const config> settings,
                                                           catalog_keeper::store_pointer served) {
  auto out = std::make_shared<generation>(std::move(settings), std::move(served), process_, pool_, hub_);
  out->services.self = out;
  out->routes = api::make_routes(out->services);
  return out;
}

grid_worker::grid_worker(asio::any_io_executor executor, std::size_t index, process& p)
    : executor_(executor),
      process_(p),
      pool_(executor, connect_options_of(p.settings->postgres), pool_options_of(*p.settings)),
      hub_(executor, p.events, event_options_of(*p.settings)) {
  const config& settings = *p.settings;
  process_.add(&pool_);
  pool_.start();
  if (index == 0) {
    keeper_.emplace(executor, p.layers, p.first_served, pool_, settings.layers,
                    sync::expected_schema_version());
    keeper_->start();
    freshness_.emplace(executor, p.versions, pool_, std::chrono::milliseconds{250}, listening(settings));
    freshness_->start();
    if (settings.tiles.build) {
      tiles_.emplace(executor, p.layers, p.versions, connect_options_of(settings.postgres));
      tiles_->start();
    }
    events_.emplace(executor, p.versions, p.layers, pool_, p.events);
    events_->start();
  }
  now_ = make(p.settings, p.first_served);
}

grid_worker::~grid_worker() {
  process_.remove(&pool_);
}

void grid_worker::adopt(std::shared_ptr<const config> settings, catalog_keeper::store_pointer served) {
  hub_.adopt(event_options_of(*settings));
  if (!served) served = now_->layers;
  now_ = make(std::move(settings), std::move(served));
}

asio::awaitable<result<catalog_keeper::pointer>> grid_worker::read_layers(
    std::vector<layer_config> declared) {
  co_return co_await keeper_->read(std::move(declared));
}

void grid_worker::adopt(std::vector<layer_config> declared, catalog_keeper::pointer made,
                        catalog_keeper::store_pointer served) {
  keeper_->adopt(std::move(declared), std::move(made), std::move(served));
  events_->tell_all();
}

std::shared_ptr<const http::router> grid_worker::current_routes() {
  return {now_, &now_->routes};
}

// A restart shall not be seen by who waits at the door; but a database that is away shall not keep the door
// shut.
asio::awaitable<void> grid_worker::ready() {
  constexpr std::chrono::milliseconds longest{2000}, look_every{5};
  const deadline until = deadline_in(longest);
  asio::steady_timer timer{co_await asio::this_coro::executor};
  while (!process_.layers.get() && pool_.status().last_error.empty() && steady::now() < until) {
    timer.expires_after(look_every);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> grid_worker::stop() {
  if (keeper_) process_.sync.ask_to_stop();
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

}  // namespace gridlight
