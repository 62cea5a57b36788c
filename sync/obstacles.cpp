#include "sync/obstacles.hpp"

#include "sync/command.hpp"
#include "sync/fill_in.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

// What hangs on the table itself or on the type of its rows. Of the kinds that are listed below `other` only
// those of the table's own are carried; whatever Postgres will know in later years is an obstacle.
constexpr std::string_view obstacles_sql = R"(
WITH own AS (SELECT c.*, t.typarray FROM pg_class c LEFT JOIN pg_type t ON t.oid = c.reltype WHERE c.oid = @live),
hanging AS (
  SELECT d.classid, d.objid, d.objsubid FROM own JOIN pg_depend d
    ON d.refclassid = 'pg_class'::regclass AND d.refobjid = own.oid AND d.deptype <> 'i'
  UNION
  SELECT d.classid, d.objid, d.objsubid FROM own JOIN pg_depend d
    ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (own.reltype, own.typarray) AND d.deptype <> 'i'
),
rules AS (
  SELECT r.rulename, v.* FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class
  WHERE r.ev_class = @live OR r.oid IN (SELECT objid FROM hanging WHERE classid = 'pg_rewrite'::regclass)
),
other AS (
  SELECT h.* FROM hanging h
  WHERE NOT CASE h.classid
    WHEN 'pg_rewrite'::regclass THEN true
    WHEN 'pg_publication_rel'::regclass THEN true
    WHEN 'pg_constraint'::regclass THEN
      EXISTS (SELECT FROM pg_constraint k WHERE k.oid = h.objid AND (k.contype IN ('f', 'x') OR k.conrelid = @live))
    WHEN 'pg_attrdef'::regclass THEN EXISTS (SELECT FROM pg_attrdef a WHERE a.oid = h.objid AND a.adrelid = @live)
    WHEN 'pg_trigger'::regclass THEN
      EXISTS (SELECT FROM pg_trigger t WHERE t.oid = h.objid AND (t.tgrelid = @live OR t.tgisinternal))
    WHEN 'pg_policy'::regclass THEN EXISTS (SELECT FROM pg_policy p WHERE p.oid = h.objid AND p.polrelid = @live)
    WHEN 'pg_statistic_ext'::regclass THEN
      EXISTS (SELECT FROM pg_statistic_ext s WHERE s.oid = h.objid AND s.stxrelid = @live)
    WHEN 'pg_class'::regclass THEN
      h.objsubid = 0 AND EXISTS (SELECT FROM pg_class c WHERE c.oid = h.objid AND c.relkind IN ('i', 'S'))
      OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = h.objid AND i.inhparent = @live)
    ELSE false END
)
SELECT string_agg(DISTINCT what, ', ' ORDER BY what) FROM (
  SELECT CASE WHEN rulename <> '_RETURN' THEN 'rule ' || rulename || ' of ' || oid::regclass
              WHEN relkind = 'm' THEN 'materialized view ' || oid::regclass
              WHEN relpersistence = 't' THEN 'temporary view ' || oid::regclass
              WHEN NOT pg_has_role(relowner, 'USAGE')
                THEN format('view %s (it belongs to %s, which %I is no member of)', oid::regclass, relowner::regrole,
                            current_user)
              WHEN NOT has_schema_privilege(relnamespace, 'CREATE')
                THEN format('view %s (%I may not CREATE in schema %s)', oid::regclass, current_user,
                            relnamespace::regnamespace)
         END AS what
  FROM rules
  UNION ALL
  SELECT format('%s views, where at most 20 can be made anew while readers wait', count(*)) FROM rules
  WHERE rulename = '_RETURN' HAVING count(*) > 20
  UNION ALL
  SELECT CASE contype WHEN 'x' THEN 'exclusion constraint ' ELSE 'foreign key ' END || conname || ' of '
         || conrelid::regclass
  FROM pg_constraint WHERE contype IN ('f', 'x') AND (conrelid = @live OR confrelid = @live)
  UNION ALL
  SELECT format('row level security (%I is subject to it)', current_user) WHERE row_security_active(@live)
  UNION ALL
  SELECT 'publication ' || p.pubname FROM pg_publication_tables p
  JOIN own ON p.tablename = own.relname AND p.schemaname = (SELECT nspname FROM pg_namespace WHERE oid = own.relnamespace)
  UNION ALL
  SELECT format('grants that %s made (%I is no member of it)', a.grantor::regrole, session_user)
  FROM own, LATERAL (
    SELECT (aclexplode(own.relacl)).grantor UNION ALL
    SELECT (aclexplode(attacl)).grantor FROM pg_attribute WHERE attrelid = own.oid AND NOT attisdropped) AS a
  WHERE a.grantor <> own.relowner AND NOT pg_has_role(session_user, a.grantor, 'MEMBER')
  UNION ALL
  SELECT format('its owner %s (who may not CREATE in schema %s)', relowner::regrole, relnamespace::regnamespace) FROM own
  WHERE NOT has_schema_privilege(relowner, relnamespace, 'CREATE')
    AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND (rolsuper OR oid = relowner))
  UNION ALL
  SELECT format('statistics %I (they belong to %s, which %I is no member of)', stxname, stxowner::regrole, current_user)
  FROM pg_statistic_ext WHERE stxrelid = @live AND NOT pg_has_role(stxowner, 'MEMBER')
  UNION ALL
  SELECT format('trigger %s (%I may not EXECUTE %s)', tgname, current_user, tgfoid::regprocedure) FROM pg_trigger
  WHERE tgrelid = @live AND NOT tgisinternal AND NOT has_function_privilege(tgfoid, 'EXECUTE')
  UNION ALL
  SELECT 'subscription ' || s.subname FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid
  WHERE r.srrelid = @live
  UNION ALL
  SELECT 'inheritance with ' || CASE WHEN inhrelid = @live THEN inhparent ELSE inhrelid END::regclass
  FROM pg_inherits WHERE inhrelid = @live OR inhparent = @live
  UNION ALL
  SELECT 'type ' || reloftype::regtype || ', which it is of' FROM own WHERE reloftype <> 0
  UNION ALL
  SELECT 'extension ' || e.extname || ', which it belongs to' FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
  WHERE d.classid = 'pg_class'::regclass AND d.objid = @live AND d.refclassid = 'pg_extension'::regclass
  UNION ALL
  SELECT 'security label of ' || provider FROM pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = @live
  UNION ALL
  SELECT pg_describe_object(classid, objid, objsubid) FROM other
) AS obstacles)";

}  // namespace

awaitable<result<void>> refuse_obstacles(connection& db, const table_shape& shape) {
  const std::string sql = fill_in(obstacles_sql, {{"@live", shape.oid}});
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  if (rows->is_null(0, 0)) co_return result<void>{};
  std::string detail = qualified(shape.schema, shape.name);
  detail.append(" cannot be replaced while these hang on it: ").append(rows->text(0, 0));
  co_return failure{errc::conflict, std::move(detail)};
}

}  // namespace gridlight::sync
