#include "sync/likeness.hpp"

#include <array>

#include "sync/command.hpp"
#include "sync/fill_in.hpp"
#include "sync/simple_query.hpp"

// Each query makes statements that turn @made, which nobody else uses yet, into the like of @live.
namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

// Grants that the new table must have, and those that default privileges gave it and the old one has not.
// Those that others made on the strength of theirs are made in their name, after them.
constexpr std::string_view grants_sql = R"(
WITH every AS (
  SELECT c.oid, c.relowner, ''::text AS of_column, a.*, 0 AS attnum
  FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) WITH ORDINALITY AS a
  WHERE c.oid IN (@live, @made::regclass)
  UNION ALL
  SELECT c.oid, c.relowner, format(' (%I)', t.attname), a.*, t.attnum
  FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid AND NOT t.attisdropped,
       aclexplode(t.attacl) WITH ORDINALITY AS a WHERE c.oid IN (@live, @made::regclass)),
named AS (
  SELECT e.*, oid = @live AS of_live, grantee = relowner AS own, grantor = relowner AS by_owner,
         CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS whose,
         CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS further
  FROM every e),
live AS (SELECT oid, relacl, relowner FROM pg_class WHERE oid = @live),
made AS (SELECT oid, relacl, relowner FROM pg_class WHERE oid = @made::regclass),
whole AS (SELECT count(*) AS n FROM live, aclexplode(acldefault('r', relowner))),
lacks AS (
  SELECT count(*) FILTER (WHERE of_live) < (SELECT n FROM whole)
         OR count(*) FILTER (WHERE NOT of_live) < (SELECT n FROM whole) AS "some"
  FROM named WHERE own AND by_owner AND attnum = 0)
SELECT string_agg(statement, '; ' ORDER BY step, attnum, ordinality, statement) FROM (
  SELECT 1 AS step, 0 AS attnum, 0::bigint AS ordinality,
         format('REVOKE ALL%s ON %s FROM %s CASCADE', of_column, @made, whose) AS statement
  FROM named WHERE NOT of_live AND (NOT own OR attnum > 0)
  UNION
  SELECT 2, attnum, ordinality, format('GRANT %s%s ON %s TO %s%s', privilege_type, of_column, @made, whose, further)
  FROM named WHERE of_live AND NOT own AND by_owner
  UNION
  SELECT 4, 0, 0, format('COMMENT ON TABLE %s IS %L', @made, obj_description(@live, 'pg_class'))
  FROM made WHERE obj_description(@live, 'pg_class') IS DISTINCT FROM obj_description(made.oid, 'pg_class')
  UNION
  SELECT 5, 0, 0, format('ALTER TABLE %s OWNER TO %s', @made, live.relowner::regrole)
  FROM live, made WHERE live.relowner <> made.relowner
  UNION
  SELECT 6, 0, 0, format('REVOKE ALL ON %s FROM %s', @made, relowner::regrole) FROM live, lacks WHERE lacks."some"
  UNION
  SELECT 7, attnum, ordinality, format('GRANT %s%s ON %s TO %s%s', privilege_type, of_column, @made, whose, further)
  FROM named, lacks WHERE of_live AND own AND by_owner AND (lacks."some" OR attnum > 0)
  UNION
  SELECT 8, attnum, ordinality,
         format('SET LOCAL ROLE %s; GRANT %s%s ON %s TO %s%s; SET LOCAL ROLE %I', grantor::regrole, privilege_type,
                of_column, @made, whose, further, current_user)
  FROM named WHERE of_live AND NOT by_owner
) AS statements)";

constexpr std::string_view columns_sql = R"(
WITH every AS (
  SELECT a.*, coalesce(a.attstattarget, -1) AS target, pg_get_expr(d.adbin, d.adrelid) AS preset,
         col_description(a.attrelid, a.attnum) AS note
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid IN (@live, @made::regclass) AND a.attnum > 0 AND NOT a.attisdropped),
pairs AS (
  SELECT l.*, m.target AS was_target, m.attoptions AS was_options, m.attstorage AS was_storage,
         m.attcompression AS was_compression, m.preset AS was_preset, m.note AS was_note
  FROM every l JOIN every m ON m.attname = l.attname AND l.attrelid = @live AND m.attrelid <> @live)
SELECT string_agg(CASE WHEN step = 0 THEN '' ELSE format('ALTER TABLE %s ALTER COLUMN %I ', @made, attname) END || what,
                  '; ' ORDER BY step, attnum) FROM (
  SELECT 0 AS step, attnum, attname, format('COMMENT ON COLUMN %s.%I IS %L', @made, attname, note) AS what
  FROM pairs WHERE note IS DISTINCT FROM was_note
  UNION ALL
  SELECT 1, attnum, attname, 'SET STATISTICS ' || target FROM pairs WHERE target <> was_target
  UNION ALL
  SELECT 2, attnum, attname, format('RESET (%s)', (SELECT string_agg(quote_ident(option_name), ', ')
                                                   FROM pg_options_to_table(was_options)))
  FROM pairs WHERE was_options IS DISTINCT FROM attoptions AND was_options IS NOT NULL
  UNION ALL
  SELECT 3, attnum, attname, format('SET (%s)', (SELECT string_agg(format('%I = %L', option_name, option_value), ', ')
                                                 FROM pg_options_to_table(attoptions)))
  FROM pairs WHERE was_options IS DISTINCT FROM attoptions AND attoptions IS NOT NULL
  UNION ALL
  SELECT 4, attnum, attname, 'SET STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                                               WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
  FROM pairs WHERE attstorage <> was_storage
  UNION ALL
  SELECT 5, attnum, attname, 'SET COMPRESSION ' || CASE attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4'
                                                   ELSE 'default' END
  FROM pairs WHERE attcompression <> was_compression
  UNION ALL
  SELECT 6, attnum, attname, CASE WHEN preset IS NULL THEN 'DROP DEFAULT' ELSE 'SET DEFAULT ' || preset END
  FROM pairs WHERE preset IS DISTINCT FROM was_preset AND attgenerated = '' AND attidentity = ''
) AS statements)";

// Triggers and policies of a table that was live once go: those of the live one come with its name.
constexpr std::string_view table_sql = R"(
WITH options AS (
  SELECT c.oid = @live AS of_live, p.prefix || quote_ident(o.option_name) AS name, o.option_value AS value
  FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
  CROSS JOIN LATERAL (VALUES ('', c.reloptions), ('toast.', t.reloptions)) AS p (prefix, list)
  CROSS JOIN LATERAL pg_options_to_table(p.list) AS o
  WHERE c.oid IN (@live, @made::regclass)),
live AS (SELECT * FROM pg_class WHERE oid = @live),
made AS (SELECT * FROM pg_class WHERE oid = @made::regclass)
SELECT string_agg(statement, '; ' ORDER BY step, statement) FROM (
  SELECT 1 AS step, format('ALTER TABLE %s RESET (%s)', @made, name) AS statement
  FROM options m WHERE NOT of_live AND NOT EXISTS (SELECT FROM options l WHERE l.of_live AND l.name = m.name)
  UNION ALL
  SELECT 2, format('ALTER TABLE %s SET (%s = %L)', @made, name, value)
  FROM options l WHERE of_live AND NOT EXISTS (
    SELECT FROM options m WHERE NOT m.of_live AND m.name = l.name AND m.value = l.value)
  UNION ALL
  SELECT 3, format('DROP TRIGGER %I ON %s', tgname, @made) FROM pg_trigger
  WHERE tgrelid = @made::regclass AND NOT tgisinternal
  UNION ALL
  SELECT 3, format('DROP POLICY %I ON %s', polname, @made) FROM pg_policy WHERE polrelid = @made::regclass
  UNION ALL
  SELECT 4, format('ALTER TABLE %s %s ROW LEVEL SECURITY', @made,
                   CASE WHEN live.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END)
  FROM live, made WHERE live.relrowsecurity <> made.relrowsecurity
  UNION ALL
  SELECT 4, format('ALTER TABLE %s %s ROW LEVEL SECURITY', @made,
                   CASE WHEN live.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END)
  FROM live, made WHERE live.relforcerowsecurity <> made.relforcerowsecurity
) AS statements)";

// @old and @new are the indexes' names, in the same order. An index behind a constraint shares its name.
constexpr std::string_view indexes_sql = R"(
WITH pairs AS (
  SELECT l.*, n.new, k.oid AS con, (@schema || quote_ident(n.new))::regclass::oid AS made
  FROM unnest(@old, @new) AS n (old, new)
  JOIN pg_class c ON c.relname = n.old
  JOIN pg_index l ON l.indexrelid = c.oid AND l.indrelid = @live
  LEFT JOIN pg_constraint k ON k.conindid = l.indexrelid AND k.conrelid = @live AND k.contype IN ('p', 'u')),
live AS (SELECT * FROM pg_class WHERE oid = @live),
made AS (SELECT * FROM pg_class WHERE oid = @made::regclass),
constraints AS (
  SELECT new AS name, con AS live FROM pairs WHERE con IS NOT NULL
  UNION ALL
  SELECT conname, oid FROM pg_constraint WHERE conrelid = @live AND contype = 'c')
SELECT string_agg(statement, '; ' ORDER BY step, statement) FROM (
  SELECT 1 AS step, format('COMMENT ON INDEX %s IS %L', made::regclass, obj_description(indexrelid, 'pg_class')) AS statement
  FROM pairs WHERE obj_description(indexrelid, 'pg_class') IS DISTINCT FROM obj_description(made, 'pg_class')
  UNION ALL
  SELECT 1, format('COMMENT ON CONSTRAINT %I ON %s IS %L', name, @made, obj_description(c.live, 'pg_constraint'))
  FROM constraints c JOIN pg_constraint m ON m.conrelid = @made::regclass AND m.conname = name
  WHERE obj_description(c.live, 'pg_constraint') IS DISTINCT FROM obj_description(m.oid, 'pg_constraint')
  UNION ALL
  SELECT 2, format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', made::regclass, l.attnum,
                   coalesce(l.attstattarget, -1))
  FROM pairs JOIN pg_attribute l ON l.attrelid = indexrelid
  JOIN pg_attribute m ON m.attrelid = made AND m.attnum = l.attnum
  WHERE coalesce(l.attstattarget, -1) <> coalesce(m.attstattarget, -1)
  UNION ALL
  SELECT 2, format('ALTER INDEX %s DEPENDS ON EXTENSION %I', made::regclass, x.extname) FROM pairs
  JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = indexrelid AND d.deptype = 'x'
  JOIN pg_extension x ON d.refclassid = 'pg_extension'::regclass AND x.oid = d.refobjid
  UNION ALL
  SELECT 3, format('ALTER TABLE %s SET WITHOUT CLUSTER', @made)
  WHERE EXISTS (SELECT FROM pg_index WHERE indrelid = @made::regclass AND indisclustered)
  UNION ALL
  SELECT 4, format('ALTER TABLE %s CLUSTER ON %I', @made, new) FROM pairs WHERE indisclustered
  UNION ALL
  SELECT 5, format('ALTER TABLE %s REPLICA IDENTITY %s', @made, CASE live.relreplident
      WHEN 'd' THEN 'DEFAULT' WHEN 'f' THEN 'FULL' WHEN 'i' THEN
        coalesce((SELECT 'USING INDEX ' || quote_ident(new) FROM pairs WHERE indisreplident), 'NOTHING')
      ELSE 'NOTHING' END)
  FROM live, made WHERE live.relreplident <> made.relreplident OR live.relreplident = 'i'
) AS statements)";

constexpr std::string_view statistics_sql = R"(
WITH every AS (SELECT s.*, n.nspname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace),
live AS (
  SELECT e.*, format('%I.%I', nspname, @stem || '_s' || row_number() OVER (ORDER BY oid)) AS made FROM every e
  WHERE stxrelid = @live)
SELECT string_agg(statement, '; ' ORDER BY step, statement) FROM (
  SELECT 1 AS step, format('DROP STATISTICS %I.%I', nspname, stxname) AS statement FROM every
  WHERE stxrelid = @made::regclass
  UNION ALL
  SELECT 2, format('CREATE STATISTICS %s %s ON %s FROM %s', made,
      (SELECT '(' || string_agg(CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies' ELSE 'mcv' END, ', ') || ')'
       FROM unnest(stxkind) AS k WHERE k <> 'e'), pg_get_statisticsobjdef_columns(oid), @made)
  FROM live
  UNION ALL
  SELECT 3, format('ALTER STATISTICS %s SET STATISTICS %s', made, stxstattarget) FROM live WHERE stxstattarget >= 0
  UNION ALL
  SELECT 4, format('COMMENT ON STATISTICS %s IS %L', made, obj_description(oid, 'pg_statistic_ext')) FROM live
  WHERE obj_description(oid, 'pg_statistic_ext') IS NOT NULL
  UNION ALL
  SELECT 5, format('ALTER STATISTICS %s OWNER TO %s', made, stxowner::regrole) FROM live
  WHERE stxowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
) AS statements)";

constexpr std::string_view identities_sql = R"(
WITH every AS (
  SELECT a.attrelid, a.attname, s.oid, s.relacl, s.relowner, obj_description(s.oid, 'pg_class') AS note
  FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'
    AND d.refobjid IN (@live, @made::regclass)),
pairs AS (
  SELECT m.oid::regclass AS made, m.relacl AS was, l.relacl, l.relowner, l.note, m.note AS was_note
  FROM every l JOIN every m ON m.attname = l.attname AND l.attrelid = @live AND m.attrelid <> @live),
grants AS (
  SELECT made, relowner, a.*, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                              || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS whom
  FROM pairs, aclexplode(coalesce(relacl, acldefault('S', relowner))) WITH ORDINALITY AS a)
SELECT string_agg(statement, '; ' ORDER BY step, ordinality, statement) FROM (
  SELECT 1 AS step, 0::bigint AS ordinality, format('REVOKE ALL ON SEQUENCE %s FROM %s CASCADE', made,
           CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END) AS statement
  FROM pairs, aclexplode(was) AS a WHERE a.grantee <> relowner
  UNION
  SELECT 2, 0, format('REVOKE ALL ON SEQUENCE %s FROM %s', made, relowner::regrole) FROM pairs
  WHERE relacl IS NOT NULL OR was IS NOT NULL
  UNION
  SELECT 3, ordinality, format('GRANT %s ON SEQUENCE %s TO %s', privilege_type, made, whom)
  FROM grants WHERE grantor = relowner
  UNION
  SELECT 4, ordinality, format('SET LOCAL ROLE %s; GRANT %s ON SEQUENCE %s TO %s; SET LOCAL ROLE %I', grantor::regrole,
                               privilege_type, made, whom, current_user)
  FROM grants WHERE grantor <> relowner
  UNION
  SELECT 5, 0, format('COMMENT ON SEQUENCE %s IS %L', made, note) FROM pairs WHERE note IS DISTINCT FROM was_note
) AS statements)";

std::string array_of(const std::vector<std::string>& names) {
  std::string out = "ARRAY[";
  for (const std::string& name : names)
    out.append(out.back() == '[' ? "" : ", ").append(connection::quote_literal(name));
  return out + "]::text[]";
}

}  // namespace

awaitable<result<void>> make_alike(connection& db, const table_shape& shape, std::int64_t run_id) {
  std::vector<std::string> old, made;
  for (std::size_t n = 0; n < shape.indexes.size(); ++n) {
    old.push_back(shape.indexes[n].name);
    made.push_back(new_index_name(run_id, n));
  }
  const std::string table = connection::quote_literal(qualified(shape.schema, staging_name(run_id)));
  const std::string stem = connection::quote_literal(staging_name(run_id));
  const std::string schema = connection::quote_literal(ident(shape.schema) + ".");
  const std::string old_names = array_of(old), new_names = array_of(made);
  const std::array queries{grants_sql, columns_sql, table_sql, indexes_sql, statistics_sql, identities_sql};
  for (const std::string_view query : queries) {
    const std::string sql = fill_in(query, {{"@live", shape.oid},
                                            {"@made", table},
                                            {"@stem", stem},
                                            {"@schema", schema},
                                            {"@old", old_names},
                                            {"@new", new_names}});
    const auto statements = co_await db.execute(sql, command_deadline());
    if (!statements) co_return statements.error();
    if (statements->is_null(0, 0)) continue;
    const std::string work{statements->text(0, 0)};
    const auto done = co_await db.execute(work, command_deadline());
    if (!done) co_return done.error();
  }
  co_return result<void>{};
}

}  // namespace gridlight::sync
