#include "sync/sync_command.hpp"

#include <fmt/format.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>

#include "server/config_values.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/keeper.hpp"
#include "sync/lease.hpp"
#include "sync/progress.hpp"
#include "sync/requests.hpp"
#include "sync/run_record.hpp"
#include "sync/runner.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using postgres::connection;

awaitable<void> sleep(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, time};
  co_await timer.async_wait(boost::asio::use_awaitable);
}

// Shows phases and rows as they come.
class shown_progress {
 public:
  explicit shown_progress(std::string table) : table_(std::move(table)) {}
  void operator()(std::string_view phase, std::int64_t rows) {
    if (phase != phase_) {
      phase_ = phase;
      shown_.stage(table_ + ": " + phase_, 0);
      rows_ = 0;
    }
    shown_.add(rows - rows_);
    rows_ = rows;
  }

 private:
  std::string table_, phase_;
  std::int64_t rows_ = 0;
  progress shown_;
};

struct job {
  const config& settings;
  const sync_run_options& options;
  const std::vector<const table_plan*>& plans;

  int code = exit_code::ok;
  std::vector<std::string> changed = {};

  void tell(const table_plan& plan, const result<run_outcome>& out) {
    show(plan, outcome_json(out));
    if (!out) {
      print_failure("sync run " + plan.name(), out.error());
      code = exit_code::failed;
      return;
    }
    std::cerr << fmt::format(
        "{} ({}): {}; {} rows read, {} inserted, {} updated, {} deleted, {} rejected, {} now\n", plan.name(),
        out->mode, out->did, grouped(out->read), grouped(out->inserted), grouped(out->updated),
        grouped(out->deleted), grouped(out->rejected), grouped(out->final_count));
    if (out->written() + out->deleted > 0 && !options.dry_run)
      for (const layer_config& layer : plan.layers)
        changed.push_back(layer.name);
  }

  void show(const table_plan& plan, std::string json) {
    if (options.all) json.insert(1, fmt::format("\"table\":\"{}\",", plan.name()));
    std::cout << json << std::endl;
  }

  awaitable<void> run_here(runner& runs, const table_plan& plan, std::int64_t token) {
    run_options how;
    how.full = options.full;
    how.dry_run = options.dry_run;
    how.allow_shrink = options.allow_shrink;
    how.token = token;
    result<run_outcome> out = failure{errc::internal, ""};
    {
      const auto shown = std::make_shared<shown_progress>(plan.name());
      how.progress = [shown](std::string_view phase, std::int64_t rows) { (*shown)(phase, rows); };
      out = co_await runs.run(plan, std::move(how));
    }
    tell(plan, out);
    if (!out || options.dry_run) co_return;
    const auto db = co_await runs.database();
    const std::string resume = resume_sql(plan, out->run_id);
    if (db) co_await (*db)->execute(resume, command_deadline());
  }

  awaitable<result<std::int64_t>> ask(connection& db, const table_plan& plan, const std::string& server) {
    std::cerr << fmt::format("gridlight sync run: {} keeps the tables; asking it for {}\n", server,
                             plan.name());
    run_request wanted;
    wanted.name = plan.name();
    wanted.full = options.full;
    wanted.allow_shrink = options.allow_shrink;
    std::string by = "command " + instance_name();
    co_return co_await request_run(db, std::move(wanted), std::move(by));
  }

  // Until the server that has the lease has done it, or the lease is ours: whoever had it may end or die.
  awaitable<result<void>> run_one(runner& runs, lease& holder, const table_plan& plan) {
    const auto end = steady::now() + options.wait;
    std::optional<std::int64_t> id;
    std::string waits_for;
    for (;;) {
      const auto db = co_await runs.database();
      if (!db) co_return db.error();
      if (holder.held()) {
        bool ours = true;
        if (id) {
          const auto withdrawn = co_await withdraw_request(**db, *id, true);
          if (!withdrawn) co_return withdrawn.error();
          ours = *withdrawn;
        }
        if (ours) {
          const auto cleaned = co_await clean_up(**db, holder.token());
          if (!cleaned) co_return cleaned.error();
          co_await run_here(runs, plan, holder.token());
          co_return result<void>{};
        }
      }
      request_state state;
      if (id) {
        const auto now = co_await look_at_request(**db, *id);
        if (!now) co_return now.error();
        state = *now;
      } else if (serves_requests(holder.rival())) {
        const auto asked = co_await ask(**db, plan, holder.rival());
        if (!asked) co_return asked.error();
        id = *asked;
      } else if (holder.rival() != waits_for) {
        waits_for = holder.rival();
        std::cerr << fmt::format("gridlight sync run: {} has the lease; waiting for it\n", waits_for);
      }
      if (state.outcome) {
        show(plan, *state.outcome);
        if (state.outcome->find("\"success\"") == std::string::npos) code = exit_code::failed;
        co_return result<void>{};
      }
      if (!state.begun && steady::now() >= end) {
        bool late = false;
        if (id) {
          const auto withdrawn = co_await withdraw_request(**db, *id, false);
          if (!withdrawn) co_return withdrawn.error();
          late = !*withdrawn;
        }
        if (!late)
          co_return failure{errc::deadline,
                            fmt::format("{} has the lease, and did not come to {} within {}: nothing was "
                                        "changed",
                                        holder.rival(), plan.name(), config_detail::show(options.wait))};
      }
      co_await sleep(std::chrono::milliseconds{200});
    }
  }

  awaitable<result<void>> work(any_io_executor executor) {
    runner runs{executor, settings};
    const auto db = co_await runs.database();
    if (!db) co_return db.error();
    if (options.dry_run) {
      for (const table_plan* plan : plans)
        co_await run_here(runs, *plan, 0);
      co_return result<void>{};
    }
    lease holder{executor, lease_connection(settings.postgres), "command " + instance_name()};
    holder.start();
    co_await holder.wait(deadline_in(lease_life + std::chrono::seconds{4}));
    result<void> out;
    if (!holder.held() && holder.rival().empty())
      out = failure{errc::conflict, "the lease of the sync could not be had", {}, holder.trouble()};
    for (const table_plan* plan : plans)
      if (out) out = co_await run_one(runs, holder, *plan);
    co_await holder.stop();
    co_return out;
  }
};

awaitable<result<std::string>> count_all(any_io_executor executor, const config& settings,
                                         const std::vector<const table_plan*>& plans) {
  auto db = co_await open_for_command(executor, settings.postgres, "sync");
  if (!db) co_return db.error();
  std::string out;
  for (const table_plan* plan : plans) {
    const std::string sql =
        fmt::format("SELECT count(*) FROM {}.{}", connection::quote_identifier(plan->schema),
                    connection::quote_identifier(plan->table));
    const auto rows = co_await db->execute(sql, command_deadline());
    if (!rows) co_return rows.error();
    out += fmt::format("{}: all rows of the source are read, {} are in {}.{}\n", plan->name(),
                       std::string{rows->text(0, 0)}, plan->schema, plan->table);
  }
  co_return out;
}

}  // namespace

int run_sync(const config& settings, const sync_run_options& options) {
  constexpr std::string_view command = "sync run";
  const auto refuse = [&](const failure& f, int code) {
    print_failure(command, f);
    return code;
  };
  if (options.all == !options.table.empty())
    return refuse({errc::input, "say a table, or --all"}, exit_code::usage);
  const auto plans = make_plans(settings);
  if (!plans) return refuse(plans.error(), exit_code::usage);
  std::vector<const table_plan*> chosen;
  if (options.all) {
    for (const table_plan& p : *plans)
      chosen.push_back(&p);
    if (chosen.empty()) return refuse(find_plan(*plans, "").error(), exit_code::usage);
  } else {
    const auto one = find_plan(*plans, options.table);
    if (!one) return refuse(one.error(), exit_code::usage);
    chosen.push_back(*one);
  }
  if (options.all && options.full && !options.dry_run) {
    const auto what = postgres::run_blocking(
        [&](any_io_executor executor) { return count_all(executor, settings, chosen); });
    if (!what) return refuse(what.error(), exit_code::failed);
    if (const auto agreed = confirm(command, *what, options.yes, true); !agreed)
      return refuse(agreed.error(), exit_code::failed);
  }
  job j{settings, options, chosen};
  const auto done = postgres::run_blocking([&](any_io_executor executor) { return j.work(executor); });
  if (!done) return refuse(done.error(), exit_code::failed);
  if (!j.changed.empty()) build_after(settings, j.changed, "sync");
  return j.code;
}

}  // namespace gridlight::sync
