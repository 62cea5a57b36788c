#include "server/unwatched.hpp"

namespace gridlight {
namespace {

namespace oid = postgres::oid;

constexpr std::string_view may_look_sql = R"(
SELECT has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'gridlight' AND c.relname = 'watched')";

// By names, for a schema that we may not use can have no regclass.
constexpr std::string_view unwatched_sql = R"(
WITH RECURSIVE told AS (
  SELECT t.tgrelid FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace s ON s.oid = f.pronamespace
  WHERE s.nspname = 'gridlight' AND f.proname = 'note_change' AND t.tgenabled IN ('O', 'A')
  GROUP BY t.tgrelid HAVING count(*) = 4),
part AS (
  SELECT w.layer::text AS layer, c.oid, c.relkind, w.relation::text COLLATE "default" AS name, true AS whole
  FROM gridlight.watched w JOIN (pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace)
    ON format('%I.%I', s.nspname, c.relname) = w.relation
  UNION ALL
  SELECT p.layer, c.oid, c.relkind, format('%I.%I', s.nspname, c.relname) COLLATE "default", false
  FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid AND c.relispartition
  JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace)
SELECT layer, bool_or(whole), string_agg(name, ', ' ORDER BY name), bool_or(relkind NOT IN ('r', 'p'))
FROM part WHERE oid NOT IN (SELECT tgrelid FROM told) AND (whole OR relkind IN ('r', 'p')) GROUP BY layer)";

}  // namespace

boost::asio::awaitable<result<unwatched_layers>> read_unwatched(postgres::connection& db, deadline until) {
  static const postgres::statement may_look{std::string{may_look_sql}, {}, {oid::boolean}};
  static const postgres::statement read{
      std::string{unwatched_sql}, {}, {oid::text, oid::boolean, oid::text, oid::boolean}};
  const postgres::arguments none;
  unwatched_layers out;
  const auto there = co_await db.query(may_look, none, until);
  if (!there) co_return there.error();
  if (there->rows() == 0 || !there->boolean(0, 0)) co_return out;
  const auto rows = co_await db.query(read, none, until);
  if (!rows) co_return rows.error();
  for (int row = 0; row < rows->rows(); ++row)
    out.emplace(rows->text(row, 0),
                unwatched{rows->boolean(row, 1), rows->boolean(row, 3), std::string{rows->text(row, 2)}});
  co_return out;
}

}  // namespace gridlight
