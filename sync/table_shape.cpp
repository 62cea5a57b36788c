#include <string>

#include "sync/command.hpp"
#include "sync/obstacles.hpp"
#include "sync/staging.hpp"

// What Postgres's catalogs say of a table that is to be replaced.
namespace gridlight::sync {
namespace {

using postgres::connection;

constexpr std::string_view table_sql = R"(
SELECT c.oid, c.relpersistence, concat_ws(', ',
         (SELECT string_agg(format('%I = %L', option_name, option_value), ', ') FROM pg_options_to_table(c.reloptions)),
         (SELECT string_agg(format('toast.%I = %L', option_name, option_value), ', ')
          FROM pg_class t, pg_options_to_table(t.reloptions) WHERE t.oid = c.reltoastrelid)),
       am.amname, s.spcname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am am ON am.oid = c.relam
JOIN pg_database d ON d.datname = current_database()
JOIN pg_tablespace s ON s.oid = coalesce(nullif(c.reltablespace, 0), d.dattablespace)
WHERE c.relkind = 'r' AND )";

// The definition is cut behind its table's name, which is written as pg_get_indexdef writes it.
constexpr std::string_view indexes_sql = R"(
SELECT ic.relname,
       substr(pg_get_indexdef(i.indexrelid), length(format('CREATE %sINDEX %I ON %I.%I ',
         CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END, ic.relname, n.nspname, c.relname)) + 1),
       i.indisunique,
       CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE '' END,
       a.attname,
       CASE WHEN k.condeferrable THEN ' DEFERRABLE' || CASE WHEN k.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END
            ELSE '' END,
       s.spcname
FROM pg_index i
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_database d ON d.datname = current_database()
JOIN pg_tablespace s ON s.oid = coalesce(nullif(ic.reltablespace, 0), d.dattablespace)
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u')
LEFT JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS nth
       ON i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[nth]
WHERE i.indisvalid AND i.indrelid = )";

constexpr std::string_view checks_sql = R"(
SELECT conname, pg_get_constraintdef(oid), pg_get_expr(conbin, conrelid)
FROM pg_constraint WHERE contype = 'c' AND conrelid = )";

// xmin changes with every ALTER, GRANT and COMMENT; ANALYZE changes none of these rows.
constexpr std::string_view fingerprint_sql = R"(
SELECT concat_ws(':', c.oid, c.xmin, md5(concat_ws('|',
  (SELECT string_agg(concat_ws(',', d.classid, d.objid, d.refobjsubid, d.deptype), ';'
                     ORDER BY d.classid, d.objid, d.refobjsubid, d.deptype)
   FROM pg_depend d WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid),
  (SELECT string_agg(concat_ws(',', o.kind, o.oid, o.x), ';' ORDER BY o.kind, o.oid) FROM (
     SELECT 1 AS kind, attnum::oid AS oid, xmin AS x FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0
     UNION ALL SELECT 2, oid, xmin FROM pg_attrdef WHERE adrelid = c.oid
     UNION ALL SELECT 3, indexrelid, xmin FROM pg_index WHERE indrelid = c.oid
     UNION ALL SELECT 4, x.oid, x.xmin FROM pg_class x
       WHERE x.oid = c.reltoastrelid OR x.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid)
     UNION ALL SELECT 5, oid, xmin FROM pg_constraint WHERE conrelid = c.oid
     UNION ALL SELECT 6, oid, xmin FROM pg_trigger WHERE tgrelid = c.oid
     UNION ALL SELECT 7, oid, xmin FROM pg_policy WHERE polrelid = c.oid
     UNION ALL SELECT 8, oid, xmin FROM pg_statistic_ext WHERE stxrelid = c.oid
     UNION ALL SELECT 9, t.objoid, t.xmin FROM pg_description t WHERE t.classoid = 'pg_class'::regclass
       AND (t.objoid = c.oid OR t.objoid IN (SELECT indexrelid FROM pg_index WHERE indrelid = c.oid))
     UNION ALL SELECT 10, t.objoid, t.xmin FROM pg_depend d JOIN pg_description t
       ON t.classoid = d.classid AND t.objoid = d.objid
       WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.deptype = 'a'
  ) AS o))))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE )";

constexpr std::string_view quick_fingerprint_sql = R"(
SELECT concat_ws(':', c.oid, c.relname, c.xmin,
  (SELECT md5(string_agg(a.xmin::text, ',' ORDER BY a.attnum)) FROM pg_attribute a WHERE a.attrelid = c.oid),
  (SELECT md5(string_agg(concat_ws(',', d.classid, d.objid, d.refobjsubid, d.deptype, r.xmin, v.xmin), ';'
                         ORDER BY d.classid, d.objid, d.refobjsubid, d.deptype))
   FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
   LEFT JOIN pg_class v ON v.oid = r.ev_class
   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid))
FROM pg_class c WHERE c.oid = )";

void add_index(std::vector<index_shape>& indexes, const postgres::result_set& rows, int row) {
  if (indexes.empty() || indexes.back().name != rows.text(row, 0)) {
    index_shape& index = indexes.emplace_back();
    index.name = rows.text(row, 0);
    index.definition = rows.text(row, 1);
    index.unique = rows.text(row, 2) == "t";
    index.constraint = rows.text(row, 3);
    index.timing = rows.text(row, 5);
    index.tablespace = rows.text(row, 6);
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

boost::asio::awaitable<result<std::string>> read_quick_fingerprint(connection& db, std::string oid) {
  std::string sql{quick_fingerprint_sql};
  const auto found = co_await db.execute(sql.append(oid), command_deadline());
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
  out.access_method = found->text(0, 3);
  out.tablespace = found->text(0, 4);
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
