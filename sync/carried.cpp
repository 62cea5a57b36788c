#include <array>

#include "sync/command.hpp"
#include "sync/fill_in.hpp"
#include "sync/likeness.hpp"
#include "sync/simple_query.hpp"
#include "sync/swap.hpp"

// What is made under the lock, and is written down before it.
namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

// A policy's and a trigger's text names the table as it is called: they are made after the renaming.
constexpr std::string_view carried_query = R"(
WITH triggers AS (
  SELECT t.*, obj_description(t.oid, 'pg_trigger') AS note, obj_description(t.tgconstraint, 'pg_constraint') AS con_note
  FROM pg_trigger t WHERE tgrelid = @live AND NOT tgisinternal),
policies AS (
  SELECT p.*, obj_description(p.oid, 'pg_policy') AS note FROM pg_policy p WHERE polrelid = @live)
SELECT string_agg(statement, '; ' ORDER BY step, place) FROM (
  SELECT 1 AS step, tgname::text AS place, pg_get_triggerdef(oid) AS statement FROM triggers
  UNION ALL
  SELECT 2, tgname, format('ALTER TABLE %s %s TRIGGER %I', @name,
           CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname)
  FROM triggers WHERE tgenabled <> 'O'
  UNION ALL
  SELECT 3, tgname, format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, @name, note) FROM triggers WHERE note IS NOT NULL
  UNION ALL
  SELECT 3, tgname, format('COMMENT ON CONSTRAINT %I ON %s IS %L', tgname, @name, con_note) FROM triggers
  WHERE con_note IS NOT NULL
  UNION ALL
  SELECT 3, tgname, format('ALTER TRIGGER %I ON %s DEPENDS ON EXTENSION %I', tgname, @name, x.extname) FROM triggers t
  JOIN pg_depend d ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'x'
  JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid
  UNION ALL
  SELECT 4, polname, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', polname, @name,
           CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                       ELSE 'ALL' END,
           (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(polroles) AS r))
         || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
         || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
  FROM policies
  UNION ALL
  SELECT 5, polname, format('COMMENT ON POLICY %I ON %s IS %L', polname, @name, note) FROM policies WHERE note IS NOT NULL
  UNION ALL
  SELECT 6, a.attname, format('ALTER SEQUENCE %s OWNED BY %s.%I', d.objid::regclass, @name, a.attname)
  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a' AND d.refobjid = @live
) AS statements)";

// Names of what make_alike() made. An identity goes on where the old one was, or the new one is farther.
constexpr std::string_view names_query = R"(
WITH stats AS (
  SELECT n.nspname, s.stxname, row_number() OVER (ORDER BY s.oid) AS nth
  FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE stxrelid = @live),
sequences AS (
  SELECT d.refobjid, a.attname, s.relname, n.nspname FROM pg_depend d
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
    AND d.refobjid IN (@live, @made::regclass)),
pairs AS (
  SELECT l.nspname, l.relname AS live, m.relname AS made, @gone || '_q' || row_number() OVER (ORDER BY l.attname) AS gone,
         q.seqincrement > 0 AS grows
  FROM sequences l JOIN sequences m ON m.attname = l.attname AND l.refobjid = @live AND m.refobjid <> @live
  JOIN pg_sequence q ON q.seqrelid = format('%I.%I', l.nspname, l.relname)::regclass)
SELECT string_agg(statement, '; ' ORDER BY step) FROM (
  SELECT 1 AS step, format('ALTER STATISTICS %I.%I RENAME TO %I; ALTER STATISTICS %I.%I RENAME TO %I',
                           nspname, stxname, @gone || '_s' || nth, nspname, @stem || '_s' || nth, stxname) AS statement
  FROM stats
  UNION ALL
  SELECT 2, format('ALTER SEQUENCE %1$I.%2$I RENAME TO %4$I; ALTER SEQUENCE %1$I.%3$I RENAME TO %2$I; '
                   'SELECT setval(%5$L, o.last_value, o.is_called) FROM %1$I.%4$I o, %1$I.%2$I n '
                   'WHERE o.last_value %6$s n.last_value OR o.last_value = n.last_value AND o.is_called',
                   nspname, live, made, gone, format('%I.%I', nspname, live), CASE WHEN grows THEN '>' ELSE '<' END)
  FROM pairs
) AS statements)";

// A replaced view keeps its owner, grants, comments, triggers and all that hangs on it; options have to be
// said again. Those that hang on other views come first: a reader locks the outer view before the inner one.
// Names have their schema: a CREATE without it means the first schema of the search_path, whatever is
// visible.
constexpr std::string_view views_sql = R"(
SELECT format('%I.%I', n.nspname, v.relname), v.relowner::regrole,
       format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, v.relname,
              ' WITH (' || (SELECT string_agg(format('%I = %L', option_name, option_value), ', ')
                            FROM pg_options_to_table(v.reloptions)) || ')',
              rtrim(pg_get_viewdef(v.oid), ';'))
FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace WHERE v.relkind = 'v' AND EXISTS (
  SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
  JOIN pg_class t ON t.oid = @live LEFT JOIN pg_type y ON y.oid = t.reltype
  WHERE r.ev_class = v.oid AND r.rulename = '_RETURN'
    AND (d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
         OR d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)))
ORDER BY v.oid DESC)";

}  // namespace

awaitable<result<carried_over>> read_carried(connection& db, const table_shape& shape, std::int64_t run_id) {
  const std::string name = connection::quote_literal(qualified(shape.schema, shape.name));
  const std::string made = connection::quote_literal(qualified(shape.schema, staging_name(run_id)));
  const std::string stem = connection::quote_literal(staging_name(run_id));
  const std::string gone = connection::quote_literal(replaced_name(run_id));
  carried_over out;
  const std::array queries{names_query, carried_query};
  for (const std::string_view query : queries) {
    const std::string sql = fill_in(
        query, {{"@live", shape.oid}, {"@name", name}, {"@made", made}, {"@stem", stem}, {"@gone", gone}});
    const auto rows = co_await db.execute(sql, command_deadline());
    if (!rows) co_return rows.error();
    if (!rows->is_null(0, 0)) out.make_sql.append(rows->text(0, 0)).append("; ");
  }
  const std::string which = fill_in(views_sql, {{"@live", shape.oid}});
  const auto views = co_await db.execute(which, command_deadline());
  if (!views) co_return views.error();
  for (int row = 0; row < views->rows(); ++row) {
    out.lock_sql.append("ALTER VIEW ").append(views->text(row, 0));
    out.lock_sql.append(" OWNER TO ").append(views->text(row, 1)).append("; ");
    out.make_sql.append(views->text(row, 2)).append("; ");
  }
  co_return out;
}

}  // namespace gridlight::sync
