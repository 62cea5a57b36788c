#include "sync/run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "sync/command.hpp"
#include "sync/derived.hpp"
#include "sync/simple_query.hpp"
#include "sync/table_run.hpp"

namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;
namespace {

// What stays as it is is told once, as long as it does.
void tell(const std::string& table, const std::vector<std::string>& warnings) {
  static std::mutex one_at_a_time;
  static std::map<std::string, std::vector<std::string>> told;
  const std::lock_guard lock{one_at_a_time};
  std::vector<std::string>& before = told[table];
  for (const std::string& w : warnings)
    if (std::find(before.begin(), before.end(), w) == before.end()) spdlog::warn("sync of {}: {}", table, w);
  before = warnings;
}

}  // namespace

awaitable<result<void>> table_run::execute(std::string sql) {
  const auto done = co_await db_.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

void table_run::show(std::string_view phase) const {
  if (options_.progress) options_.progress(phase, rows_.read);
}

// A run that becomes one of all rows comes by the same place twice.
void table_run::warn(std::string what) {
  std::vector<std::string>& all = out_.warnings;
  if (std::find(all.begin(), all.end(), what) == all.end()) all.push_back(std::move(what));
}

void table_run::count(const difference& d) {
  out_.inserted = d.inserted;
  out_.updated = d.updated;
  out_.deleted = d.deleted;
}

table_pair table_run::tables() const {
  table_pair out{live(), staged(), plan_.key, {}, {}};
  for (const reading::column& c : reading_.columns)
    out.columns.push_back(c.target);
  for (const target_column& c : columns_)
    if (!c.generated && std::find(out.columns.begin(), out.columns.end(), c.name) == out.columns.end())
      out.kept.push_back(c.name);
  return out;
}

// What every change ends with. The fence comes last, so that the lease is held no longer than need be.
std::string table_run::ending_sql() const {
  const bool changed = out_.written() + out_.deleted > 0;
  const bool owes = changed && plan_.pulls();
  return success_sql(plan_, record_, rows_) + "; " +
         (owes ? owe_sql(plan_.schema, plan_.table, record_.id) : "") +
         watermark_sql(plan_, mark_, out_.written() + out_.deleted) + "; " + fence_sql(options_.token);
}

// A dry run leaves no trace: its number is taken, and nothing else.
awaitable<result<void>> table_run::begin() {
  if (!options_.dry_run) {
    auto begun = co_await begin_run(db_, plan_, out_.mode, options_.token);
    if (!begun) co_return begun.error();
    record_ = std::move(*begun);
    // What a lost session left behind; where that cannot be now, the next run does it.
    co_await clean_up(db_, options_.token);
  } else {
    const auto row = co_await db_.execute(
        "SELECT nextval(pg_get_serial_sequence('gridlight.sync_run', 'run_id'))", command_deadline());
    if (!row) co_return row.error();
    record_.id = number(row->text(0, 0));
  }
  out_.run_id = record_.id;
  co_return result<void>{};
}

awaitable<result<void>> table_run::roll_back_dry(const difference& d) {
  count(d);
  out_.did = d.all() == 0 ? "nothing would change" : "nothing was changed";
  if (options_.checksums) {
    const auto summed = co_await sum_up();
    if (!summed) co_return summed.error();
  }
  co_return co_await execute("ROLLBACK");
}

awaitable<result<void>> table_run::do_run() {
  if (!plan_.pulls()) co_return co_await push();
  auto step = co_await prepare();
  if (!step) co_return step;
  const bool all = options_.full || plan_.mode() == sync_mode::full || plan_.mode() == sync_mode::mirrored;
  if (all) co_return co_await full();
  if (plan_.mode() == sync_mode::watermark) co_return co_await watermark();
  co_return co_await changes();
}

awaitable<result<void>> table_run::finish() {
  out_.read = rows_.read;
  out_.rejected = rows_.rejected;
  out_.bytes = rows_.bytes;
  const auto row = co_await db_.execute("SELECT count(*) FROM " + live(), command_deadline());
  if (!row && db_.broken()) co_return row.error();
  if (row) out_.final_count = number(row->text(0, 0));
  if (!options_.dry_run) co_return co_await drop_kept(db_, options_.keep_previous);
  co_return result<void>{};
}

awaitable<result<run_outcome>> table_run::run() {
  out_.mode = mode_of(plan_, options_);
  auto step = co_await begin();
  if (!step) co_return step.error();
  step = co_await do_run();
  if (!step) {
    failure why = step.error();
    if (options_.given_up && *options_.given_up) why = **options_.given_up;
    if (is_fenced(why)) why.detail = "another instance has taken over the sync: nothing was changed";
    if (!options_.dry_run)
      co_await record_failure(db_, plan_, record_, rows_, why);
    else if (!db_.broken() && !db_.idle())
      co_await db_.execute("ROLLBACK", command_deadline());
    co_return why;
  }
  if (!options_.dry_run) {
    const auto derived = co_await derive(db_, record_.id, options_.token);
    if (!derived) warn(still_owed(derived.error()));
  }
  tell(plan_.name(), out_.warnings);
  // What was done stands, whatever the counting says.
  const auto counted = co_await finish();
  if (!counted && db_.broken()) co_return counted.error();
  co_return std::move(out_);
}

std::string mode_of(const table_plan& plan, const run_options& options) {
  const bool full = options.full && plan.pulls() && plan.mode() != sync_mode::mirrored;
  return std::string{name(full ? sync_mode::full : plan.mode())};
}

awaitable<void> record_unread(connection& db, const table_plan& plan, run_options options, failure why) {
  if (options.dry_run) co_return;
  std::string mode = mode_of(plan, options);
  const auto begun = co_await begin_run(db, plan, std::move(mode), options.token);
  if (begun) co_await record_failure(db, plan, *begun, filled{}, std::move(why));
}

awaitable<void> record_lost(connection& db, const table_plan& plan, std::int64_t token, failure why) {
  const auto running = co_await db.execute(
      fmt::format("SELECT max(run_id) FROM gridlight.sync_run WHERE layer = {} AND status = 'running' AND "
                  "mode <> 'load' AND fencing_token = {}",
                  connection::quote_literal(plan.name()), token),
      command_deadline());
  if (!running || running->is_null(0, 0)) co_return;
  const begun_run lost{number(running->text(0, 0)), {}};
  co_await record_failure(db, plan, lost, filled{}, std::move(why));
}

awaitable<result<run_outcome>> run_table(connection& db, source& from, const table_plan& plan,
                                         run_options options) {
  table_run run{db, from, plan, std::move(options)};
  co_return co_await run.run();
}

bool is_fenced(const failure& f) {
  return is_sqlstate(f, "GL001");
}

}  // namespace gridlight::sync
