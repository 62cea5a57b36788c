#include "api/tile_sql.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"
#include "server/tile_rules.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

constexpr std::string_view tile_box = "ST_MakeEnvelope($1, $2, $3, $4, 4326)";

std::string quoted(std::string_view name) {
  return postgres::connection::quote_identifier(name);
}

// What Postgres would make of it with ::text are the bytes that come.
bool reads_as_its_text(const property& p) {
  return p.cast_to_text || p.type == oid::text || p.type == oid::varchar;
}

// Of one source: "version", or "version detail_zoom".
std::string source_sql(const tile_source& s) {
  if (!s.versioned) return "'-'";
  const auto of = [](std::string_view columns, std::string_view table, const std::string& layer) {
    return fmt::format("coalesce((SELECT concat_ws(' ', {}) FROM gridlight.{} s WHERE s.layer = {}", columns,
                       table, postgres::connection::quote_literal(layer));
  };
  if (!s.placed.empty()) return of(place_version_sql, "tile_state", s.placed) + "), '-')";
  if (!s.generalised) return of("s.version", "layer_state", s.name) + "), '-')";
  return of("s.version, s.detail_zoom", "tile_state", s.name) +
         fmt::format(" AND {} = {}), '-')", rules_hash_sql, s.rules);
}

// The columns of all parts but `own`, which gives its own.
std::string padded(std::span<const tile_part> parts, std::size_t own, const std::string& columns) {
  std::string out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i == own) {
      out += columns;
      continue;
    }
    for (const property& p : served_properties(*parts[i].of))
      out.append(", NULL::").append(layer_columns::type_name(p.type));
    if (parts[i].joined) out += ", NULL::text";
  }
  return out;
}

std::string head_sql(std::span<const tile_part> parts) {
  std::string out = "SELECT -1 AS part, NULL::bigint AS n, NULL::bigint AS total, concat_ws(','";
  for (const tile_source& s : sources_of(parts))
    out.append(", ").append(source_sql(s));
  return out + "), NULL::bytea" + padded(parts, parts.size(), {});
}

std::string natural_rank(const layer& l, const std::string& geometry) {
  if (!l.config.tiles.rank.empty()) return "t." + quoted(l.config.tiles.rank);
  switch (l.config.geometry_type) {
    case geometry_kind::line:
      return "ST_Length(" + geometry + ")";
    case geometry_kind::polygon:
      return "ST_Area(" + geometry + ")";
    case geometry_kind::mixed:
      return "ST_Area(" + geometry + ") + ST_Length(" + geometry + ")";
    default:
      return "0::float8";  // a bare number would name a column
  }
}

// What a part's own table gives.
struct part_sql {
  std::string key, order, geometry, columns, from, where, rank, flag = "0", count = "NULL::bigint";
};

part_sql of_layer(const tile_part& part) {
  const layer& l = *part.of;
  part_sql out;
  out.key = out.order = layer_columns::key_text(l);
  if (composes_key(part)) out.key = "NULL::text";
  out.geometry = layer_columns::place_of(l).geometry;
  for (const property& p : served_properties(l))
    out.columns += ", " + layer_columns::read(p);
  out.from = layer_columns::table(l) + layer_columns::join(l);
  if (part.joined) {
    out.columns += ", cc.condition";
    out.from += " LEFT JOIN gridlight.circuit_condition cc ON cc.circuit_id = t." + quoted(l.config.circuit) +
                "::text";
  }
  out.where.append(out.geometry).append(" && ").append(tile_box);
  out.rank = natural_rank(l, out.geometry);
  return out;
}

part_sql of_generalised(const tile_part& part) {
  const layer& l = *part.of;
  part_sql out;
  out.key = out.order = "t.ident";
  out.geometry = "t.geom";
  out.from = "gridlight_tiles." + quoted(l.config.name) + " t";
  std::string circuit = l.config.circuit == l.key.front().name ? "t.key" : "";
  int number = 0;
  for (const property& p : served_properties(l)) {
    const std::string column = "t.p" + std::to_string(number++);
    out.columns += ", " + column;
    if (p.name == l.config.circuit) circuit = column;
  }
  if (part.joined) {
    out.columns += ", cc.condition";
    out.from += " LEFT JOIN gridlight.circuit_condition cc ON cc.circuit_id = " + circuit + "::text";
  }
  out.where = "t.zoom = $5::smallint AND t.tx = $6 AND t.ty = $7";
  out.rank = "t.rank";
  out.flag = "(t.key IS NULL)::int";
  out.count = "t.n";
  return out;
}

std::string rows_sql(std::span<const tile_part> parts, std::size_t i, tile_rows rows, std::int64_t most) {
  const part_sql p = parts[i].generalised ? of_generalised(parts[i]) : of_layer(parts[i]);
  const bool ranked = rows == tile_rows::ranked;
  std::string out = "(SELECT " + std::to_string(2 * i) + " + " + p.flag + ", " + p.count + ", ";
  out += std::string{ranked ? "count(*) OVER ()" : "NULL::bigint"} + ", " + p.key + ", " + p.geometry;
  if (!on_lattice(parts[i])) out += "::bytea";
  out += padded(parts, i, p.columns) + " FROM " + p.from + " WHERE " + p.where;
  if (!ranked) return out + " LIMIT " + std::to_string(most + 1) + ")";
  return out + " ORDER BY " + p.rank + " DESC NULLS LAST, " + p.order + " LIMIT $8)";
}

}  // namespace

bool has_condition(const layer& l) {
  // Asked for each tile that is kept: without copying the properties.
  if (l.key.size() == 1 && l.key.front().name == l.config.circuit) return true;
  const auto& hidden = l.config.personal;
  return !l.config.circuit.empty() &&
         std::find(hidden.begin(), hidden.end(), l.config.circuit) == hidden.end() &&
         std::any_of(l.properties.begin(), l.properties.end(),
                     [&](const property& p) { return p.name == l.config.circuit; });
}

std::optional<std::size_t> circuit_position(const layer& l) {
  const auto served = served_properties(l);
  for (std::size_t i = 0; i < served.size(); ++i)
    if (served[i].name == l.config.circuit) return i;
  return std::nullopt;
}

bool tells_circuit(const layer& l) {
  const auto position = circuit_position(l);
  const auto served = served_properties(l);
  return reads_as_its_text(position ? served[*position] : l.key.front());
}

bool composes_key(const tile_part& part) {
  if (part.generalised || part.of->key.size() == 1) return false;
  const auto served = served_properties(*part.of);
  return std::all_of(part.of->key.begin(), part.of->key.end(), [&](const property& k) {
    return reads_as_its_text(k) &&
           std::any_of(served.begin(), served.end(), [&](const property& p) { return p.name == k.name; });
  });
}

bool on_lattice(const tile_part& part) {
  return part.generalised && !part.of->config.merge_column().empty();
}

std::vector<tile_source> sources_of(std::span<const tile_part> parts) {
  std::vector<tile_source> out;
  const auto add = [&](tile_source s) {
    if (std::find(out.begin(), out.end(), s) == out.end()) out.push_back(std::move(s));
  };
  for (const tile_part& p : parts) {
    const std::string& name = p.of->config.name;
    add({name, p.generalised, p.of->hides_place(), p.of->versioned, p.generalised ? p.of->rules : 0});
    if (p.of->snap)
      add({p.of->snap->layer, false, false, p.of->snap->versioned, 0, p.generalised ? name : std::string{}});
    if (has_condition(*p.of)) add({std::string{conditions}, false, false, true});
  }
  return out;
}

tile_layout layout_of(std::span<const tile_part> parts) {
  tile_layout out;
  for (const tile_part& p : parts) {
    out.properties.push_back(out.columns);
    out.columns += static_cast<int>(served_properties(*p.of).size()) + (p.joined ? 1 : 0);
  }
  return out;
}

std::string tile_statement(std::span<const tile_part> parts, tile_rows rows, std::int64_t most) {
  std::string out = head_sql(parts);
  for (std::size_t i = 0; i < parts.size(); ++i)
    out += " UNION ALL " + rows_sql(parts, i, rows, most);
  return out;
}

std::vector<Oid> tile_parameters(tile_rows rows) {
  std::vector<Oid> out(4, oid::float8);
  out.insert(out.end(), 3, oid::int4);
  if (rows == tile_rows::ranked) out.push_back(oid::int8);
  return out;
}

const postgres::statement& touched_statement() {
  static const postgres::statement s{
      "SELECT greatest(CASE WHEN s.change_floor > $2 THEN least(s.change_floor, $3) END, (SELECT "
      "max(c.version) FROM "
      "gridlight.layer_change c WHERE c.layer = $1 AND c.version > $2 AND c.version <= $3 AND (c.envelope IS "
      "NULL OR "
      "ST_Intersects(c.envelope, ST_MakeEnvelope($4, $5, $6, $7, 4326))))) FROM gridlight.layer_state s "
      "WHERE s.layer = $1",
      {oid::text, oid::int8, oid::int8, oid::float8, oid::float8, oid::float8, oid::float8},
      {oid::int8}};
  return s;
}

}  // namespace gridlight::api
