#include "sync/watch.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/keeper.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::chrono::seconds look_every{2};

}  // namespace

watch::watch(boost::asio::any_io_executor executor, const config& settings, std::span<const table_plan> plans,
             metrics& counters, std::function<view()> now)
    : executor_(executor), settings_(settings), now_(std::move(now)), timer_(executor) {
  for (const table_plan& plan : plans) {
    if (!plan.pulls() || plan.config.foreign == foreign_writes::accept) continue;
    for (const layer_config& layer : plan.layers) {
      layers_.push_back(layer.name);
      table_of_[layer.name] = plan.name();
      changes_[layer.name] =
          counters.make_counter("gridlight_sync_foreign_changes_total",
                                "Versions of kept layers that no run made.", {{"layer", layer.name}});
    }
  }
  constexpr std::string_view name = "gridlight_sync_zombies_total",
                             help = "Sessions of gridlight's that nobody uses.";
  found_ = counters.make_counter(name, help, {{"what", "found"}});
  ended_ = counters.make_counter(name, help, {{"what", "ended"}});
  counters.add_gauge("gridlight_sync_zombies", "Sessions of gridlight's that nobody uses, at the last look.",
                     {}, [there = there_] { return static_cast<double>(there->load()); });
}

awaitable<result<void>> watch::open(std::int64_t lease) {
  if (db_ && (db_->broken() || !db_->idle() || !db_->alive())) db_.reset();
  if (!db_) {
    postgres::connect_options how = lease_connection(settings_.postgres);
    how.application_name = "gridlight sync watch";
    const deadline until = deadline_in(how.connect_timeout);
    auto opened = co_await connection::open(executor_, how, until);
    if (!opened) co_return opened.error();
    if (stopping_) co_return failure{errc::shutting_down, "stopped"};
    db_.emplace(std::move(*opened));
  }
  if (led_with_ == lease) co_return result<void>{};
  const auto begun = co_await begin_foreign(*db_, layers_);
  if (begun) led_with_ = lease;
  co_return begun;
}

void watch::tell(const std::vector<foreign_change>& found) {
  for (const foreign_change& f : found) {
    changes_[f.layer].add(static_cast<std::uint64_t>(f.count));
    const std::string versions = f.count == 1
                                     ? fmt::format("version {}", f.last)
                                     : fmt::format("{} versions, {} to {}", f.count, f.first, f.last);
    spdlog::warn(
        "sync: layer {} was changed by others than the sync: {}, by {}; a run that compares all rows takes "
        "it back. Where that is meant to be: sync.tables.{}.foreign_writes: accept",
        f.layer, versions, f.writers, table_of_[f.layer]);
  }
}

// Each session is told of once, unless it is to end: then until it has.
void watch::tell(const std::vector<zombie>& found) {
  std::set<std::pair<int, std::string>> now;
  for (const zombie& z : found) {
    now.emplace(z.pid, z.began);
    const bool fresh = !told_.contains({z.pid, z.began});
    if (fresh) found_.add();
    if (z.ended && fresh) ended_.add();
    if (!fresh) continue;
    spdlog::warn("sync: session {} ({}) is {} for {:.0f} s: {}", z.pid, z.application, z.state, z.held_s,
                 z.ended ? "it was ended" : "nobody seems to use it; sync.reaper: end would end it");
  }
  told_ = std::move(now);
  there_->store(static_cast<int>(found.size()));
}

awaitable<result<void>> watch::look(view now) {
  const auto opened = co_await open(*now.lease);
  if (!opened) co_return opened.error();
  const auto foreign = co_await look_for_foreign(*db_);
  if (!foreign) co_return foreign.error();
  tell(*foreign);
  auto rule = rule_of(settings_);
  if (!rule) co_return result<void>{};
  if (now.backend != 0) rule->spared.push_back(now.backend);
  rule->spare_runs = settings_.postgres.pooled;
  const auto zombies = co_await find_zombies(*db_, std::move(*rule));
  if (!zombies) co_return zombies.error();
  tell(*zombies);
  co_return result<void>{};
}

awaitable<void> watch::run() {
  while (!stopping_) {
    const view now = now_();
    std::string why;
    if (now.lease) {
      const auto done = co_await look(now);
      if (!done) why = done.error().detail + " " + done.error().log_detail.substr(0, 300);
    } else {
      db_.reset();
      there_->store(0);
    }
    if (stopping_) break;
    // The keeper tells when the database cannot be reached.
    if (!why.empty() && why != trouble_)
      spdlog::info("sync: sessions and writers were not looked at: {}", why);
    trouble_ = why;
    timer_.expires_after(now.lease ? look_every : std::chrono::seconds{1});
    boost::system::error_code cancelled;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
  db_.reset();
}

void watch::stop() {
  stopping_ = true;
  timer_.cancel();
  if (db_) db_->give_up("the sync is stopped", true);
}

}  // namespace gridlight::sync
