#include "sync/swap.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/command.hpp"
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

// The live table out of the way, the new one and its indexes to their names, owned sequences along.
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

constexpr std::string_view carry_sql = R"(
SELECT string_agg(statement, '; ') FROM (
  SELECT pg_get_triggerdef(oid) AS statement FROM pg_trigger WHERE tgrelid = @ AND NOT tgisinternal
  UNION ALL
  SELECT format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, @name, a.attname)
  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' AND d.refobjid = @
) AS statements)";

// Triggers and owned sequences of the live table, as statements that fit once the new one has its name.
awaitable<result<std::string>> carried(connection& db, const swap_request& r) {
  if (r.live.oid.empty()) co_return std::string{};
  const std::string name = connection::quote_literal(qualified(r.live.schema, r.live.name));
  std::string sql;
  for (std::size_t i = 0; i < carry_sql.size(); ++i) {
    if (carry_sql.substr(i).starts_with("@name"))
      sql.append(name), i += 4;
    else if (carry_sql[i] == '@')
      sql.append(r.live.oid);
    else
      sql += carry_sql[i];
  }
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  if (rows->is_null(0, 0)) co_return std::string{};
  co_return std::string{rows->text(0, 0)} + "; ";
}

// Autovacuum gives way to whoever waits a second for a lock, never to tries of 5 ms. This lock of ours is in
// no reader's or writer's way.
std::string keep_vacuum_off_sql(const swap_request& r) {
  return "SET LOCAL lock_timeout = '3s'; LOCK TABLE " + qualified(r.live.schema, r.live.name) +
         " IN SHARE UPDATE EXCLUSIVE MODE";
}

// One try: the whole transaction. A lock that cannot be had fails it with SQLSTATE 55P03.
awaitable<result<void>> attempt(connection& db, const swap_request& r) {
  auto step = co_await run(db, "BEGIN");
  if (step && !r.live.oid.empty()) step = co_await run(db, keep_vacuum_off_sql(r));
  if (step) step = co_await run(db, found_sql(r));
  if (!step) co_return step.error();
  const auto extras = co_await carried(db, r);
  if (!extras) co_return extras.error();
  // Those who come while it is tried wait for it, and for what is done under it: together less than 10 ms.
  std::string sql = "SET LOCAL lock_timeout = '5ms'";
  if (!r.live.oid.empty())
    sql.append("; LOCK TABLE ")
        .append(qualified(r.live.schema, r.live.name))
        .append(" IN ACCESS EXCLUSIVE MODE");
  step = co_await run(db, sql);
  if (!step) co_return step.error();
  // From here readers wait. What was read of the table before the load must still hold.
  if (!r.live.oid.empty()) {
    const auto now = co_await read_fingerprint(db, r.live.schema, r.live.name);
    if (!now) co_return now.error();
    if (*now != r.live.fingerprint)
      co_return failure{errc::conflict, qualified(r.live.schema, r.live.name) +
                                            " was altered during the load: nothing was changed, load again"};
  }
  sql = rename_sql(r);
  sql.append(*extras);
  for (const std::string& layer : r.layers)
    sql.append(state_sql(layer));
  if (has_conditions(r.live)) sql.append("SELECT gridlight.refresh_conditions(); ");
  sql.append(r.record_sql).append(r.record_sql.empty() ? "" : "; ").append("COMMIT");
  co_return co_await run(db, sql);
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
    if (done) break;
    if (!db.broken()) co_await run(db, "ROLLBACK");
    if (!is_sqlstate(done.error(), "55P03")) co_return done.error();
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
