#include "sync/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/cron.hpp"
#include "sync/simple_query.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;
using std::chrono::milliseconds;
namespace {

awaitable<result<std::int64_t>> ask(connection& db, std::string sql) {
  const auto row = co_await db.execute(sql, deadline_in(std::chrono::seconds{10}));
  if (!row) co_return row.error();
  co_return number(row->text(0, 0));
}

bool has_reconcile(const table_plan& p) {
  return p.mode() == sync_mode::watermark || p.mode() == sync_mode::changes;
}

}  // namespace

awaitable<result<std::optional<wall_time>>> next_time(connection& db, schedule_text s, wall_time t) {
  using out = std::optional<wall_time>;
  if (s.never()) co_return out{};
  if (s.cron.empty()) co_return out{t + s.every};
  const auto line = cron_line::read(s.cron);
  if (!line) co_return failure{errc::input, s.cron + " is no cron line"};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const std::string zone = connection::quote_literal(s.timezone);
  const auto local =
      co_await ask(db, fmt::format("SELECT extract(epoch FROM to_timestamp({}) AT TIME ZONE {})::bigint",
                                   seconds.time_since_epoch().count(), zone));
  if (!local) co_return local.error();
  std::chrono::local_seconds at{std::chrono::seconds{*local}};
  // An hour that the clock shows twice may lead back before `t`.
  for (int i = 0; i < 200; ++i) {
    const auto next = line->next(at);
    if (!next) co_return out{};
    const auto utc =
        co_await ask(db, fmt::format("SELECT extract(epoch FROM (timestamp '1970-01-01' + {} * interval "
                                     "'1 second') AT TIME ZONE {})::bigint",
                                     next->time_since_epoch().count(), zone));
    if (!utc) co_return utc.error();
    const wall_time found{std::chrono::seconds{*utc}};
    if (found > t) co_return out{found};
    at = *next;
  }
  co_return out{};
}

awaitable<result<void>> schedule::set(connection& db, const table_plan& plan, std::optional<wall_time> ran,
                                      std::optional<wall_time> ran_full) {
  times& t = times_[plan.name()];
  t.run = t.full = std::nullopt;
  last_[plan.name()] = {ran, ran_full};
  if (!plan.config.schedule.never()) {
    t.run = wall_time{};
    if (ran) {
      const auto next = co_await next_time(db, plan.config.schedule, *ran);
      if (!next) co_return next.error();
      t.run = *next;
    }
  }
  // A table that never was read in full is so by its first run.
  if (has_reconcile(plan) && ran_full) {
    const auto next = co_await next_time(db, plan.config.reconcile, *ran_full);
    if (!next) co_return next.error();
    t.full = *next;
  }
  co_return result<void>{};
}

awaitable<result<void>> schedule::read(connection& db) {
  const auto rows = co_await db.execute(
      "SELECT layer, (extract(epoch FROM max(started_at)) * 1000)::bigint, (extract(epoch FROM "
      "max(started_at) FILTER "
      "(WHERE mode = 'full' AND status = 'success')) * 1000)::bigint FROM gridlight.sync_run WHERE mode IN "
      "('full', "
      "'watermark', 'changes', 'push', 'mirrored') AND status IN ('success', 'failed') AND started_at > "
      "now() - interval "
      "'40 days' AND error IS DISTINCT FROM 'interrupted' GROUP BY layer",
      deadline_in(std::chrono::seconds{30}));
  if (!rows) co_return rows.error();
  for (const table_plan& plan : plans_) {
    std::optional<wall_time> ran, full;
    for (int row = 0; row < rows->rows(); ++row) {
      if (rows->text(row, 0) != plan.name()) continue;
      if (!rows->is_null(row, 1)) ran = wall_time{milliseconds{number(rows->text(row, 1))}};
      if (!rows->is_null(row, 2)) full = wall_time{milliseconds{number(rows->text(row, 2))}};
    }
    const auto done = co_await set(db, plan, ran, full);
    if (!done) co_return done.error();
  }
  co_return result<void>{};
}

std::optional<schedule::due> schedule::next(wall_time now) const {
  std::optional<due> out;
  wall_time since = now;
  for (const table_plan& plan : plans_) {
    const auto at = times_.find(plan.name());
    if (at == times_.end()) continue;
    const times& t = at->second;
    const bool full = t.full && *t.full <= now;
    const auto when = full && (!t.run || *t.full < *t.run) ? t.full : t.run;
    if (!when || *when > since) continue;
    since = *when;
    out = due{&plan, full};
  }
  return out;
}

awaitable<result<void>> schedule::done(connection& db, const table_plan& plan, bool full, bool well,
                                       wall_time started, wall_time now) {
  auto [ran, ran_full] = last_[plan.name()];
  if (full && well) ran_full = started;
  const int failures = well ? 0 : times_[plan.name()].failures + 1;
  const auto planned = co_await set(db, plan, started, ran_full);
  if (!planned) co_return planned.error();
  times& t = times_[plan.name()];
  t.failures = failures;
  if (well) co_return result<void>{};
  const wall_time again =
      now + std::min(milliseconds{10'000} * (1 << std::min(failures - 1, 7)), milliseconds{900'000});
  // What is read in small steps goes on, though reading all of it failed.
  if (full && t.full)
    t.full = again;
  else if (t.run)
    t.run = std::min(*t.run, again);
  co_return result<void>{};
}

}  // namespace gridlight::sync
