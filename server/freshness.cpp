#include "server/freshness.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gridlight {
namespace asio = boost::asio;
namespace {

// A reading that took longer would not be trusted any more.
constexpr auto patience = version_store::trusted_for;

const postgres::statement& all_versions() {
  static const postgres::statement s{
      "SELECT layer, version, (SELECT oid::int8 FROM pg_database WHERE datname = current_database()) "
      "FROM gridlight.layer_state",
      {},
      {postgres::oid::text, postgres::oid::int8, postgres::oid::int8}};
  return s;
}

}  // namespace

std::shared_ptr<const version_store::versions> version_store::fresh(steady::time_point now) const noexcept {
  // In this order: the versions are then at least as new as the time says.
  if (now - asked_at_.load() > trusted_for) return nullptr;
  return current_.load();
}

void version_store::set(versions now, steady::time_point asked_at, std::int64_t database) {
  const auto before = current_.load();
  const bool set_back = before && std::any_of(before->begin(), before->end(), [&](const auto& was) {
                          const auto is = now.find(was.first);
                          return is == now.end() || is->second < was.second;
                        });
  if (before && (set_back || database != database_)) history_.fetch_add(1);
  database_ = database;
  if (!before || *before != now) current_.store(std::make_shared<const versions>(std::move(now)));
  asked_at_.store(asked_at);
}

freshness_keeper::freshness_keeper(asio::any_io_executor executor, version_store& store, postgres::pool& pool,
                                   std::chrono::milliseconds every)
    : store_(store),
      pool_(pool),
      every_(every),
      timer_(executor),
      ended_(executor, steady::time_point::max()) {}

void freshness_keeper::start() {
  running_ = true;
  asio::co_spawn(timer_.get_executor(), run(), asio::detached);
}

asio::awaitable<void> freshness_keeper::run() {
  while (!stopping_) {
    co_await read_once();
    if (stopping_) break;
    timer_.expires_after(every_);
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  running_ = false;
  ended_.cancel();
}

void freshness_keeper::stop() {
  stopping_ = true;
  timer_.cancel();
}

asio::awaitable<void> freshness_keeper::finished() {
  boost::system::error_code woken;
  while (running_)
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

// What goes wrong here goes wrong with every request, too, and is told there; the versions only grow old.
asio::awaitable<void> freshness_keeper::read_once() {
  const auto asked = steady::now();
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto rows = co_await pool_.query(postgres::lane::admin, all_versions(), none, asked + patience,
                                         timing, postgres::share::yes);
  if (!rows) co_return;
  version_store::versions now;
  for (int row = 0; row < rows->rows(); ++row)
    now.emplace(rows->text(row, 0), rows->integer(row, 1));
  store_.set(std::move(now), asked, rows->rows() > 0 ? rows->integer(0, 2) : 0);
}

}  // namespace gridlight
