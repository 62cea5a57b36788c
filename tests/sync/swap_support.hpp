#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/temp_db.hpp"

namespace gridlight::test {

/// All that Postgres's catalogs say of a table, of what belongs to it and of the views above it, as sorted
/// lines; nothing of its rows.
inline std::vector<std::string> definition_of(const temp_db& db, const std::string& table) {
  const std::string acl = "(SELECT array_agg(x::text ORDER BY x::text) FROM unnest(";
  std::string sql = R"(
WITH t AS (SELECT * FROM pg_class WHERE oid = '@table'::regclass),
i AS (SELECT x.*, c.relname, c.reltablespace FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid, t
      WHERE x.indrelid = t.oid),
s AS (SELECT c.*, d.deptype, a.attname FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
      JOIN t ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
      JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid WHERE d.classid = 'pg_class'::regclass),
v AS (SELECT DISTINCT v.* FROM t JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
      JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class)
SELECT concat_ws(' | ', 'table', relname, relpersistence, relowner::regrole, relreplident, relrowsecurity,
         relforcerowsecurity, @sorted reloptions) AS x), (SELECT @sorted o.reloptions) AS x) FROM pg_class o WHERE o.oid =
         t.reltoastrelid),
         (SELECT spcname FROM pg_tablespace p WHERE p.oid = t.reltablespace), @acl relacl) AS x),
         obj_description(oid, 'pg_class')) FROM t
UNION ALL
SELECT concat_ws(' | ', 'column', row_number() OVER (ORDER BY a.attnum), a.attname, format_type(a.atttypid, a.atttypmod),
         a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
         a.attstattarget, a.attoptions, a.attcollation::regcollation, @acl a.attacl) AS x),
         col_description(t.oid, a.attnum))
FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT concat_ws(' | ', 'constraint', k.conname, pg_get_constraintdef(k.oid), k.convalidated, k.condeferrable,
         k.condeferred, obj_description(k.oid, 'pg_constraint'))
FROM t JOIN pg_constraint k ON k.conrelid = t.oid
UNION ALL
SELECT concat_ws(' | ', 'index', pg_get_indexdef(indexrelid), indisprimary, indisunique, indimmediate, indisclustered,
         indisreplident, indisvalid, (SELECT spcname FROM pg_tablespace p WHERE p.oid = i.reltablespace),
         (SELECT array_agg(attstattarget ORDER BY attnum) FROM pg_attribute WHERE attrelid = indexrelid),
         obj_description(indexrelid, 'pg_class'))
FROM i
UNION ALL
SELECT concat_ws(' | ', 'trigger', pg_get_triggerdef(g.oid), tgenabled, tgdeferrable, obj_description(g.oid, 'pg_trigger'),
                 obj_description(g.tgconstraint, 'pg_constraint'))
FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
UNION ALL
SELECT concat_ws(' | ', 'policy', p.polname, p.polpermissive, p.polcmd,
         (SELECT array_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END ORDER BY r) FROM unnest(p.polroles) r),
         pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid), obj_description(p.oid, 'pg_policy'))
FROM t JOIN pg_policy p ON p.polrelid = t.oid
UNION ALL
SELECT concat_ws(' | ', 'statistics', pg_get_statisticsobjdef(e.oid), e.stxnamespace::regnamespace, e.stxowner::regrole,
         e.stxstattarget, obj_description(e.oid, 'pg_statistic_ext'),
         (SELECT count(*) FROM pg_statistic_ext_data x WHERE x.stxoid = e.oid))
FROM t JOIN pg_statistic_ext e ON e.stxrelid = t.oid
UNION ALL
SELECT concat_ws(' | ', 'sequence', s.relname, s.deptype, s.attname, s.relowner::regrole, @acl s.relacl) AS x),
         obj_description(s.oid, 'pg_class'), q.seqstart, q.seqincrement, q.seqmax, q.seqcache, q.seqcycle)
FROM s JOIN pg_sequence q ON q.seqrelid = s.oid
UNION ALL
SELECT concat_ws(' | ', 'view', v.oid::regclass, v.oid, v.relkind, v.relowner::regrole, v.reloptions, @acl v.relacl) AS x),
         obj_description(v.oid, 'pg_class'), pg_get_viewdef(v.oid),
         (SELECT array_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), col_description(v.oid, attnum), attacl))
          FROM pg_attribute a WHERE a.attrelid = v.oid AND attnum > 0),
         (SELECT array_agg(pg_get_triggerdef(g.oid)) FROM pg_trigger g WHERE g.tgrelid = v.oid),
         (SELECT array_agg(pg_get_ruledef(r.oid)) FROM pg_rewrite r WHERE r.ev_class = v.oid))
FROM v)";
  const std::string sorted = "(SELECT array_agg(x ORDER BY x) FROM unnest(";
  for (const auto& [token, text] :
       {std::pair<std::string, std::string>{"@table", table}, {"@acl", acl}, {"@sorted", sorted}})
    for (std::size_t at; (at = sql.find(token)) != std::string::npos;)
      sql.replace(at, token.size(), text);
  std::vector<std::string> out;
  for (const auto& row : db.rows(sql))
    out.push_back(row.at(0));
  std::sort(out.begin(), out.end());
  return out;
}

/// The lines that only one of two has, each behind - or +; empty when they are the same.
inline std::string differing(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  std::string out;
  for (const std::string& line : before)
    if (std::find(after.begin(), after.end(), line) == after.end()) out += "\n- " + line;
  for (const std::string& line : after)
    if (std::find(before.begin(), before.end(), line) == before.end()) out += "\n+ " + line;
  return out;
}

}  // namespace gridlight::test
