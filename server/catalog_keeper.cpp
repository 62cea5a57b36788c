#include "server/catalog_keeper.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "server/schema_version.hpp"

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

catalog_keeper::catalog_keeper(asio::any_io_executor executor, catalog_store& store, store_pointer served,
                               postgres::pool& pool, std::vector<layer_config> declared, int schema_version,
                               std::chrono::milliseconds refresh)
    : store_(store),
      served_(std::move(served)),
      pool_(pool),
      declared_(std::move(declared)),
      refresh_(refresh),
      timer_(executor),
      ended_(executor, steady::time_point::max()),
      schema_version_(schema_version) {}

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

// Where the role may not look, what cannot be served shows by itself.
asio::awaitable<result<void>> catalog_keeper::check_schema(postgres::connection& db,
                                                           const std::vector<layer_config>& declared,
                                                           deadline until) {
  using kind = schema_verdict::kind;
  const bool needed = std::any_of(declared.begin(), declared.end(),
                                  [](const layer_config& l) { return l.mode != layer_mode::attached; });
  if (schema_version_ == 0 || !needed) co_return result<void>{};
  const auto rows = co_await db.execute("SELECT max(version) FROM gridlight.schema_migration", until);
  if (!rows || rows->rows() == 0 || rows->is_null(0, 0)) co_return result<void>{};
  int found = 0;
  const std::string_view text = rows->text(0, 0);
  std::from_chars(text.data(), text.data() + text.size(), found);
  const schema_verdict schema = judge_schema(found, schema_version_);
  if (schema.text != told_ && !schema.text.empty()) spdlog::warn("{}", schema.text);
  if (schema.text.empty() && !told_.empty())
    spdlog::info("the database's schema is version {}, as this program's", found);
  told_ = schema.text;
  if (schema.is == kind::too_old) co_return failure{errc::schema_mismatch, schema.text};
  co_return result<void>{};
}

// Each is told of once, until it has changed. Where it cannot be read, nobody is any the wiser.
asio::awaitable<void> catalog_keeper::look_for_unwatched(postgres::connection& db,
                                                         const std::vector<layer_config>& declared,
                                                         deadline until) {
  auto found = co_await read_unwatched(db, until);
  if (!found) co_return;
  for (const layer_config& l : declared) {
    const auto now = found->find(l.name), before = told_silent_.find(l.name);
    const bool was = before != told_silent_.end();
    if (now == found->end()) {
      if (was) spdlog::info("layer {} tells of its changes again", l.name);
    } else if (!was || !(before->second == now->second)) {
      const std::string_view then =
          now->second.whole ? "until it has them the layer has no version, and nothing of it is kept"
                            : "what is written into it by its own name goes unnoticed";
      if (now->second.no_table)
        spdlog::warn(
            "layer {}: {} is no table any more, so that nothing tells of its changes; until it is one again "
            "the "
            "layer has no version, and nothing of it is kept",
            l.name, now->second.tables);
      else
        spdlog::warn(
            "layer {}: {} tells nothing of its changes, for it lacks gridlight's triggers; {}. gridlight "
            "check "
            "prints the statement that puts them there",
            l.name, now->second.tables, then);
    }
  }
  told_silent_ = *std::move(found);
}

asio::awaitable<result<catalog_keeper::pointer>> catalog_keeper::read(std::vector<layer_config> declared) {
  const deadline until = deadline_in(read_timeout);
  auto lease = co_await pool_.acquire(postgres::lane::admin, until);
  if (!lease) co_return lease.error();
  const auto fits = co_await check_schema(**lease, declared, until);
  if (!fits) co_return fits.error();
  auto fresh = co_await read_catalog(**lease, declared, until);
  if (!fresh) co_return fresh.error();
  co_return std::make_shared<const catalog>(std::move(*fresh));
}

void catalog_keeper::adopt(std::vector<layer_config> declared, pointer made, store_pointer served) {
  ++adopted_;
  declared_ = std::move(declared);
  served_ = std::move(served);
  log_new(*made);
  store_.set(std::move(made));
}

asio::awaitable<bool> catalog_keeper::read_once() {
  const deadline until = deadline_in(read_timeout);
  auto lease = co_await pool_.acquire(postgres::lane::admin, until);
  if (!lease) co_return false;
  const std::uint64_t of = adopted_;
  const std::vector<layer_config> declared = declared_;
  const auto fits = co_await check_schema(**lease, declared, until);
  if (!fits) co_return false;
  auto fresh = co_await read_catalog(**lease, declared, until);
  if (fresh) co_await look_for_unwatched(**lease, declared, until);
  if (of != adopted_) co_return true;  // of layers that are no longer declared so
  if (!fresh) {
    spdlog::warn("the catalog could not be read: {} {}", fresh.error().detail, fresh.error().log_detail);
    co_return false;
  }
  // One that is as good stays, so that statements built from it stay prepared.
  const auto current = store_.get();
  if (current && fresh->as_good_as(*current)) co_return true;
  log_new(*fresh);
  const auto made = std::make_shared<const catalog>(std::move(*fresh));
  served_->set(made);  // first: whoever sees the other may let requests in
  store_.set(made);
  co_return true;
}

}  // namespace gridlight
