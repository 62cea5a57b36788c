#include "sync/keeper.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "sync/command.hpp"
#include "sync/lease.hpp"
#include "sync/migrate.hpp"
#include "sync/requests.hpp"
#include "sync/run_record.hpp"
#include "sync/runner.hpp"
#include "sync/schedule.hpp"
#include "sync/watch.hpp"

namespace gridlight::sync {
namespace asio = boost::asio;
using asio::awaitable;
namespace {

constexpr std::chrono::milliseconds look_every{250};

wall_time now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Serving comes first where both want the same core.
void lower_priority() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), 5);
}

}  // namespace

std::string instance_name() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  return std::string{host} + ":" + std::to_string(::getpid());
}

postgres::connect_options lease_connection(const config::postgres_settings& s) {
  postgres::connect_options out;
  out.uri = s.uri;
  out.connect_timeout = std::min(s.connect_timeout, std::chrono::milliseconds{2000});
  out.statement_timeout = std::chrono::milliseconds{2000};
  out.lock_timeout = std::chrono::milliseconds{1500};
  out.idle_in_transaction_timeout = s.idle_in_transaction_timeout;
  out.unanswered_timeout = std::chrono::milliseconds{3000};
  out.pooled = s.pooled;
  return out;
}

struct keeper::impl {
  struct series {
    metrics::counter well, failed, written, deleted, rejected;
    metrics::histogram duration;
  };

  impl(std::shared_ptr<const config> c, metrics& m, std::vector<table_plan> p)
      : settings(std::move(c)),
        plans(std::move(p)),
        holder(io.get_executor(), lease_connection(settings->postgres), instance_name()),
        runs(io.get_executor(), *settings),
        times(plans),
        timer(io),
        watcher(io.get_executor(), *settings, plans, m, [this] { return seen(); }) {
    for (const table_plan& plan : plans) {
      const auto label = [&](std::string_view key, std::string_view value) {
        return metrics::labels{{"table", plan.name()}, {std::string{key}, std::string{value}}};
      };
      constexpr std::string_view runs_name = "gridlight_sync_runs_total",
                                 rows_name = "gridlight_sync_rows_total";
      series& s = counted[plan.name()];
      s.well = m.make_counter(runs_name, "Runs of the sync.", label("status", "success"));
      s.failed = m.make_counter(runs_name, "Runs of the sync.", label("status", "failed"));
      s.written = m.make_counter(rows_name, "Rows that runs of the sync changed or left out.",
                                 label("what", "written"));
      s.deleted = m.make_counter(rows_name, "Rows that runs of the sync changed or left out.",
                                 label("what", "deleted"));
      s.rejected = m.make_counter(rows_name, "Rows that runs of the sync changed or left out.",
                                  label("what", "rejected"));
      s.duration = m.make_histogram("gridlight_sync_run_duration_seconds", "Duration of runs of the sync.",
                                    {{"table", plan.name()}});
    }
    m.add_gauge("gridlight_sync_leader", "1 where this instance holds the lease of the sync.", {},
                [leads = leading] { return leads->load() ? 1.0 : 0.0; });
  }

  // What the watch goes by.
  watch::view seen() const {
    watch::view out;
    if (holder.held()) out.lease = holder.token();
    out.backend = runs.backend_pid();
    return out;
  }

  awaitable<void> work();
  awaitable<void> keep();
  awaitable<void> wait_for_schema();
  awaitable<result<void>> step();
  awaitable<result<void>> take_over(postgres::connection& db);
  awaitable<result<run_outcome>> run(const table_plan& plan, run_options options);
  awaitable<result<void>> serve_request(run_request wanted);
  awaitable<result<bool>> is_paused(postgres::connection& db, const std::string& name);
  awaitable<void> pause(std::chrono::milliseconds time) {
    timer.expires_after(time);
    boost::system::error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }

  const std::shared_ptr<const config> settings;
  const std::vector<table_plan> plans;
  asio::io_context io{1};
  lease holder;
  runner runs;
  schedule times;
  asio::steady_timer timer;
  watch watcher;
  std::map<std::string, series> counted;
  std::map<std::string, std::string> told;  // the last failure of each table that was logged
  std::shared_ptr<std::atomic<bool>> leading = std::make_shared<std::atomic<bool>>(false);
  std::int64_t led_with = 0;
  std::string trouble;
  bool stopping = false, retiring = false;
  std::thread thread;
};

awaitable<result<void>> keeper::impl::take_over(postgres::connection& db) {
  const auto cleaned = co_await clean_up(db, holder.token());
  if (!cleaned) co_return cleaned.error();
  const auto known = co_await times.read(db);
  if (!known) co_return known.error();
  led_with = holder.token();
  spdlog::info("sync: this instance keeps {} tables (lease {})", plans.size(), led_with);
  co_return result<void>{};
}

awaitable<result<run_outcome>> keeper::impl::run(const table_plan& plan, run_options options) {
  options.token = holder.token();
  series& s = counted[plan.name()];
  const auto start = steady::now();
  auto out = co_await runs.run(plan, std::move(options));
  const double ms = ms_since(start);
  if (stopping) co_return out;
  s.duration.observe_ms(ms);
  if (!out) {
    s.failed.add();
    const std::string why = out.error().detail + " " + out.error().log_detail.substr(0, 500);
    // A failure that stays is told once.
    if (told[plan.name()] != why) spdlog::warn("sync of {}: {}", plan.name(), why);
    told[plan.name()] = why;
    co_return out;
  }
  told.erase(plan.name());
  s.well.add();
  s.written.add(static_cast<std::uint64_t>(out->written()));
  s.deleted.add(static_cast<std::uint64_t>(out->deleted));
  s.rejected.add(static_cast<std::uint64_t>(out->rejected));
  const auto level = out->did == "nothing changed" ? spdlog::level::debug : spdlog::level::info;
  spdlog::log(level, "sync of {} ({}): {}, {} read, {} written, {} deleted, {} rejected, {:.0f} ms",
              plan.name(), out->mode, out->did, out->read, out->written(), out->deleted, out->rejected, ms);
  co_return out;
}

awaitable<result<void>> keeper::impl::serve_request(run_request wanted) {
  result<run_outcome> out = failure{errc::input, "sync.tables has no " + wanted.name + " here"};
  const auto plan = find_plan(plans, wanted.name);
  const wall_time started = now();
  if (plan) {
    run_options options;
    options.full = wanted.full;
    options.allow_shrink = wanted.allow_shrink;
    out = co_await run(**plan, options);
    if (stopping || !holder.held()) co_return result<void>{};
  }
  const auto open = co_await runs.database();
  if (!open) co_return open.error();
  postgres::connection& session = **open;
  const auto finished = co_await finish_request(session, wanted.id, out);
  if (!finished) co_return finished.error();
  if (!plan) co_return result<void>{};
  if (out) {
    const std::string resume = resume_sql(**plan, out->run_id);
    co_await session.execute(resume, command_deadline());
  }
  const bool full = out && out->mode == "full";
  co_return co_await times.done(session, **plan, full, out.has_value(), started, now());
}

awaitable<result<bool>> keeper::impl::is_paused(postgres::connection& db, const std::string& name) {
  const auto row = co_await db.execute(
      "SELECT FROM gridlight.sync_pause WHERE name = " + postgres::connection::quote_literal(name),
      deadline_in(std::chrono::seconds{10}));
  if (!row) co_return row.error();
  co_return row->rows() > 0;
}

// One look, and what is to be done first.
awaitable<result<void>> keeper::impl::step() {
  leading->store(holder.held());
  if (!holder.held()) co_return result<void>{};
  const auto open = co_await runs.database();
  if (!open) co_return open.error();
  postgres::connection& db = **open;
  if (led_with != holder.token()) {
    const auto taken = co_await take_over(db);
    if (!taken) co_return taken.error();
  }
  auto wanted = co_await next_request(db);
  if (!wanted) co_return wanted.error();
  if (*wanted) {
    run_request first = std::move(**wanted);
    co_return co_await serve_request(std::move(first));
  }
  const wall_time started = now();
  const auto due = times.next(started);
  if (!due) {
    co_await pause(look_every);
    co_return result<void>{};
  }
  const auto paused = co_await is_paused(db, due->plan->name());
  if (!paused) co_return paused.error();
  // Looked at again when it would be due next.
  if (*paused) co_return co_await times.done(db, *due->plan, due->full, true, started, started);
  run_options options;
  options.full = due->full;
  const auto out = co_await run(*due->plan, options);
  if (stopping || !holder.held()) co_return result<void>{};
  const auto again = co_await runs.database();
  if (!again) co_return again.error();
  const bool full = out ? out->mode == "full" : due->full;
  co_return co_await times.done(**again, *due->plan, full, out.has_value(), started, now());
}

// Runs use all that the schema has. While it is a version behind, others that know that version keep the
// tables.
awaitable<void> keeper::impl::wait_for_schema() {
  constexpr std::chrono::milliseconds look_again{2000};
  while (!stopping && !retiring) {
    const auto open = co_await runs.database();
    if (!open) {
      co_await pause(look_every);
      continue;
    }
    const auto row = co_await (*open)->execute("SELECT coalesce(max(version), 0) < " +
                                                   std::to_string(expected_schema_version()) +
                                                   " FROM gridlight.schema_migration",
                                               deadline_in(std::chrono::seconds{10}));
    if (!row || row->text(0, 0) == "f") co_return;
    const std::string why = "it waits until the database's schema is version " +
                            std::to_string(expected_schema_version()) + "; run gridlight migrate";
    if (trouble != why) spdlog::warn("sync: {}", why);
    trouble = why;
    co_await pause(look_again);
  }
}

awaitable<void> keeper::impl::keep() {
  co_await wait_for_schema();
  holder.start();
  while (!stopping && !retiring) {
    const auto done = co_await step();
    const std::string why =
        done ? holder.trouble() : done.error().detail + " " + done.error().log_detail.substr(0, 300);
    if (!why.empty() && why != trouble && !stopping) spdlog::warn("sync: {}", why);
    trouble = why;
    if (!stopping && !retiring && (!done || !holder.held()))
      co_await pause(done ? look_every : std::chrono::milliseconds{2000});
  }
}

// What is thrown is a bug, and may be thrown again: the lease is given back, so that another instance may do
// better, before this one tries anew.
awaitable<void> keeper::impl::work() {
  constexpr std::chrono::seconds rest{5};
  while (!stopping && !retiring) {
    std::string broken;
    try {
      co_await keep();
    } catch (const std::exception& e) {
      broken = std::string{"exception: "} + e.what();
    } catch (...) {
      broken = "an exception of an unknown kind";
    }
    if (broken.empty()) break;
    spdlog::error("sync: it broke off and begins anew in {} s: {}", rest.count(), broken);
    leading->store(false);
    runs.reset();
    co_await holder.stop();
    if (!stopping && !retiring) co_await pause(rest);
  }
  leading->store(false);
  // A session's timer may be set for a day: as long as it is there, the thread would not end.
  runs.close();
  watcher.stop();
  co_await holder.stop();
}

keeper::keeper(std::unique_ptr<impl> p) : impl_(std::move(p)) {}

result<std::unique_ptr<keeper>> keeper::make(std::shared_ptr<const config> settings, metrics& counters) {
  if (!settings->sync.enabled) return std::unique_ptr<keeper>{};
  auto plans = make_plans(*settings);
  if (!plans) return plans.error();
  if (plans->empty()) return std::unique_ptr<keeper>{};
  return std::unique_ptr<keeper>{
      new keeper{std::make_unique<impl>(std::move(settings), counters, std::move(*plans))}};
}

result<void> keeper::check(const config& settings) {
  if (!settings.sync.enabled) return {};
  const auto plans = make_plans(settings);
  if (!plans) return plans.error();
  return {};
}

void keeper::start() {
  impl_->thread = std::thread{[p = impl_.get()] {
    lower_priority();
    const auto ended = [](std::exception_ptr e) {
      if (!e) return;
      try {
        std::rethrow_exception(e);
      } catch (const std::exception& what) {
        spdlog::error("the sync has ended: {}", what.what());
      }
    };
    asio::co_spawn(p->io, p->work(), ended);
    asio::co_spawn(p->io, p->watcher.run(), ended);
    p->io.run();
  }};
}

void keeper::ask_to_stop() {
  asio::post(impl_->io, [p = impl_.get()] {
    if (p->stopping) return;
    p->stopping = true;
    p->runs.stop();
    p->watcher.stop();
    p->timer.cancel();
  });
}

void keeper::retire() {
  if (!impl_->thread.joinable()) return;
  asio::post(impl_->io, [p = impl_.get()] {
    p->retiring = true;
    p->timer.cancel();
  });
  impl_->thread.join();
}

keeper::~keeper() {
  if (!impl_->thread.joinable()) return;
  ask_to_stop();
  impl_->thread.join();
}

}  // namespace gridlight::sync
