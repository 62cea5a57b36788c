#include "sync/check_watch.hpp"

#include <fmt/format.h>

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::chrono::seconds catalog_time{30};

awaitable<result<bool>> may_read(connection& db) {
  const auto rows = co_await db.execute(
      "SELECT has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace"
      " WHERE s.nspname = 'gridlight' AND c.relname = 'watched'",
      deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  co_return rows->rows() == 1 && rows->text(0, 0) == "t";
}

// {0}: the table's name as a literal; {1}, {2}: its schema and name; {3}: the layer; {4}: its circuit's
// column
constexpr std::string_view watch_sql = R"(
SELECT (SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid)
        FROM (SELECT {0}::regclass::oid AS oid UNION SELECT p.relid FROM pg_partition_tree({0}::regclass) p) r
        JOIN pg_catalog.pg_class c ON c.oid = r.oid
        WHERE c.relkind IN ('r', 'p') AND (
          SELECT count(*) FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid
          AND t.tgfoid = 'gridlight.note_change'::regproc AND t.tgenabled IN ('O', 'A')) < 4),
       coalesce(w.relation = format('%I.%I', {1}::text, {2}::text), false),
       w.layer IS NOT NULL, quote_nullable(w.geometry),
       {4} = '' OR coalesce({4} = ANY (w.circuit_columns), false),
       quote_literal(CASE WHEN {4} = '' OR {4} = ANY (w.circuit_columns) THEN w.circuit_columns
                          ELSE array_append(coalesce(w.circuit_columns, '{{}}'), {4}) END)
FROM (SELECT) one LEFT JOIN gridlight.watched w ON w.layer = {3})";

}  // namespace

awaitable<result<watch_check>> check_watch(connection& db, const layer_config& declared,
                                           std::string geometry) {
  watch_check out;
  const auto readable = co_await may_read(db);
  if (!readable) co_return readable.error();
  if (!*readable) co_return out;
  const auto literal = connection::quote_literal;
  const std::string layer = literal(declared.name),
                    table = literal(connection::quote_identifier(declared.schema) + "." +
                                    connection::quote_identifier(declared.table));
  const std::string sql = fmt::format(watch_sql, table, literal(declared.schema), literal(declared.table),
                                      layer, literal(declared.circuit) + "::text");
  const auto rows = co_await db.execute(sql, deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  const auto is = [&](int column) { return rows->text(0, column) == "t"; };
  const bool silent = !rows->is_null(0, 0), right_table = is(1), known = is(2), coloured = is(4);
  out.state = !silent && right_table && coloured ? watch_state::complete : watch_state::missing;
  if (silent)
    out.fault = fmt::format("lacks the triggers that tell of its changes (a DROP takes them along): {}",
                            rows->text(0, 0));
  else if (!right_table)
    out.fault = "has triggers, but of its changes another table's layer tells";
  else if (!coloured)
    out.fault =
        fmt::format("is not registered with circuit column {}: its tiles would keep a circuit's old state",
                    declared.circuit);
  // What was registered of it still holds for the table that took its place.
  const std::string place = known              ? std::string{rows->text(0, 3)}
                            : geometry.empty() ? "NULL"
                                               : literal(geometry);
  out.remedy = fmt::format("SELECT gridlight.watch({}, {}, {}", layer, table, place);
  if (known || !declared.circuit.empty()) out.remedy.append(", ").append(rows->text(0, 5));
  out.remedy += ");";
  co_return out;
}

}  // namespace gridlight::sync
