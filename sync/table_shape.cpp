#include <string>

#include "sync/command.hpp"
#include "sync/staging.hpp"

// What Postgres's catalogs say of a table that is to be replaced.
namespace gridlight::sync {
namespace {

using postgres::connection;

constexpr std::string_view table_sql = R"(
SELECT c.oid, c.relpersistence, coalesce(array_to_string(c.reloptions, ', '), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND )";

// The definition is cut behind its table's name, which is written as pg_get_indexdef writes it.
constexpr std::string_view indexes_sql = R"(
SELECT ic.relname,
       substr(pg_get_indexdef(i.indexrelid), length(format('CREATE %sINDEX %I ON %I.%I ',
         CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, ic.relname, n.nspname, c.relname)) + 1),
       i.indisunique,
       CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE '' END,
       a.attname
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
LEFT JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS nth
       ON i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[nth]
WHERE i.indisvalid AND i.indrelid = )";

constexpr std::string_view checks_sql = R"(
SELECT conname, pg_get_constraintdef(oid), pg_get_expr(conbin, conrelid)
FROM pg_constraint WHERE contype = 'c' AND conrelid = )";

// $ stands for the table's oid.
constexpr std::string_view obstacles_sql = R"(
SELECT string_agg(DISTINCT what, ', ' ORDER BY what) FROM (
  SELECT CASE WHEN r.ev_class = $ THEN 'rule ' || r.rulename
              ELSE CASE v.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || v.oid::regclass END AS what
  FROM pg_rewrite r JOIN pg_class v ON v.oid = r.ev_class
  WHERE r.ev_class = $ OR r.oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_rewrite'::regclass
                                    AND refclassid = 'pg_class'::regclass AND refobjid = $)
  UNION ALL
  SELECT CASE contype WHEN 'x' THEN 'exclusion constraint ' ELSE 'foreign key ' END || conname || ' of '
         || conrelid::regclass
  FROM pg_constraint WHERE contype IN ('f', 'x') AND (conrelid = $ OR confrelid = $)
  UNION ALL
  SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = $
  UNION ALL
  SELECT 'row level security' FROM pg_class WHERE oid = $ AND relrowsecurity
  UNION ALL
  SELECT 'a replica identity of its own' FROM pg_class WHERE oid = $ AND relreplident NOT IN ('d', 'n')
  UNION ALL
  SELECT 'publication ' || p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  WHERE r.prrelid = $
  UNION ALL
  SELECT 'trigger ' || tgname || ' (not simply enabled)' FROM pg_trigger
  WHERE tgrelid = $ AND NOT tgisinternal AND tgenabled <> 'O'
  UNION ALL
  SELECT 'inheritance with ' || CASE WHEN inhrelid = $ THEN inhparent ELSE inhrelid END::regclass
  FROM pg_inherits WHERE inhrelid = $ OR inhparent = $
  UNION ALL
  SELECT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
  WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'n'
    AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, $), ('pg_type'::regclass,
                                       (SELECT reltype FROM pg_class WHERE oid = $)))
) AS obstacles)";

// xmin changes with every ALTER and GRANT; what hangs on the table is in pg_depend. ANALYZE changes neither.
constexpr std::string_view fingerprint_sql = R"(
SELECT concat_ws(':', c.oid, c.xmin, md5((SELECT string_agg(concat_ws(',', d.classid, d.objid, d.refobjsubid, d.deptype), ';'
                                                            ORDER BY d.classid, d.objid, d.refobjsubid, d.deptype)
  FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid)))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE )";

std::string with_oid(std::string_view sql, std::string_view oid) {
  std::string out;
  for (const char c : sql) {
    if (c == '$')
      out.append(oid);
    else
      out += c;
  }
  return out;
}

boost::asio::awaitable<result<void>> refuse_obstacles(connection& db, const table_shape& shape) {
  const auto rows = co_await db.execute(with_oid(obstacles_sql, shape.oid), command_deadline());
  if (!rows) co_return rows.error();
  if (rows->is_null(0, 0)) co_return result<void>{};
  std::string detail = qualified(shape.schema, shape.name);
  detail.append(" cannot be replaced while these hang on it: ").append(rows->text(0, 0));
  co_return failure{errc::conflict, std::move(detail)};
}

void add_index(std::vector<index_shape>& indexes, const postgres::result_set& rows, int row) {
  if (indexes.empty() || indexes.back().name != rows.text(row, 0)) {
    index_shape& index = indexes.emplace_back();
    index.name = rows.text(row, 0);
    index.definition = rows.text(row, 1);
    index.unique = rows.text(row, 2) == "t";
    index.constraint = rows.text(row, 3);
  }
  if (!rows.is_null(row, 4)) indexes.back().columns.emplace_back(rows.text(row, 4));
}

}  // namespace

std::string qualified(std::string_view schema, std::string_view name) {
  std::string out = connection::quote_identifier(schema);
  out += '.';
  return out.append(connection::quote_identifier(name));
}

bool is_sqlstate(const failure& f, std::string_view state) {
  return f.log_detail.starts_with(state) && f.log_detail.substr(state.size()).starts_with(':');
}

boost::asio::awaitable<result<std::string>> read_fingerprint(connection& db, std::string schema,
                                                             std::string table) {
  std::string sql{fingerprint_sql};
  sql.append("n.nspname = ").append(connection::quote_literal(schema));
  sql.append(" AND c.relname = ").append(connection::quote_literal(table));
  const auto found = co_await db.execute(sql, command_deadline());
  if (!found) co_return found.error();
  if (found->rows() == 0) co_return std::string{};
  co_return std::string{found->text(0, 0)};
}

boost::asio::awaitable<result<table_shape>> read_shape(connection& db, std::string schema, std::string table,
                                                       obstacles when_found) {
  table_shape out;
  out.schema = schema;
  out.name = table;
  std::string sql{table_sql};
  sql.append("n.nspname = ").append(connection::quote_literal(schema));
  sql.append(" AND c.relname = ").append(connection::quote_literal(table));
  const auto found = co_await db.execute(sql, command_deadline());
  if (!found) co_return found.error();
  if (found->rows() == 0)
    co_return failure{errc::schema_mismatch, "there is no table " + qualified(schema, table)};
  out.oid = found->text(0, 0);
  if (found->text(0, 1) == "u") out.persistence = "UNLOGGED ";
  out.options = found->text(0, 2);
  // Read before the rest, so that a change during the reading shows in it.
  auto fingerprint = co_await read_fingerprint(db, schema, table);
  if (!fingerprint) co_return fingerprint.error();
  out.fingerprint = std::move(*fingerprint);
  if (when_found == obstacles::refuse) {
    const auto free = co_await refuse_obstacles(db, out);
    if (!free) co_return free.error();
  }

  sql = indexes_sql;
  sql.append(out.oid).append(" ORDER BY k.contype IS DISTINCT FROM 'p', ic.relname, nth");
  const auto indexes = co_await db.execute(sql, command_deadline());
  if (!indexes) co_return indexes.error();
  for (int row = 0; row < indexes->rows(); ++row)
    add_index(out.indexes, *indexes, row);

  sql = checks_sql;
  const auto checks =
      co_await db.execute(sql.append(out.oid).append(" ORDER BY conname"), command_deadline());
  if (!checks) co_return checks.error();
  for (int row = 0; row < checks->rows(); ++row)
    out.checks.push_back({std::string{checks->text(row, 0)}, std::string{checks->text(row, 1)},
                          std::string{checks->text(row, 2)}});
  co_return out;
}

}  // namespace gridlight::sync
