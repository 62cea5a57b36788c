#include "server/catalog_keeper.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gridlight {
namespace asio = boost::asio;
namespace {

constexpr std::chrono::seconds read_timeout{10};
constexpr std::chrono::milliseconds retry_after{250};

void log_new(const catalog& now) {
  spdlog::info("catalog: {} layers", now.layers().size());
  for (const catalog::unusable& layer : now.broken())
    spdlog::warn("layer {} is not served: {}", layer.name, layer.reason);
}

}  // namespace

catalog_keeper::catalog_keeper(asio::any_io_executor executor, catalog_store& store, postgres::pool& pool,
                               std::vector<layer_config> declared, std::chrono::milliseconds refresh)
    : store_(store),
      pool_(pool),
      declared_(std::move(declared)),
      refresh_(refresh),
      timer_(executor),
      ended_(executor, steady::time_point::max()) {}

void catalog_keeper::start() {
  running_ = true;
  asio::co_spawn(timer_.get_executor(), run(), asio::detached);
}

asio::awaitable<void> catalog_keeper::run() {
  while (!stopping_) {
    const bool read = co_await read_once();
    if (stopping_) break;
    timer_.expires_after(read ? refresh_ : retry_after);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  running_ = false;
  ended_.cancel();
}

void catalog_keeper::stop() {
  stopping_ = true;
  timer_.cancel();
}

asio::awaitable<void> catalog_keeper::finished() {
  boost::system::error_code woken;
  while (running_)
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<bool> catalog_keeper::read_once() {
  const deadline until = deadline_in(read_timeout);
  auto lease = co_await pool_.acquire(postgres::lane::admin, until);
  if (!lease) co_return false;
  auto fresh = co_await read_catalog(**lease, declared_, until);
  if (!fresh) {
    spdlog::warn("the catalog could not be read: {} {}", fresh.error().detail, fresh.error().log_detail);
    co_return false;
  }
  // An equal catalog stays, so that statements built from it stay prepared.
  const auto current = store_.get();
  if (current && *current == *fresh) co_return true;
  log_new(*fresh);
  store_.set(std::make_shared<const catalog>(std::move(*fresh)));
  co_return true;
}

}  // namespace gridlight
