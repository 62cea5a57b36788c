#include "server/relation.hpp"

#include "server/postgres/statement.hpp"

namespace gridlight {
namespace {

namespace oid = postgres::oid;

// One row a column; a relation that is not there gives one row without a column.
constexpr std::string_view columns_sql = R"(
SELECT d.n, c.oid IS NOT NULL, coalesce(has_schema_privilege(s.oid, 'USAGE'), false), coalesce(c.reltuples, -1)::float8,
       a.attname::text, b.oid::int8, b.typname::text,
       format_type(b.oid, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END),
       coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false),
       coalesce(a.attcollation IN ('pg_catalog."C"'::regcollation, 'pg_catalog."POSIX"'::regcollation), false),
       format('%I.%I', d.schema_name, d.table_name)
FROM unnest($1, $2) WITH ORDINALITY AS d(schema_name, table_name, n)
LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = d.schema_name
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = d.table_name
                               AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
ORDER BY d.n, a.attnum)";

// A text[] in its text form.
std::string array_text(std::span<const layer_config> layers, std::string layer_config::*member) {
  std::string out = "{";
  for (const layer_config& l : layers) {
    out += out.size() == 1 ? "\"" : ",\"";
    for (const char c : l.*member) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + '}';
}

std::vector<relation> relations_of(const postgres::result_set& rows, std::size_t count) {
  std::vector<relation> out(count);
  for (int r = 0; r < rows.rows(); ++r) {
    relation& to = out[static_cast<std::size_t>(rows.integer(r, 0) - 1)];
    to.found = rows.boolean(r, 1);
    to.schema_usable = rows.boolean(r, 2);
    to.tuples = rows.number(r, 3);
    to.qualified = rows.text(r, 10);
    if (rows.is_null(r, 4)) continue;
    to.columns.push_back({std::string{rows.text(r, 4)}, static_cast<Oid>(rows.integer(r, 5)),
                          std::string{rows.text(r, 6)}, std::string{rows.text(r, 7)}, rows.boolean(r, 8),
                          rows.boolean(r, 9)});
  }
  return out;
}

}  // namespace

boost::asio::awaitable<result<std::vector<relation>>> read_relations(postgres::connection& db,
                                                                     std::span<const layer_config> declared,
                                                                     deadline until) {
  static const postgres::statement columns{
      std::string{columns_sql},
      {oid::text_array, oid::text_array},
      {oid::int8, oid::boolean, oid::boolean, oid::float8, oid::text, oid::int8, oid::text, oid::text,
       oid::boolean, oid::boolean, oid::text}};
  postgres::arguments names;
  names.add_text(array_text(declared, &layer_config::schema))
      .add_text(array_text(declared, &layer_config::table));
  const auto rows = co_await db.query(columns, names, until);
  if (!rows) co_return rows.error();
  co_return relations_of(*rows, declared.size());
}

}  // namespace gridlight
