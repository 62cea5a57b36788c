#include "api/search_sql.hpp"

#include <fmt/format.h>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::api {
namespace {

using postgres::connection;

// Reading one of these costs a search half a microsecond a column.
constexpr std::int64_t read_whole = 5'000, read_names = 20'000;

// Once a query, not once a row.
constexpr std::string_view text = "(SELECT $1)", folded = "(SELECT lower($1))";

std::string quoted(const std::string& column) {
  return "t." + connection::quote_identifier(column);
}

std::string shown_name(const layer& l) {
  return l.config.search.empty() ? "NULL::text" : quoted(l.config.search.front()) + "::text";
}

// What every branch answers: the layer's number, key, name, rank, place.
std::string row_of(std::size_t number, const layer& l, std::string_view rank, std::string_view more = {}) {
  const std::string place = layer_columns::place_of(l).geometry;
  return fmt::format("SELECT {}::int4 AS layer, {} AS key, {} AS name, {} AS rank, {} AS place{} FROM {}",
                     number, layer_columns::key_text(l), shown_name(l), rank,
                     place.empty() ? "NULL::geometry" : place, more, layer_columns::table(l));
}

// Constant while the query runs: a layer that is not asked for is not read.
std::string asked(const layer& l) {
  return connection::quote_literal(l.config.name) + " = ANY($2)";
}

// Of a text in small letters, which is a column's name here: lower() is most of what a search costs.
std::string key_rank(std::string_view key) {
  return fmt::format(
      "CASE WHEN coalesce(strpos({0}, {1}), 0) = 0 THEN NULL WHEN {0} = {1} THEN {2} WHEN starts_with({0}, "
      "{1}) THEN {3} "
      "ELSE {4} END",
      key, folded, int{key_is}, int{key_starts}, int{key_contains});
}

std::string name_rank(std::string_view name) {
  return fmt::format(
      "CASE WHEN coalesce(strpos({0}, {1}), 0) = 0 THEN NULL WHEN {0} = {1} THEN {2} WHEN starts_with({0}, "
      "{1}) THEN {3} "
      "WHEN strpos({0}, ' ' || {1}) > 0 THEN {4} ELSE {5} END",
      name, folded, int{name_is}, int{name_starts}, int{name_word_starts}, int{name_contains});
}

// Reads the table: names, and with `keys` the key as well.
std::string by_reading(std::size_t number, const layer& l, bool keys, std::int64_t rows) {
  std::string ranks = keys ? key_rank("fk") : "", there;
  std::string small = keys ? ", lower(" + layer_columns::key_text(l) + ") AS fk" : "";
  for (std::size_t i = 0; i < l.config.search.size(); ++i) {
    const std::string name = "f" + std::to_string(i), column = quoted(l.config.search[i]);
    ranks += (ranks.empty() ? "" : ", ") + name_rank(name);
    small += ", lower(" + column + "::text) AS " + name;
    there += (there.empty() ? "" : " OR ") + column + " IS NOT NULL";
  }
  std::string in = row_of(number, l, "NULL::int", small) + " WHERE " + asked(l);
  if (!keys) in += " AND (" + there + ")";
  return fmt::format(
      "SELECT layer, key, name, rank, place FROM (SELECT layer, key, name, place, LEAST({}) AS rank FROM ({} "
      "OFFSET 0) x "
      "OFFSET 0) r WHERE rank IS NOT NULL ORDER BY rank, name, key LIMIT {}",
      ranks, in, rows);
}

// Keys are in the order of their bytes, so those that start with the text follow it without a gap.
std::string by_prefix(std::size_t number, const layer& l, std::int64_t rows) {
  const std::string rank = fmt::format("CASE WHEN lower({}) = {} THEN {} ELSE {} END",
                                       layer_columns::key_text(l), folded, int{key_is}, int{key_starts});
  const std::string key = layer_columns::read(l.key.front());
  return fmt::format(
      "SELECT r.* FROM (SELECT DISTINCT v FROM unnest(ARRAY[{0}, upper({0}), lower({0})]) v) q CROSS JOIN "
      "LATERAL "
      "({1} WHERE {2} AND {3} >= q.v ORDER BY {3} LIMIT {4}) r WHERE starts_with(r.key, q.v)",
      text, row_of(number, l, rank), asked(l), key, rows);
}

std::string by_key(std::size_t number, const layer& l, int& parameter) {
  std::string out = row_of(number, l, std::to_string(int{key_is})) + " WHERE " + asked(l);
  for (const property& p : l.key)
    out += fmt::format(" AND {} = ${}::text::{}", layer_columns::read(p), parameter++,
                       layer_columns::type_name(p.type));
  return "SELECT * FROM (" + out + " LIMIT 1) r";
}

std::string version_of(const layer& l, std::size_t number) {
  if (!l.versioned) return fmt::format("NULL::bigint AS v{}", number);
  return fmt::format("(SELECT version FROM gridlight.layer_state WHERE layer = {}) AS v{}",
                     connection::quote_literal(l.config.name), number);
}

key_search way_to_keys(const layer& l) {
  if (l.config.mode == layer_mode::attached) return key_search::exact;
  if (l.estimated_rows <= read_whole) return key_search::contains;
  return l.key_by_bytes ? key_search::prefix : key_search::exact;
}

}  // namespace

std::vector<searched_layer> searchable(const catalog& c, bool personal) {
  std::vector<searched_layer> out;
  for (const layer& each : c.layers()) {
    const layer& l = personal ? c.unveiled(each) : each;
    if (l.hides_place()) continue;
    const bool names =
        !l.config.search.empty() && l.config.mode != layer_mode::attached && l.estimated_rows <= read_names;
    out.push_back({&l, way_to_keys(l), names});
  }
  return out;
}

std::string search_sql(std::span<const searched_layer> layers, std::int64_t rows) {
  std::string versions, branches;
  const auto add = [&](const std::string& branch) {
    branches += (branches.empty() ? "(" : " UNION ALL (") + branch + ")";
  };
  int parameter = 4;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& [l, key, names] = layers[i];
    versions += (i == 0 ? "" : ", ") + version_of(*l, i);
    switch (key) {
      case key_search::contains:
        add(by_reading(i, *l, true, rows));
        continue;
      case key_search::prefix:
        add(by_prefix(i, *l, rows));
        break;
      case key_search::exact:
        add(by_key(i, *l, parameter));
        break;
    }
    if (names) add(by_reading(i, *l, false, rows));
  }
  // The layers take turns among hits of one rank. A box's middle is moved to the feature when it is not on
  // it, by what works for geometries that are not valid as well.
  return "SELECT v.*, f.* FROM (SELECT " + versions +
         ") v LEFT JOIN (SELECT layer, key, name, rank::int4, ST_X(p)::float8, ST_Y(p)::float8, "
         "ST_XMin(place)::float8, ST_YMin(place)::float8, ST_XMax(place)::float8, ST_YMax(place)::float8, "
         "turn "
         "FROM (SELECT h.*, ST_ClosestPoint(place, ST_Centroid(ST_Envelope(place))) AS p FROM "
         "(SELECT *, row_number() OVER (PARTITION BY rank, layer ORDER BY name, key) AS turn FROM (" +
         branches + ") b ORDER BY rank, turn, layer LIMIT $3) h) g) f ON true ORDER BY rank, turn, layer";
}

}  // namespace gridlight::api
