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

// {0}: the table's name as a literal; {1}, {2}: its schema and name; {3}: the layer
constexpr std::string_view watch_sql = R"(
SELECT (SELECT count(*) FROM pg_catalog.pg_trigger
        WHERE tgrelid = {0}::regclass AND tgfoid = 'gridlight.note_change'::regproc AND tgenabled IN ('O', 'A')) = 4,
       coalesce(w.relation = format('%I.%I', {1}::text, {2}::text), false),
       w.layer IS NOT NULL, quote_nullable(w.geometry), quote_nullable(w.circuit_columns)
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
  const std::string sql =
      fmt::format(watch_sql, table, literal(declared.schema), literal(declared.table), layer);
  const auto rows = co_await db.execute(sql, deadline_in(catalog_time));
  if (!rows) co_return rows.error();
  const auto is = [&](int column) { return rows->text(0, column) == "t"; };
  out.state = is(0) && is(1) ? watch_state::complete : watch_state::missing;
  // What was registered of it still holds for the table that took its place.
  if (is(2))
    out.remedy = fmt::format("SELECT gridlight.watch({}, {}, {}, {});", layer, table, rows->text(0, 3),
                             rows->text(0, 4));
  else
    out.remedy = fmt::format("SELECT gridlight.watch({}, {}, {});", layer, table,
                             geometry.empty() ? "NULL" : literal(geometry));
  co_return out;
}

}  // namespace gridlight::sync
