#include <fmt/format.h>

#include <iostream>

#include "server/config_values.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/load/target.hpp"
#include "sync/reading.hpp"
#include "sync/run_record.hpp"
#include "sync/runner.hpp"
#include "sync/schedule.hpp"
#include "sync/sync_command.hpp"
#include "sync/watermark.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using postgres::connection;

std::string schedule_text_of(const schedule_text& s) {
  if (s.never()) return "never";
  return s.cron.empty() ? "every " + config_detail::show(s.every) : s.cron + " (" + s.timezone + ")";
}

struct job {
  const config& settings;
  const table_plan& plan;
  bool has_mark = false;

  static void line(std::string_view what, std::string_view value) {
    std::cout << fmt::format("{:<16} {}\n", what, value);
  }

  awaitable<result<void>> source_part(connection& db, source& from) {
    const auto columns = co_await read_target(db, plan.schema, plan.table);
    if (!columns) co_return columns.error();
    const auto has = co_await describe(from, relation_of(plan), command_deadline());
    if (!has) co_return has.error();
    const auto read = make_reading(plan, from, *has, *columns);
    if (!read) co_return read.error();
    line("reads, in full", read->sql());
    source_query all{"SELECT COUNT(*) AS N FROM (" + read->sql() + ") AS gridlight_counted"};
    const auto count = co_await first_row(from, std::move(all), command_deadline());
    if (!count) co_return count.error();
    line("rows there", count->at(0).value_or("?"));
    const auto mark = co_await read_watermark(db, plan);
    if (!mark) co_return mark.error();
    has_mark = mark->has_value();
    if (plan.mode() != sync_mode::watermark && plan.mode() != sync_mode::changes) co_return result<void>{};
    if (!*mark) {
      line("next run", "all rows: there is no mark yet");
      co_return result<void>{};
    }
    if (plan.mode() == sync_mode::changes) {
      line("next run", fmt::format("what changed after {} UTC", time_text(**mark, 3)));
      co_return result<void>{};
    }
    for (const source_column& c : *has) {
      if (c.name != plan.config.watermark) continue;
      const auto column = mark_column::of(c, from);
      if (!column) co_return column.error();
      std::int64_t since = **mark;
      if (column->is_time()) since -= std::chrono::nanoseconds{plan.config.overlap}.count();
      const std::string sql = read->sql({}, column->sql() + " >= " + column->bound_sql());
      line("next run", fmt::format("{}   (? is {})", sql, column->text(since)));
      source_query q{"SELECT COUNT(*) AS N FROM (" + sql + ") AS gridlight_counted", {column->text(since)}};
      const auto some = co_await first_row(from, std::move(q), command_deadline());
      if (!some) co_return some.error();
      line("rows of it", some->at(0).value_or("?"));
    }
    co_return result<void>{};
  }

  awaitable<result<void>> push_part(connection& db) {
    line("goes to", plan.config.target);
    const auto mark = co_await read_watermark(db, plan);
    if (!mark) co_return mark.error();
    line("next run", *mark ? fmt::format("rows whose {} is at or above the mark, less {}",
                                         plan.config.watermark, config_detail::show(plan.config.overlap))
                           : "all rows: there is no mark yet");
    co_return result<void>{};
  }

  // What it would change is found as a run finds it, and nothing is kept of it.
  awaitable<result<void>> try_it(runner& runs) {
    run_options how;
    how.dry_run = true;
    const auto out = co_await runs.run(plan, std::move(how));
    if (!out) co_return out.error();
    if (plan.mode() == sync_mode::changes && out->mode == "full" && has_mark)
      line("reads all", "what changed since the mark is not known (change tracking is off, or too long ago)");
    if (!plan.pulls())
      line("would send", fmt::format("{} rows", out->read));
    else
      line("would change", fmt::format("{} rows read, {} inserted, {} updated, {} deleted, {} rejected",
                                       out->read, out->inserted, out->updated, out->deleted, out->rejected));
    co_return result<void>{};
  }

  awaitable<result<void>> work(any_io_executor executor) {
    runner runs{executor, settings};
    const auto open = co_await runs.database();
    if (!open) co_return open.error();
    connection& db = **open;
    line("table", fmt::format("{}.{}, key {}", plan.schema, plan.table, fmt::join(plan.key, ", ")));
    line("mode", name(plan.mode()));
    line("schedule", schedule_text_of(plan.config.schedule));
    if (plan.mode() == sync_mode::watermark || plan.mode() == sync_mode::changes)
      line("in full", schedule_text_of(plan.config.reconcile));
    const auto here =
        co_await db.execute("SELECT count(*) FROM " + connection::quote_identifier(plan.schema) + "." +
                                connection::quote_identifier(plan.table),
                            command_deadline());
    if (!here) co_return here.error();
    line("rows here", here->text(0, 0));
    if (plan.pulls()) {
      const auto from = co_await runs.source_of(plan);
      if (!from) co_return from.error();
      const auto read = co_await source_part(db, **from);
      if (!read) co_return read.error();
    } else {
      const auto sent = co_await push_part(db);
      if (!sent) co_return sent.error();
    }
    const auto cost = co_await db.execute(
        fmt::format(
            "SELECT mode, count(*), coalesce(round(avg(extract(epoch FROM finished_at - "
            "started_at))::numeric, 2), "
            "0), coalesce(round(avg(bytes)), 0), coalesce(round(avg(rows_read)), 0) FROM (SELECT * FROM "
            "gridlight.sync_run WHERE layer = {} AND status = 'success' ORDER BY run_id DESC LIMIT 100) r "
            "GROUP BY "
            "mode ORDER BY mode",
            connection::quote_literal(plan.name())),
        command_deadline());
    if (!cost) co_return cost.error();
    for (int row = 0; row < cost->rows(); ++row)
      line("cost, " + std::string{cost->text(row, 0)},
           fmt::format("mean of the last {} runs: {} s, {} bytes, {} rows read",
                       std::string{cost->text(row, 1)}, std::string{cost->text(row, 2)},
                       std::string{cost->text(row, 3)}, std::string{cost->text(row, 4)}));
    std::cout << std::flush;
    const auto tried = co_await try_it(runs);
    std::cout << std::flush;
    co_return tried;
  }
};

}  // namespace

int run_sync_explain(const config& settings, const std::string& table) {
  const auto refuse = [](const failure& f, int code) {
    print_failure("sync explain", f);
    return code;
  };
  const auto plans = make_plans(settings);
  if (!plans) return refuse(plans.error(), exit_code::usage);
  const auto plan = find_plan(*plans, table);
  if (!plan) return refuse(plan.error(), exit_code::usage);
  job j{settings, **plan};
  const auto done = postgres::run_blocking([&](any_io_executor executor) { return j.work(executor); });
  if (!done) return refuse(done.error(), exit_code::failed);
  return exit_code::ok;
}

}  // namespace gridlight::sync
