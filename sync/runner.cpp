#include "sync/runner.hpp"

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
  auto out = co_await run_table(**db, **from, plan, std::move(options));
  mirrored_.reset();
  co_return out;
}

void runner::stop() {
  stopped_ = true;
  if (snowflake_) snowflake_->stop();
  if (mirrored_) mirrored_->stop();
  if (db_) db_->give_up("the sync is stopped", true);
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
