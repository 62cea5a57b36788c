#include "sync/load/target.hpp"

#include <charconv>
#include <map>

#include "sync/command.hpp"

namespace gridlight::sync {
namespace {

const std::map<std::string_view, column_kind, std::less<>>& kinds() {
  static const std::map<std::string_view, column_kind, std::less<>> table{
      {"bool", column_kind::boolean},        {"int2", column_kind::int2},
      {"int4", column_kind::int4},           {"int8", column_kind::int8},
      {"float4", column_kind::float4},       {"float8", column_kind::float8},
      {"numeric", column_kind::numeric},     {"text", column_kind::text},
      {"varchar", column_kind::text},        {"bpchar", column_kind::text},
      {"date", column_kind::date},           {"time", column_kind::time},
      {"timestamp", column_kind::timestamp}, {"timestamptz", column_kind::timestamptz},
      {"uuid", column_kind::uuid},           {"bytea", column_kind::bytea},
      {"json", column_kind::json},           {"jsonb", column_kind::jsonb},
      {"geometry", column_kind::geometry},   {"geography", column_kind::geometry}};
  return table;
}

// What the type modifier says, by the rules of each type (PostGIS packs SRID, type and dimensions into one).
void read_modifier(target_column& column, std::string_view type_name, int modifier) {
  const bool geography = type_name == "geography";
  if (geography) column.srid = 4326;
  if (modifier < 0) return;
  if (column.kind == column_kind::text && type_name != "text") column.max_characters = modifier - 4;
  if (column.kind == column_kind::numeric) {
    const int packed = modifier - 4;
    column.precision = (packed >> 16) & 0xffff;
    column.scale = ((packed & 0x7ff) ^ 1024) - 1024;
  }
  if (column.kind == column_kind::geometry) {
    const int srid = ((modifier & 0x0fffff00) - (modifier & 0x10000000)) >> 8;
    const int shape = (modifier & 0xfc) >> 2;
    if (srid > 0) column.srid = static_cast<std::uint32_t>(srid);
    if (shape >= 1 && shape <= 7) column.shape = static_cast<geo::geometry_type>(shape);
    if ((modifier & 3) != 0) column.kind = column_kind::unsupported;  // Z or M wanted
  }
}

constexpr std::string_view columns_sql = R"(
SELECT a.attname, t.typname, a.atttypmod, a.attnotnull, a.atthasdef AND a.attgenerated = '' OR a.attidentity <> '',
       a.attgenerated <> '', format_type(a.atttypid, a.atttypmod), coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND )";

}  // namespace

std::string place_sql(const layer_config& layer, const std::vector<target_column>& columns) {
  using postgres::connection;
  if (!layer.longitude.empty())
    return "ST_MakePoint(" + connection::quote_identifier(layer.longitude) + ", " +
           connection::quote_identifier(layer.latitude) + ")";
  if (find_column(columns, layer.geometry) == nullptr) return "";
  return connection::quote_identifier(layer.geometry);
}

boost::asio::awaitable<result<std::vector<target_column>>> read_target(postgres::connection& db,
                                                                       std::string schema,
                                                                       std::string table) {
  std::string sql;
  sql.append(columns_sql).append("n.nspname = ").append(postgres::connection::quote_literal(schema));
  sql.append(" AND c.relname = ")
      .append(postgres::connection::quote_literal(table))
      .append(" ORDER BY a.attnum");
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  if (rows->rows() == 0)
    co_return failure{errc::schema_mismatch, "there is no table " + schema + "." + table};
  std::vector<target_column> out;
  for (int row = 0; row < rows->rows(); ++row) {
    target_column column;
    const std::string_view type_name = rows->text(row, 1);
    column.name = rows->text(row, 0);
    column.type = rows->text(row, 6);
    const auto kind = kinds().find(type_name);
    column.kind = kind == kinds().end() ? column_kind::unsupported : kind->second;
    column.not_null = rows->text(row, 3) == "t";
    column.has_default = rows->text(row, 4) == "t";
    column.generated = rows->text(row, 5) == "t";
    int modifier = -1;
    const std::string_view text = rows->text(row, 2);
    std::from_chars(text.data(), text.data() + text.size(), modifier);
    read_modifier(column, type_name, modifier);
    if (column.generated && column.kind == column_kind::geometry)
      column.positions = positions_of(rows->text(row, 7));
    out.push_back(std::move(column));
  }
  co_return out;
}

}  // namespace gridlight::sync
