#include "sync/swap.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/command.hpp"
#include "sync/likeness.hpp"
#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::chrono::milliseconds pause{250};

awaitable<result<void>> run(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

void rename(std::string& sql, std::string_view kind, const std::string& schema, std::string_view from,
            std::string_view to) {
  sql.append("ALTER ").append(kind).append(" ").append(qualified(schema, from));
  sql.append(" RENAME TO ").append(ident(to)).append("; ");
}

// The live table out of the way, the new one and its indexes to their names.
std::string rename_sql(const swap_request& r) {
  const std::string staged = staging_name(r.run_id), old = replaced_name(r.run_id);
  std::string sql;
  if (!r.live.oid.empty()) {
    rename(sql, "TABLE", r.live.schema, r.live.name, old);
    for (std::size_t n = 0; n < r.live.indexes.size(); ++n)
      rename(sql, "INDEX", r.live.schema, r.live.indexes[n].name, old + "_" + std::to_string(n + 1));
  }
  rename(sql, "TABLE", r.live.schema, staged, r.live.name);
  for (std::size_t n = 0; n < r.live.indexes.size(); ++n)
    rename(sql, "INDEX", r.live.schema, new_index_name(r.run_id, n), r.live.indexes[n].name);
  return sql;
}

// The envelope is that of the old and the new rows. Old bounds that are not known make it null: everything.
// The version is given at the commit; that of a layer which is new begins at 1.
std::string state_sql(const std::string& layer) {
  const std::string name = connection::quote_literal(layer);
  std::string sql = "WITH was AS (SELECT bounds FROM gridlight.layer_state WHERE layer = ";
  sql.append(name).append("), now AS (");
  sql.append(
      "INSERT INTO gridlight.layer_state AS s (layer, version, changed_at, row_count, bounds) SELECT ");
  sql.append(name).append(", 0, now(), n, bounds FROM gridlight_found ON CONFLICT (layer) DO UPDATE SET ");
  sql.append("row_count = excluded.row_count, bounds = excluded.bounds RETURNING bounds) ");
  sql.append("SELECT gridlight.changed(").append(name).append(", CASE WHEN was.bounds IS NOT NULL THEN ");
  sql.append("ST_Envelope(ST_Collect(now.bounds, was.bounds)) END) FROM now LEFT JOIN was ON true; ");
  return sql;
}

// What circuits are judged by; a swap's rows pass no trigger.
bool has_conditions(const table_shape& table) {
  return table.schema == "public" &&
         (table.name == "circuit_status_realtime" || table.name == "outage_restoration_tracker");
}

// Counted before the lock is asked for: nobody writes a staging table any more.
std::string found_sql(const swap_request& r) {
  std::string sql = "CREATE TEMPORARY TABLE gridlight_found ON COMMIT DROP AS SELECT count(*) AS n, ";
  if (r.geometry.empty())
    sql.append("NULL::geometry AS bounds");
  else
    sql.append("ST_SetSRID(ST_Extent(").append(r.geometry).append("::geometry)::geometry, 4326) AS bounds");
  return sql.append(" FROM ").append(qualified(r.live.schema, staging_name(r.run_id)));
}

// Autovacuum gives way to whoever waits a second for a lock, never to tries of 5 ms. This lock of ours is in
// no reader's or writer's way.
std::string keep_vacuum_off_sql(const swap_request& r) {
  return "SET LOCAL lock_timeout = '3s'; LOCK TABLE " + qualified(r.live.schema, r.live.name) +
         " IN SHARE UPDATE EXCLUSIVE MODE";
}

// Those who come while it is tried wait for it, and for what is done under it: together less than 10 ms.
// Locks of views are taken first, as a reader takes them; all together have less time than the table alone,
// for there is more to do then.
std::string lock_sql(const swap_request& r, const carried_over& extras) {
  std::string sql = "SET LOCAL lock_timeout = '5ms'";
  if (r.live.oid.empty()) return sql;
  const std::string lock =
      "LOCK TABLE " + qualified(r.live.schema, r.live.name) + " IN ACCESS EXCLUSIVE MODE";
  if (extras.lock_sql.empty()) return sql.append("; ").append(lock);
  sql +=
      "; SELECT set_config('gridlight.statement_timeout', current_setting('statement_timeout'), true); "
      "SET LOCAL statement_timeout = '3ms'; DO ";
  sql += connection::quote_literal("BEGIN " + extras.lock_sql + lock + "; END");
  return sql +=
         "; SELECT set_config('statement_timeout', current_setting('gridlight.statement_timeout'), true)";
}

failure was_altered(const swap_request& r) {
  return {errc::conflict, qualified(r.live.schema, r.live.name) +
                              " was altered during the load: nothing was changed, load again"};
}

enum class outcome { done, try_again };

// One try: the whole transaction. What was read of the table before the load must still hold.
awaitable<result<outcome>> attempt(connection& db, const swap_request& r) {
  const bool replaces = !r.live.oid.empty();
  auto step = co_await run(db, "BEGIN");
  if (step && replaces) step = co_await run(db, keep_vacuum_off_sql(r));
  if (!step) co_return step.error();
  carried_over extras;
  std::string quick;
  if (replaces) {
    const auto now = co_await read_fingerprint(db, r.live.schema, r.live.name);
    if (!now) co_return now.error();
    if (*now != r.live.fingerprint) co_return was_altered(r);
    auto before = co_await read_quick_fingerprint(db, r.live.oid);
    if (!before) co_return before.error();
    quick = std::move(*before);
    auto read = co_await read_carried(db, r.live, r.run_id);
    if (!read) co_return read.error();
    extras = std::move(*read);
  }
  step = co_await run(db, found_sql(r));
  if (!step) co_return step.error();
  step = co_await run(db, lock_sql(r, extras));
  if (!step && is_sqlstate(step.error(), "57014")) co_return outcome::try_again;
  if (!step) co_return step.error();
  // From here readers wait.
  if (replaces) {
    const auto now = co_await read_quick_fingerprint(db, r.live.oid);
    if (!now) co_return now.error();
    if (*now != quick) co_return outcome::try_again;
  }
  std::string sql = rename_sql(r);
  sql.append(extras.make_sql);
  for (const std::string& layer : r.layers)
    sql.append(state_sql(layer));
  if (has_conditions(r.live)) sql.append("SELECT gridlight.refresh_conditions(); ");
  sql.append(r.record_sql).append(r.record_sql.empty() ? "" : "; ").append("COMMIT");
  step = co_await run(db, sql);
  if (!step) co_return step.error();
  co_return outcome::done;
}

awaitable<void> sleep(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, time};
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace

std::string replaced_name(std::int64_t run_id) {
  return "gridlight_old_" + std::to_string(run_id);
}

awaitable<result<void>> swap_in(connection& db, swap_request request) {
  const deadline end = deadline_in(request.give_up_after);
  for (;;) {
    const auto done = co_await attempt(db, request);
    if (done && *done == outcome::done) break;
    if (!db.broken()) co_await run(db, "ROLLBACK");
    // 55P03: a lock that could not be had.
    if (!done && !is_sqlstate(done.error(), "55P03")) co_return done.error();
    if (steady::now() > end)
      co_return failure{errc::conflict, qualified(request.live.schema, request.live.name) +
                                            " could not be locked: other sessions hold it without a pause"};
    co_await sleep(pause);
  }
  if (!request.live.oid.empty() && !request.keep_old)
    co_await run(db, "DROP TABLE " + qualified(request.live.schema, replaced_name(request.run_id)));
  co_return result<void>{};
}

}  // namespace gridlight::sync
