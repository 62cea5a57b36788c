#include "sync/generalize/level_sql.hpp"

#include <fmt/format.h>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync::generalize {
namespace {

std::string quoted(const std::string& name) {
  return postgres::connection::quote_identifier(name);
}

std::string qualified(const std::string& name) {
  return "gridlight_tiles." + quoted(name);
}

// Smaller than this a polygon is drawn as its cell's square.
constexpr int square_order = 9;  // 8/4096 of a tile

// What a level's rows are chosen from: each feature with its cell. Those larger than a cell stand for
// themselves, of all others in a cell one stands for all. Sorted by tile, then cell, so that a tile's rows
// lie together.
std::string winners(int zoom, const std::string& from) {
  const std::string side = two_to(zoom + cell_order);
  return fmt::format(
      "SELECT * FROM (SELECT *, row_number() OVER w AS place, "
      "sum(n) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)::int8 AS total FROM ("
      "SELECT *, ((((cx >> 5)::int8 << {0}) | (cy >> 5)) << 10) | ((cx & 31) << 5) | (cy & 31) AS code, "
      "CASE WHEN size > 1 / {1} THEN ident END AS own FROM ("
      "SELECT *, floor(mx * {1})::int4 AS cx, floor(my * {1})::int4 AS cy FROM ({2}) f OFFSET 0) f) f "
      "WINDOW w AS (PARTITION BY code, own ORDER BY rank DESC NULLS LAST, key COLLATE \"C\", ident COLLATE "
      "\"C\")"
      ") f WHERE place = 1",
      zoom, side, from);
}

std::string square_sql(int zoom) {
  const std::string side = two_to(zoom + cell_order);
  const auto at = [&](std::string_view cell) { return fmt::format("({}) / {}", cell, side); };
  return fmt::format("ST_MakeEnvelope({}, {}, {}, {}, 4326)", longitude_at(at("cx")),
                     latitude_at(at("cy + 1")), longitude_at(at("cx + 1")), latitude_at(at("cy")));
}

// Tolerance of 4/4096 of a tile; degrees of latitude are drawn longer the further they are from the equator.
std::string simplified(const layer& l, int zoom) {
  if (l.config.geometry_type == geometry_kind::point) return "geom";
  return fmt::format("ST_Simplify(geom, 360 / {} / cosh(pi() * (1 - 2 * my)), true)", two_to(zoom + 10));
}

// The winners as they are drawn.
std::string drawn(const layer& l, int zoom, const std::string& from) {
  std::string properties;
  for (std::size_t i = 0; i < served_properties(l).size(); ++i)
    properties += fmt::format(", CASE WHEN NOT square THEN p{0} END AS p{0}", i);
  return fmt::format(
      "SELECT cx, cy, mx, my, size, rank, total, square, "
      "CASE WHEN square THEN '@{0}/' || cx || '/' || cy ELSE ident END AS ident, "
      "CASE WHEN NOT square THEN key END AS key, CASE WHEN square THEN {1} ELSE {2} END AS geom{3} FROM ("
      "SELECT *, size < 1 / {4} AND ST_Dimension(geom) = 2 AS square FROM ({5}) f OFFSET 0) f",
      zoom, square_sql(zoom), simplified(l, zoom), properties, two_to(zoom + square_order),
      winners(zoom, from));
}

// First and last tile, along an axis, into whose buffer a row reaches.
std::string reach(std::string_view axis, int zoom) {
  const std::string tiles = two_to(zoom), cells = two_to(zoom + cell_order);
  return fmt::format(
      "greatest(floor((CASE WHEN square THEN c{0} / {1} ELSE m{0} - size / 2 END) * {2} - 1 / 64.0::float8), "
      "0)::int4 AS t{0}0, "
      "least(floor((CASE WHEN square THEN (c{0} + 1) / {1} ELSE m{0} + size / 2 END) * {2} + 1 / "
      "64.0::float8), "
      "{2} - 1)::int4 AS t{0}1",
      axis, cells, tiles);
}

// Of a large feature's box most tiles may be empty. The buffer is taken four times as wide here: lines that
// are straight in degrees are not quite where they are drawn.
std::string reaches_tile(int zoom) {
  const std::string tiles = two_to(zoom);
  const auto at = [&](std::string_view tile) { return fmt::format("({}) / {}", tile, tiles); };
  return fmt::format(
      "((tx1 - tx0 + 1)::int8 * (ty1 - ty0 + 1) <= 4 OR (tx = cx >> 5 AND ty = cy >> 5) OR "
      "ST_Intersects(geom, ST_MakeEnvelope({}, {}, {}, {}, 4326)))",
      longitude_at(at("tx - 0.0625")), latitude_at(at("ty + 1.0625")), longitude_at(at("tx + 1.0625")),
      latitude_at(at("ty - 0.0625")));
}

std::string children(const std::vector<cells>& parents) {
  return fmt::format(
      "(SELECT generate_series(cx0 * 2, cx1 * 2 + 1)::int4 AS x, (cy0 * 2)::int4 AS y0, "
      "(cy1 * 2 + 1)::int4 AS y1 FROM {}) c",
      values_sql(parents));
}

}  // namespace

table_names::table_names(const std::string& layer)
    : live(qualified(layer)),
      fresh(qualified(layer + ".n")),
      by_tile(quoted(layer + ".t")),
      by_cell(quoted(layer + ".c")),
      fresh_by_tile(quoted(layer + ".nt")),
      fresh_by_cell(quoted(layer + ".nc")) {}

std::string create_sql(const layer& l, const std::string& table) {
  std::string properties;
  int number = 0;
  for (const property& p : served_properties(l))
    properties += fmt::format(", {} AS p{}", layer_columns::read(p), number++);
  return fmt::format(
      "CREATE TABLE {0} AS SELECT NULL::int2 AS zoom, NULL::int4 AS tx, NULL::int4 AS ty, NULL::bool AS "
      "home, "
      "NULL::int4 AS cx, NULL::int4 AS cy, NULL::float8 AS mx, NULL::float8 AS my, NULL::float8 AS size, "
      "NULL::float8 AS rank, NULL::int8 AS n, NULL::text COLLATE \"C\" AS ident, NULL::text COLLATE \"C\" AS "
      "key, "
      "NULL::{3} AS geom{1} FROM {2} WITH NO DATA; "
      // Unpacking the merged lines of a tile took a third of the time to read them.
      "ALTER TABLE {0} ALTER COLUMN geom SET STORAGE EXTERNAL",
      table, properties, layer_columns::table(l),
      l.config.merge_column().empty() ? "geometry(Geometry, 4326)" : "bytea");
}

std::string inserted_columns(const layer& l) {
  return "zoom, tx, ty, home, cx, cy, mx, my, size, rank, n, ident, key, geom" + property_list(l);
}

std::string level_sql(const layer& l, const std::string& table, int zoom, const std::string& from) {
  return fmt::format(
      "INSERT INTO {} ({}) SELECT {}, tx, ty, tx = cx >> 5 AND ty = cy >> 5, cx, cy, mx, my, size, rank, "
      "total, "
      "ident, key, geom{} FROM (SELECT *, generate_series(ty0, ty1) AS ty FROM ("
      "SELECT *, generate_series(tx0, tx1) AS tx FROM (SELECT *, {}, {} FROM ({} OFFSET 0) f) f) f) f WHERE "
      "{}",
      table, inserted_columns(l), zoom, property_list(l), reach("x", zoom), reach("y", zoom),
      drawn(l, zoom, from), reaches_tile(zoom));
}

std::string features_of_level(const layer& l, const std::string& table, int zoom,
                              const std::vector<cells>* parents) {
  const std::string columns = "SELECT ident, key, geom, mx, my, size, rank, n" + property_list(l) + " FROM ";
  const std::string of_level = fmt::format("zoom = {} AND home", zoom);
  if (parents == nullptr) return columns + table + " WHERE " + of_level;
  return columns + children(*parents) + " JOIN " + table + " f ON cx = x AND cy BETWEEN y0 AND y1 AND " +
         of_level;
}

std::string clear_cells_sql(const std::string& table, int zoom, const std::vector<cells>& areas) {
  return fmt::format(
      "DELETE FROM {} f USING (SELECT generate_series(cx0, cx1)::int4 AS x, cy0::int4 AS y0, "
      "cy1::int4 AS y1 FROM {}) c WHERE zoom = {} AND cx = x AND cy BETWEEN y0 AND y1",
      table, values_sql(areas), zoom);
}

// Sizes by their power of two; 2^(4 - z) is 16 tiles a side.
std::string crowding_sql(const layer& l, int grid) {
  return fmt::format(
      "WITH g AS MATERIALIZED (SELECT floor(mx * {0})::int8 AS x, floor(my * {0})::int8 AS y, "
      "CASE WHEN size > {4} THEN floor(log(size) / log(2::float8)) END AS k, count(*) AS n, sum(size * size) "
      "AS a "
      "FROM ({1}) f GROUP BY 1, 2, 3) SELECT z, "
      "(SELECT max(n) FROM (SELECT sum(n) AS n FROM g GROUP BY x >> {3} - z, y >> {3} - z) s), "
      "(SELECT coalesce(sum(a), 0) * 4::float8 ^ z FROM g WHERE k >= 4 - z)::int8 "
      "FROM generate_series({2}, {3}) z ORDER BY z",
      two_to(grid), features_sql(l), l.config.min_zoom, grid, two_to(4 - grid));
}

std::string most_in_tiles_sql(const layer& l, const std::string& table, int detail,
                              const std::vector<cells>& tiles) {
  if (!l.config.merge_column().empty())
    return fmt::format(
        "SELECT coalesce(max(n), 0) FROM (SELECT sum(n)::int8 AS n FROM (SELECT generate_series(cx0, "
        "cx1)::int4 AS x, "
        "cy0::int4 AS y0, cy1::int4 AS y1 FROM {}) c JOIN {} f ON zoom = {} AND tx = x AND ty BETWEEN y0 AND "
        "y1 GROUP BY tx, ty) s",
        values_sql(tiles), table, detail - 1);
  // Half a side of a tile of the level above.
  constexpr int side = 1 << (cell_order - 1);
  return fmt::format(
      "SELECT coalesce(max(n), 0) FROM (SELECT sum(n)::int8 AS n FROM ("
      "SELECT generate_series(cx0 * {0}, cx1 * {0} + {1})::int4 AS x, (cy0 * {0})::int4 AS y0, "
      "(cy1 * {0} + {1})::int4 AS y1 FROM {2}) c JOIN {3} f ON cx = x AND cy BETWEEN y0 AND y1 AND "
      "zoom = {4} AND home GROUP BY cx / {0}, cy / {0}) s",
      side, side - 1, values_sql(tiles), table, detail - 1);
}

}  // namespace gridlight::sync::generalize
