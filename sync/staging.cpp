#include "sync/staging.hpp"

#include "sync/command.hpp"
#include "sync/likeness.hpp"
#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

awaitable<result<void>> run(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

std::string columns_list(const std::vector<std::string>& columns) {
  std::string out;
  for (const std::string& column : columns)
    out.append(out.empty() ? "" : ", ").append(ident(column));
  return out;
}

std::string key_text(const std::vector<std::string>& columns) {
  std::string out = "concat_ws(', '";
  for (const std::string& column : columns)
    out.append(", ").append(ident(column)).append("::text");
  return out += ')';
}

// Deletes what `doomed` selects (place, ordinal, other, key) and says what that was.
awaitable<result<removed_rows>> remove(connection& db, std::string table, std::string doomed,
                                       std::string reason) {
  std::string sql = "WITH doomed AS (";
  sql.append(doomed).append("), gone AS (DELETE FROM ").append(table);
  sql.append(" USING doomed WHERE ").append(table).append(".ctid = doomed.place RETURNING doomed.*) ");
  sql.append("SELECT count(*) OVER (), ordinal, other, key FROM gone ORDER BY ordinal LIMIT 10000");
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  removed_rows out;
  out.reason = std::move(reason);
  if (rows->rows() > 0) out.count = number(rows->text(0, 0));
  for (int row = 0; row < rows->rows(); ++row)
    out.first.push_back(
        {number(rows->text(row, 1)), number(rows->text(row, 2)), std::string{rows->text(row, 3)}});
  co_return out;
}

// Rows were stored in order into a table of this transaction, which fills page after page: place is order.
// The table's columns may have any name.
awaitable<result<removed_rows>> remove_duplicates(connection& db, std::string table,
                                                  std::vector<std::string> columns, duplicate_rule rule) {
  const std::string list = columns_list(columns);
  std::string present;
  for (const std::string& column : columns)
    present.append(present.empty() ? "" : " AND ").append(ident(column)).append(" IS NOT NULL");
  std::string sql = "SELECT place, ordinal, other, key FROM (SELECT gridlight_place AS place, ";
  sql.append("gridlight_nth AS ordinal, first_value(gridlight_nth) OVER w AS other, row_number() OVER w AS ");
  sql.append("nth, ").append(key_text(columns)).append(" AS key FROM (SELECT ").append(list);
  sql.append(", ctid AS gridlight_place, row_number() OVER (ORDER BY ctid) AS gridlight_nth FROM ");
  sql.append(table).append(") AS numbered WHERE ").append(present);
  sql.append(" WINDOW w AS (PARTITION BY ").append(list).append(" ORDER BY gridlight_nth");
  sql.append(rule == duplicate_rule::last ? " DESC" : "").append(")) AS ranked WHERE nth > 1");
  co_return co_await remove(db, table, sql, "duplicate " + list);
}

awaitable<result<removed_rows>> remove_violations(connection& db, std::string table, check_shape check) {
  std::string sql = "SELECT place, ordinal, 0 AS other, '' AS key FROM (SELECT ctid AS place, ";
  sql.append("row_number() OVER (ORDER BY ctid) AS ordinal, NOT (").append(check.expression);
  sql.append(") AS bad FROM ").append(table).append(") AS numbered WHERE bad");
  co_return co_await remove(db, table, std::move(sql), "violates " + check.name);
}

std::string create_index_sql(const index_shape& index, const std::string& table, std::int64_t run_id,
                             std::size_t n) {
  const std::string name = ident(new_index_name(run_id, n));
  // The clause TABLESPACE would stand in the middle of the definition.
  std::string sql;
  if (!index.tablespace.empty())
    sql = "SET LOCAL default_tablespace = " + connection::quote_literal(index.tablespace) + "; ";
  sql.append(index.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
  sql.append(name).append(" ON ").append(table).append(" ").append(index.definition);
  if (index.constraint.empty()) return sql;
  sql.append("; ALTER TABLE ").append(table).append(" ADD CONSTRAINT ").append(name).append(" ");
  return sql.append(index.constraint).append(" USING INDEX ").append(name).append(index.timing);
}

// Builds a unique index; when rows stand in its way, removes them first. The savepoint keeps the rows.
awaitable<result<removed_rows>> unique_index(connection& db, const table_shape& shape, std::int64_t run_id,
                                             std::size_t n, duplicate_rule rule) {
  const index_shape& index = shape.indexes[n];
  const std::string table = qualified(shape.schema, staging_name(run_id));
  const std::string sql = create_index_sql(index, table, run_id, n);
  auto marked = co_await run(db, "SAVEPOINT before_index");
  if (!marked) co_return marked.error();
  const auto built = co_await run(db, sql + "; RELEASE before_index");
  if (built) co_return removed_rows{};
  if (!is_sqlstate(built.error(), "23505") || index.columns.empty()) co_return built.error();
  marked = co_await run(db, "ROLLBACK TO before_index; RELEASE before_index");
  if (!marked) co_return marked.error();
  auto removed = co_await remove_duplicates(db, table, index.columns, rule);
  if (!removed) co_return removed.error();
  const auto again = co_await run(db, sql);
  if (!again) co_return again.error();
  co_return removed;
}

// A load holds its layer's lock from before its run begins, so a lock that can be had (a second time, in the
// layer's own session) is a sign that the run is dead. Locks are counted, so the one taken here is given
// back.
constexpr std::string_view stale_sql = R"(
SELECT DISTINCT r.layer FROM gridlight.sync_run r
WHERE r.mode = 'load' AND (r.status = 'running' OR EXISTS (SELECT FROM pg_class WHERE relkind = 'r' AND relname IN
  ('gridlight_new_' || r.run_id, 'gridlight_old_' || r.run_id))))";

constexpr std::string_view stale_tables_sql = R"(
SELECT format('%I.%I', n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN gridlight.sync_run r ON r.run_id::text = substring(c.relname FROM '^gridlight_(?:new|old)_(\d+)$')
WHERE c.relkind = 'r' AND r.layer = )";

std::string lock_name(std::string_view layer) {
  std::string out = "(hashtext('gridlight load'), hashtext(";
  return out.append(connection::quote_literal(layer)).append("))");
}

awaitable<result<void>> remove_stale_of(connection& db, std::string layer) {
  std::string sql{stale_tables_sql};
  const auto rows = co_await db.execute(sql.append(connection::quote_literal(layer)), command_deadline());
  if (!rows) co_return rows.error();
  for (int row = 0; row < rows->rows(); ++row) {
    std::string drop = "DROP TABLE ";
    const auto dropped = co_await run(db, drop.append(rows->text(row, 0)));
    // Somebody still reads it: the next start will find it again.
    if (!dropped && !is_sqlstate(dropped.error(), "55P03")) co_return dropped.error();
  }
  sql =
      "UPDATE gridlight.sync_run SET status = 'failed', finished_at = now(), error = 'interrupted' "
      "WHERE status = 'running' AND mode = 'load' AND layer = ";
  co_return co_await run(db, sql.append(connection::quote_literal(layer)));
}

}  // namespace

std::string staging_name(std::int64_t run_id) {
  return "gridlight_new_" + std::to_string(run_id);
}

std::string new_index_name(std::int64_t run_id, std::size_t n) {
  return staging_name(run_id) + "_" + std::to_string(n + 1);
}

awaitable<result<void>> create_staging(connection& db, const table_shape& shape, std::int64_t run_id) {
  const std::string table = qualified(shape.schema, staging_name(run_id));
  std::string sql = "CREATE ";
  sql.append(shape.persistence).append("TABLE ").append(table).append(" (LIKE ");
  sql.append(qualified(shape.schema, shape.name));
  sql.append(
      " INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY"
      " INCLUDING STORAGE) USING ");
  sql.append(ident(shape.access_method));
  if (!shape.options.empty()) sql.append(" WITH (").append(shape.options).append(")");
  sql.append(" TABLESPACE ").append(ident(shape.tablespace));
  co_return co_await run(db, sql);
}

awaitable<result<std::vector<removed_rows>>> check_staging(connection& db, const table_shape& shape,
                                                           std::int64_t run_id, duplicate_rule rule) {
  const std::string table = qualified(shape.schema, staging_name(run_id));
  std::vector<removed_rows> out;
  for (std::size_t n = 0; n < shape.indexes.size(); ++n) {
    if (!shape.indexes[n].unique) continue;
    auto removed = co_await unique_index(db, shape, run_id, n, rule);
    if (!removed) co_return removed.error();
    if (removed->count > 0) out.push_back(std::move(*removed));
  }
  for (const check_shape& check : shape.checks) {
    auto removed = co_await remove_violations(db, table, check);
    if (!removed) co_return removed.error();
    if (removed->count > 0) out.push_back(std::move(*removed));
    std::string sql = "ALTER TABLE " + table;
    const auto added = co_await run(
        db, sql.append(" ADD CONSTRAINT ").append(ident(check.name)).append(" ").append(check.definition));
    if (!added) co_return added.error();
  }
  co_return out;
}

awaitable<result<void>> index_staging(connection& db, const table_shape& shape, std::int64_t run_id) {
  const std::string table = qualified(shape.schema, staging_name(run_id));
  for (std::size_t n = 0; n < shape.indexes.size(); ++n) {
    if (shape.indexes[n].unique) continue;
    const auto built = co_await run(db, create_index_sql(shape.indexes[n], table, run_id, n));
    if (!built) co_return built.error();
  }
  if (shape.oid.empty()) co_return result<void>{};
  co_return co_await make_alike(db, shape, run_id);
}

awaitable<result<std::vector<removed_rows>>> finish_staging(connection& db, const table_shape& shape,
                                                            std::int64_t run_id, duplicate_rule rule) {
  auto removed = co_await check_staging(db, shape, run_id, rule);
  if (!removed) co_return removed.error();
  const auto built = co_await index_staging(db, shape, run_id);
  if (!built) co_return built.error();
  co_return removed;
}

awaitable<result<bool>> is_unique(connection& db, const table_shape& shape, std::int64_t run_id,
                                  std::string column) {
  std::string sql = "SELECT count(*) = count(DISTINCT ";
  sql.append(ident(column)).append(") FROM ").append(qualified(shape.schema, staging_name(run_id)));
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  co_return rows->text(0, 0) == "t";
}

awaitable<result<void>> lock_layer(connection& db, std::string layer) {
  const auto rows = co_await db.execute("SELECT pg_try_advisory_lock" + lock_name(layer), command_deadline());
  if (!rows) co_return rows.error();
  if (rows->text(0, 0) == "t") co_return result<void>{};
  co_return failure{errc::conflict, "another load of " + layer + " is running; wait for it, or end it"};
}

awaitable<result<void>> remove_stale(connection& db) {
  const auto layers = co_await db.execute(stale_sql, command_deadline());
  if (!layers) co_return layers.error();
  for (int row = 0; row < layers->rows(); ++row) {
    const std::string layer{layers->text(row, 0)};
    const auto locked = co_await lock_layer(db, layer);
    if (!locked && locked.error().code == errc::conflict) continue;
    if (!locked) co_return locked.error();
    const auto removed = co_await remove_stale_of(db, layer);
    if (!removed) co_return removed.error();
    const auto unlocked = co_await run(db, "SELECT pg_advisory_unlock" + lock_name(layer));
    if (!unlocked) co_return unlocked.error();
  }
  co_return result<void>{};
}

}  // namespace gridlight::sync
