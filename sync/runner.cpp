#include "sync/runner.hpp"

#include <boost/asio/steady_timer.hpp>

#include "server/config_values.hpp"
#include "sync/command.hpp"
#include "sync/source_postgres.hpp"
#include "sync/source_snowflake.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;
namespace {

failure of_source(std::string_view key, failure f) {
  f.detail = "the source, " + std::string{key} + ": " + f.detail;
  return f;
}

}  // namespace

runner::runner(boost::asio::any_io_executor executor, const config& settings)
    : executor_(std::move(executor)), settings_(settings) {}

awaitable<result<postgres::connection*>> runner::database() {
  if (db_ && !db_->broken() && !db_->idle()) co_await db_->execute("ROLLBACK", command_deadline());
  if (db_ && (db_->broken() || !db_->alive())) db_.reset();
  if (!db_) {
    auto opened = co_await open_for_command(executor_, settings_.postgres, "sync");
    if (!opened) co_return opened.error();
    db_.emplace(std::move(*opened));
    const auto meant = command_connection(settings_.postgres, "sync");
    postgres::warn_of_limits("sync", postgres::difference(meant, db_->limits()));
    const auto ready =
        co_await db_->execute("SELECT to_regclass('gridlight.sync_lease') IS NOT NULL", command_deadline());
    if (!ready) co_return ready.error();
    if (ready->text(0, 0) != "t")
      co_return failure{errc::schema_mismatch,
                        "the database has no gridlight.sync_lease: run gridlight migrate first"};
  }
  co_return &*db_;
}

awaitable<result<source*>> runner::source_of(const table_plan& plan) {
  if (plan.from_snowflake()) {
    if (!snowflake_) {
      auto opened = open_snowflake(executor_, settings_.sync.snowflake);
      if (!opened) co_return of_source("sync.snowflake", opened.error());
      snowflake_ = std::move(*opened);
    }
    co_return snowflake_.get();
  }
  auto opened =
      co_await open_postgres(executor_, settings_.postgres, plan.config.connection, plan.config.batch_size);
  if (!opened) {
    const std::string key = "sync.tables." + plan.name() + ".connection";
    co_return of_source(key, opened.error());
  }
  mirrored_ = std::move(*opened);
  co_return mirrored_.get();
}

awaitable<result<run_outcome>> runner::run(const table_plan& plan, run_options options) {
  if (stopped_) co_return failure{errc::shutting_down, "stopped"};
  const auto db = co_await database();
  if (!db) co_return db.error();
  const auto from = co_await source_of(plan);
  if (!from) {
    co_await record_unread(**db, plan, std::move(options), from.error());
    co_return from.error();
  }
  options.keep_previous = settings_.sync.keep_previous;
  const auto given_up = std::make_shared<std::optional<failure>>();
  options.given_up = given_up;
  const bool recorded = !options.dry_run;
  const std::int64_t token = options.token;
  boost::asio::steady_timer limit{executor_, settings_.sync.run_timeout};
  limit.async_wait([this, given_up, most = settings_.sync.run_timeout](boost::system::error_code cancelled) {
    if (cancelled) return;
    *given_up =
        failure{errc::deadline, "the run took longer than sync.run_timeout, " + config_detail::show(most) +
                                    ", and was given up: nothing was changed"};
    give_up("the run took too long");
  });
  auto out = co_await run_table(**db, **from, plan, std::move(options));
  limit.cancel();
  mirrored_.reset();
  if (*given_up) {
    reset();
    if (!out) out = **given_up;
  }
  if (out || !recorded || stopped_ || (db_ && !db_->broken())) co_return out;
  const auto again = co_await database();
  if (again) co_await record_lost(**again, plan, token, out.error());
  co_return out;
}

void runner::give_up(std::string_view why) {
  if (snowflake_) snowflake_->stop();
  if (mirrored_) mirrored_->stop();
  if (db_) db_->give_up(why, true);
}

void runner::stop() {
  stopped_ = true;
  give_up("the sync is stopped");
}

void runner::reset() {
  mirrored_.reset();
  snowflake_.reset();
  db_.reset();
}

void runner::close() {
  stopped_ = true;
  reset();
}

}  // namespace gridlight::sync
