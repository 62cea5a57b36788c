#include <fmt/format.h>

#include <iostream>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/derived.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/keeper.hpp"
#include "sync/lease.hpp"
#include "sync/likeness.hpp"
#include "sync/load/target.hpp"
#include "sync/progress.hpp"
#include "sync/requests.hpp"
#include "sync/run_record.hpp"
#include "sync/simple_query.hpp"
#include "sync/swap.hpp"
#include "sync/sync_command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using postgres::connection;

struct kept_table {
  std::int64_t run_id = 0, rows = 0;
  std::string name, replaced_at;
};

awaitable<result<void>> execute(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<kept_table>> find_kept(connection& db, const table_plan& plan) {
  const auto row = co_await db.execute(
      fmt::format("SELECT r.run_id, c.relname, r.finished_at FROM pg_class c JOIN pg_namespace n ON n.oid = "
                  "c.relnamespace JOIN gridlight.sync_run r ON r.run_id::text = substring(c.relname FROM "
                  "'^gridlight_old_(\\d+)$') WHERE c.relkind = 'r' AND n.nspname = {} AND r.layer = {} AND "
                  "r.mode <> 'load' "
                  "ORDER BY r.run_id DESC LIMIT 1",
                  connection::quote_literal(plan.schema), connection::quote_literal(plan.name())),
      command_deadline());
  if (!row) co_return row.error();
  if (row->rows() == 0)
    co_return failure{
        errc::conflict,
        fmt::format("no earlier table of {} is kept: there was no swap within sync.keep_previous",
                    plan.name())};
  kept_table out{number(row->text(0, 0)), 0, std::string{row->text(0, 1)}, std::string{row->text(0, 2)}};
  const auto count =
      co_await db.execute("SELECT count(*) FROM " + qualified(plan.schema, out.name), command_deadline());
  if (!count) co_return count.error();
  out.rows = number(count->text(0, 0));
  co_return out;
}

// What make_alike() takes as it finds it: columns and their identities.
awaitable<result<std::string>> read_columns(connection& db, std::string oid) {
  const auto row = co_await db.execute(
      "SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), "
      "a.attcollation, "
      "a.attnotnull, a.attidentity, CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END, "
      "q.seqtypid, q.seqstart, q.seqincrement, q.seqmax, q.seqmin, q.seqcache, q.seqcycle), ', ' ORDER BY "
      "a.attnum) "
      "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
      "LEFT JOIN (pg_depend s JOIN pg_sequence q ON s.classid = 'pg_class'::regclass AND s.objid = "
      "q.seqrelid) "
      "ON s.refclassid = 'pg_class'::regclass AND s.refobjid = a.attrelid AND s.refobjsubid = a.attnum AND "
      "s.deptype = 'i' WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = " +
          oid,
      command_deadline());
  if (!row) co_return row.error();
  co_return std::string{row->text(0, 0)};
}

// Its indexes under the names of a staging table's. What was altered since cannot be undone; what
// make_alike() knows can.
awaitable<result<std::string>> as_staging_sql(connection& db, const table_plan& plan, const table_shape& live,
                                              kept_table kept, std::int64_t run_id) {
  const auto old = co_await read_shape(db, plan.schema, kept.name, obstacles::ignore);
  if (!old) co_return old.error();
  const auto was = co_await read_columns(db, old->oid);
  if (!was) co_return was.error();
  const auto is = co_await read_columns(db, live.oid);
  if (!is) co_return is.error();
  bool same = *was == *is && old->indexes.size() == live.indexes.size() && old->checks == live.checks &&
              old->persistence == live.persistence;
  std::string sql = "ALTER TABLE " + qualified(plan.schema, kept.name) + " RENAME TO " +
                    connection::quote_identifier(staging_name(run_id)) + "; ";
  std::vector<bool> taken(old->indexes.size());
  for (std::size_t n = 0; same && n < live.indexes.size(); ++n) {
    std::size_t at = 0;
    while (at < old->indexes.size() && (taken[at] || !old->indexes[at].same_as(live.indexes[n])))
      ++at;
    same = at < old->indexes.size();
    if (!same) break;
    taken[at] = true;
    sql += "ALTER INDEX " + qualified(plan.schema, old->indexes[at].name) + " RENAME TO " +
           connection::quote_identifier(new_index_name(run_id, n)) + "; ";
  }
  if (!same)
    co_return failure{errc::conflict,
                      qualified(plan.schema, plan.table) +
                          " has other columns, indexes or constraints than it had: it cannot be rolled back"};
  co_return sql;
}

awaitable<result<void>> put_back(connection& db, const table_plan& plan, kept_table kept, std::int64_t token,
                                 std::chrono::milliseconds keep) {
  const auto live = co_await read_shape(db, plan.schema, plan.table);
  if (!live) co_return live.error();
  const auto columns = co_await read_target(db, plan.schema, plan.table);
  if (!columns) co_return columns.error();
  const auto run = co_await begin_run(db, plan, "rollback", token);
  if (!run) co_return run.error();
  auto sql = co_await as_staging_sql(db, plan, *live, kept, run->id);
  if (!sql) co_return sql.error();
  // Renamed first, in a transaction of its own: should the swap fail, it gets its name back.
  const std::string begin = "BEGIN; " + *sql + fence_sql(token);
  result<void> step = co_await execute(db, begin);
  if (step) step = co_await make_alike(db, *live, run->id);
  if (step) step = co_await execute(db, "COMMIT");
  if (!step) {
    if (!db.idle()) co_await db.execute("ROLLBACK", command_deadline());
    co_return step;
  }
  swap_request request;
  request.live = *live;
  request.run_id = run->id;
  request.keep_old = keep.count() > 0;
  for (const layer_config& layer : plan.layers) {
    request.layers.push_back(layer.name);
    if (request.geometry.empty()) request.geometry = place_sql(layer, *columns);
  }
  filled rows;
  rows.read = kept.rows;
  // The mark goes back too: the next run reads all rows.
  request.record_sql =
      success_sql(plan, *run, rows) +
      fmt::format(
          "; UPDATE gridlight.sync_run SET rows_written = {} WHERE run_id = {}; DELETE FROM "
          "gridlight.sync_watermark WHERE source_table = {}; INSERT INTO gridlight.sync_pause (name, reason) "
          "VALUES ({}, 'rolled back') ON CONFLICT (name) DO UPDATE SET since = excluded.since; {}; {}{}",
          kept.rows, run->id, connection::quote_literal(plan.name()), connection::quote_literal(plan.name()),
          withdraw_requests_sql(plan.name(), "rolled back"), owe_sql(plan.schema, plan.table, run->id),
          fence_sql(token));
  auto done = co_await execute(db, "ANALYZE " + qualified(plan.schema, staging_name(run->id)));
  if (done) done = co_await swap_in(db, std::move(request));
  if (!done && !db.broken()) {
    const std::string undo = fmt::format(
        "ALTER TABLE {} RENAME TO {}; UPDATE gridlight.sync_run SET status = 'failed', finished_at = "
        "clock_timestamp() WHERE run_id = {}",
        qualified(plan.schema, staging_name(run->id)), connection::quote_identifier(kept.name), run->id);
    co_await db.execute(undo, command_deadline());
  }
  if (!done) co_return done;
  const auto derived = co_await derive(db, run->id, token);
  if (!derived) std::cerr << "gridlight rollback: " << still_owed(derived.error()) << std::endl;
  co_return done;
}

struct job {
  const config& settings;
  const table_plan& plan;
  const rollback_options& options;

  awaitable<result<kept_table>> look(any_io_executor executor) {
    auto db = co_await open_for_command(executor, settings.postgres, "rollback");
    if (!db) co_return db.error();
    co_return co_await find_kept(*db, plan);
  }

  awaitable<result<void>> work(any_io_executor executor, kept_table kept) {
    auto db = co_await open_for_command(executor, settings.postgres, "rollback");
    if (!db) co_return db.error();
    // A run that is under way must not write on top of what is put back, nor its mark: it loses its lease.
    lease holder{executor, lease_connection(settings.postgres), "rollback " + instance_name()};
    holder.seize();
    const bool held = co_await holder.wait(deadline_in(lease_life + std::chrono::seconds{4}));
    result<void> done = failure{
        errc::conflict, "the lease of the sync could not be had: nothing was changed", {}, holder.trouble()};
    if (held) done = co_await roll_back(*db, kept, holder.token());
    co_await holder.stop();
    co_return done;
  }

  awaitable<result<void>> roll_back(connection& db, kept_table agreed, std::int64_t token) {
    const auto kept = co_await find_kept(db, plan);
    if (!kept) co_return kept.error();
    if (kept->run_id != agreed.run_id)
      co_return failure{errc::conflict, plan.name() + " was replaced meanwhile: nothing was changed"};
    co_return co_await put_back(db, plan, *kept, token, settings.sync.keep_previous);
  }
};

}  // namespace

int run_rollback(const config& settings, const rollback_options& options) {
  constexpr std::string_view command = "rollback";
  const auto refuse = [&](const failure& f, int code) {
    print_failure(command, f);
    return code;
  };
  const auto plans = make_plans(settings);
  if (!plans) return refuse(plans.error(), exit_code::usage);
  const auto plan = find_plan(*plans, options.layer);
  if (!plan) return refuse(plan.error(), exit_code::usage);
  job j{settings, **plan, options};
  const auto kept = postgres::run_blocking([&](any_io_executor executor) { return j.look(executor); });
  if (!kept) return refuse(kept.error(), exit_code::failed);
  const std::string what = fmt::format(
      "{}.{} will be as it was before {}, with {} rows; what was merged since is undone, and the schedule "
      "leaves the "
      "table alone until gridlight sync run {}\n",
      (*plan)->schema, (*plan)->table, kept->replaced_at, grouped(kept->rows), (*plan)->name());
  if (const auto agreed = confirm(command, what, options.yes, true); !agreed)
    return refuse(agreed.error(), exit_code::failed);
  const auto done = postgres::run_blocking([&](any_io_executor executor) { return j.work(executor, *kept); });
  if (!done) return refuse(done.error(), exit_code::failed);
  std::cout << fmt::format("{{\"status\":\"success\",\"final_count\":{}}}", kept->rows) << std::endl;
  std::vector<std::string> layers;
  for (const layer_config& layer : (*plan)->layers)
    layers.push_back(layer.name);
  if (!layers.empty()) build_after(settings, layers, "sync");
  return exit_code::ok;
}

}  // namespace gridlight::sync
