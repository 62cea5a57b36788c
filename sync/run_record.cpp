#include "sync/run_record.hpp"

#include <fmt/format.h>

#include "sync/command.hpp"
#include "sync/load/storable.hpp"
#include "sync/simple_query.hpp"
#include "sync/staging.hpp"
#include "sync/swap.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

std::string literal(std::string_view text) {
  return connection::quote_literal(storable(std::string{text}));
}

std::string array_of(const std::vector<std::pair<std::string, std::string>>& values, bool names) {
  std::string out = "ARRAY[";
  for (std::size_t i = 0; i < values.size(); ++i)
    out.append(i == 0 ? "" : ", ").append(literal(names ? values[i].first : values[i].second));
  return out + "]::text[]";
}

std::string errors_sql(const table_plan& plan, std::int64_t run_id, const filled& rows) {
  std::string sql;
  for (std::size_t i = 0; i < rows.rejects.size(); ++i) {
    const rejected_row& r = rows.rejects[i];
    sql += i % 500 == 0 ? "; INSERT INTO gridlight.sync_error (run_id, layer, key, reason, payload) VALUES "
                        : ", ";
    sql += fmt::format("({}, {}, {}, {}, {})", run_id, connection::quote_literal(plan.name()),
                       r.key.empty() ? "NULL" : literal(r.key), literal(r.reason),
                       r.values.empty() ? "NULL"
                                        : fmt::format("jsonb_object({}, {})", array_of(r.values, true),
                                                      array_of(r.values, false)));
  }
  return sql;
}

}  // namespace

awaitable<result<begun_run>> begin_run(connection& db, const table_plan& plan, std::string mode,
                                       std::int64_t token) {
  // A table has one run at a time: an earlier one that still seems to run has lost its session.
  const std::string sql = fmt::format(
      "UPDATE gridlight.sync_run SET status = 'failed', finished_at = now(), error = 'interrupted' WHERE "
      "layer = {0} "
      "AND status = 'running' AND mode <> 'load' AND fencing_token <= {3}; "
      "INSERT INTO gridlight.sync_run (layer, mode, direction, fencing_token) VALUES ({0}, {1}, '{2}', {3}) "
      "RETURNING run_id, started_at",
      connection::quote_literal(plan.name()), connection::quote_literal(mode), plan.pulls() ? "pull" : "push",
      token);
  const auto row = co_await db.execute(sql, command_deadline());
  if (!row) co_return row.error();
  co_return begun_run{number(row->text(0, 0)), std::string{row->text(0, 1)}};
}

std::string fence_sql(std::int64_t token) {
  return fmt::format("SELECT gridlight.sync_fence({})", token);
}

std::string own_sql(std::int64_t run_id) {
  return fmt::format("SELECT gridlight.sync_own({})", run_id);
}

std::string success_sql(const table_plan& plan, const begun_run& run, const filled& rows) {
  std::string sql = own_sql(run.id) + "; ";
  sql += fmt::format(
      "UPDATE gridlight.sync_run SET status = 'success', finished_at = clock_timestamp(), rows_read = {}, "
      "rows_rejected = {}, bytes = {} WHERE run_id = {}",
      rows.read, rows.rejected, rows.bytes, run.id);
  sql += errors_sql(plan, run.id, rows);
  if (plan.pulls())
    for (const layer_config& layer : plan.layers)
      sql += fmt::format(
          "; INSERT INTO gridlight.layer_state (layer, version, changed_at, source_synced_at) VALUES ({0}, "
          "1, "
          "now(), {1}) ON CONFLICT (layer) DO UPDATE SET source_synced_at = excluded.source_synced_at",
          connection::quote_literal(layer.name), connection::quote_literal(run.started));
  return sql;
}

std::string watermark_sql(const table_plan& plan, std::optional<std::int64_t> mark, std::int64_t rows) {
  return fmt::format(
      "INSERT INTO gridlight.sync_watermark AS w (source_table, last_watermark, last_run, last_status, "
      "rows_processed) VALUES ({}, {}, clock_timestamp(), '{}', {}) ON CONFLICT (source_table) DO UPDATE SET "
      "last_watermark = coalesce(excluded.last_watermark, w.last_watermark), last_run = excluded.last_run, "
      "last_status = excluded.last_status, last_error = NULL, rows_processed = w.rows_processed + "
      "excluded.rows_processed",
      connection::quote_literal(plan.name()), mark ? std::to_string(*mark) : "NULL", rows > 0 ? "ok" : "idle",
      rows);
}

std::string resume_sql(const table_plan& plan, std::int64_t run_id) {
  return fmt::format(
      "DELETE FROM gridlight.sync_pause p USING gridlight.sync_run r WHERE p.name = {} AND r.run_id = {} AND "
      "p.since <= r.started_at",
      connection::quote_literal(plan.name()), run_id);
}

awaitable<void> record_failure(connection& db, const table_plan& plan, const begun_run& run,
                               const filled& rows, failure f) {
  if (db.broken()) co_return;
  if (!db.idle()) co_await db.execute("ROLLBACK", command_deadline());
  std::string why = f.detail;
  if (!f.log_detail.empty()) why += " (" + f.log_detail.substr(0, f.log_detail.find("; in: ")) + ")";
  std::string sql = fmt::format("DROP TABLE IF EXISTS {}; ", qualified(plan.schema, staging_name(run.id)));
  sql += fmt::format(
      "UPDATE gridlight.sync_run SET status = 'failed', finished_at = clock_timestamp(), rows_read = {}, "
      "rows_written = 0, rows_deleted = 0, rows_rejected = {}, bytes = {}, error = {} WHERE run_id = {} AND "
      "status = 'running'",
      rows.read, rows.rejected, rows.bytes, literal(why), run.id);
  sql += errors_sql(plan, run.id, rows);
  sql += fmt::format(
      "; INSERT INTO gridlight.sync_watermark (source_table, last_run, last_status, last_error) VALUES ({}, "
      "clock_timestamp(), 'error', {}) ON CONFLICT (source_table) DO UPDATE SET last_run = "
      "excluded.last_run, "
      "last_status = 'error', last_error = excluded.last_error",
      connection::quote_literal(plan.name()), literal(why));
  co_await db.execute(sql, command_deadline());
}

awaitable<result<std::optional<std::int64_t>>> read_watermark(connection& db, const table_plan& plan) {
  const auto row =
      co_await db.execute("SELECT last_watermark FROM gridlight.sync_watermark WHERE source_table = " +
                              connection::quote_literal(plan.name()),
                          command_deadline());
  if (!row) co_return row.error();
  std::optional<std::int64_t> out;
  if (row->rows() == 1 && !row->is_null(0, 0)) out = number(row->text(0, 0));
  co_return out;
}

namespace {

// A lock that cannot be had is somebody else's to give back: the next start finds the table again.
awaitable<result<void>> drop_tables(connection& db, std::string which) {
  const auto rows = co_await db.execute(which, command_deadline());
  if (!rows) co_return rows.error();
  for (int row = 0; row < rows->rows(); ++row) {
    const auto dropped =
        co_await db.execute("DROP TABLE IF EXISTS " + std::string{rows->text(row, 0)}, command_deadline());
    if (!dropped && !is_sqlstate(dropped.error(), "55P03")) co_return dropped.error();
  }
  co_return result<void>{};
}

}  // namespace

awaitable<result<void>> clean_up(connection& db, std::int64_t token) {
  const auto done = co_await drop_tables(
      db,
      fmt::format(
          "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = "
          "c.relnamespace JOIN gridlight.sync_run r ON r.run_id::text = substring(c.relname FROM "
          "'^gridlight_new_(\\d+)$') WHERE c.relkind = 'r' AND r.mode <> 'load' AND (r.status <> 'running' "
          "OR r.fencing_token < {})",
          token));
  if (!done) co_return done.error();
  const auto marked = co_await db.execute(
      fmt::format(
          "UPDATE gridlight.sync_run SET status = 'failed', finished_at = now(), error = 'interrupted' "
          "WHERE status = 'running' AND mode <> 'load' AND fencing_token < {}",
          token),
      command_deadline());
  if (!marked) co_return marked.error();
  co_return result<void>{};
}

awaitable<result<void>> drop_kept(connection& db, std::chrono::milliseconds keep) {
  co_return co_await drop_tables(
      db, fmt::format(
              "SELECT name FROM (SELECT format('%I.%I', n.nspname, c.relname) AS name, r.finished_at, "
              "row_number() "
              "OVER (PARTITION BY r.layer ORDER BY r.run_id DESC) AS nth FROM pg_class c JOIN pg_namespace n "
              "ON n.oid = "
              "c.relnamespace JOIN gridlight.sync_run r ON r.run_id::text = substring(c.relname FROM "
              "'^gridlight_old_(\\d+)$') WHERE c.relkind = 'r' AND r.mode <> 'load') kept WHERE nth > 1 OR "
              "finished_at < now() - interval '{} ms'",
              keep.count()));
}

}  // namespace gridlight::sync
