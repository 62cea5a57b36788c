#include "sync/generalize/merged_sql.hpp"

#include <fmt/format.h>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"
#include "sync/generalize/level_sql.hpp"

namespace gridlight::sync::generalize {
namespace {

// m numbers the merge values. hN tells values of a property apart, in 64 bits: only one feature's values are
// read where all agree.
std::string feature_query(const layer& l, const chosen& which) {
  std::string hashes;
  for (std::size_t i = 0; i < served_properties(l).size(); ++i)
    hashes += fmt::format(", coalesce(hashtextextended(p{0}::text COLLATE \"C\", 0), 0) AS h{0}", i);
  return fmt::format(
      "SELECT row_number() OVER ()::int4 AS f, dense_rank() OVER (ORDER BY merge COLLATE \"C\")::int4 AS m, "
      "merge, geom{}{} FROM ({}) f",
      property_list(l), hashes, features_sql(l, which));
}

// A segment has no direction: the lesser end comes first. One whose ends have become the same is dropped.
std::string ordered(const std::string& query) {
  return fmt::format(
      "SELECT DISTINCT m, f, CASE WHEN turn THEN x2 ELSE x1 END AS x1, CASE WHEN turn THEN y2 ELSE y1 END AS "
      "y1, "
      "CASE WHEN turn THEN x1 ELSE x2 END AS x2, CASE WHEN turn THEN y1 ELSE y2 END AS y2 FROM ("
      "SELECT *, x1 > x2 OR x1 = x2 AND y1 > y2 AS turn FROM ({}) s OFFSET 0) s WHERE x1 <> x2 OR y1 <> y2",
      query);
}

// Snapped down, not to the nearest: only so do lattices nest. A vertex and the one before it are a segment;
// the last number of a vertex's path counts those of its line or ring.
std::string segment_query(std::string_view feature, int zoom) {
  const std::string side = two_to(zoom + lattice_order(zoom));
  const auto snapped = [&](const std::string& fraction) {
    return fmt::format("floor(least(greatest({}, 0), 0.9999999999999) * {})::{}", fraction, side,
                       zoom + lattice_order(zoom) < 31 ? "int4" : "int8");
  };
  const std::string x = snapped("(ST_X(geom) + 180) / 360");
  const std::string y =
      snapped(fraction_of_latitude("greatest(least(ST_Y(geom), 85.0511287798066), -85.0511287798066)"));
  return ordered(fmt::format(
      "SELECT m, f, x1, y1, x2, y2 FROM (SELECT m, f, at, x AS x2, y AS y2, lag(x) OVER () AS x1, "
      "lag(y) OVER () AS y1 FROM (SELECT m, f, path[cardinality(path)] AS at, {} AS x, {} AS y FROM ("
      "SELECT m, f, (ST_DumpPoints(geom)).* FROM (SELECT m, f, geom FROM {}) f OFFSET 0) p OFFSET 0) p) p "
      "WHERE at > 1",
      x, y, feature));
}

// Of the lattice: cells a tile's side has, and its buffer.
constexpr int lattice_side(int zoom) noexcept {
  return 1 << lattice_order(zoom);
}
constexpr int lattice_buffer(int zoom) noexcept {
  return lattice_side(zoom) / 64;
}

// Segments by the tiles into whose buffer they reach: within the box of the tile, and on
// both sides of its middle by no more than its half diagonal in their direction. Most lie in one tile.
std::string by_tile(int zoom, const std::vector<cells>* tiles) {
  const std::int64_t last = (std::int64_t{1} << zoom) - 1;
  std::string chosen_tiles;
  if (tiles != nullptr)
    chosen_tiles =
        fmt::format(" WHERE EXISTS (SELECT FROM {} WHERE tx BETWEEN cx0 AND cx1 AND ty BETWEEN cy0 AND cy1)",
                    values_sql(*tiles));
  return fmt::format(
      "SELECT m, f, x1, y1, x2, y2, tx, ty FROM ("
      "SELECT m, f, x1, y1, x2, y2, tx0 AS tx, ty0 AS ty FROM place WHERE tx0 = tx1 AND ty0 = ty1 UNION ALL "
      "SELECT m, f, x1, y1, x2, y2, tx, ty FROM (SELECT *, generate_series(ty0, ty1) AS ty FROM ("
      "SELECT *, generate_series(tx0, tx1) AS tx FROM place WHERE tx0 < tx1 OR ty0 < ty1) s) s WHERE "
      "abs((x2 - x1)::float8 * (ty * {2} + {3}::float8 - y1) - (y2 - y1)::float8 * "
      "(tx * {2} + {3}::float8 - x1)) <= ((x2 - x1)::float8 + abs(y2 - y1)) * {4}) s{1}",
      last, chosen_tiles, lattice_side(zoom), (lattice_side(zoom) - 1) / 2.0,
      lattice_side(zoom) / 2 + lattice_buffer(zoom));
}

std::string places(int zoom) {
  const std::int64_t last = (std::int64_t{1} << zoom) - 1;
  return fmt::format(
      "SELECT *, greatest((x1 - {1}) >> {2}, 0) AS tx0, least((x2 + {1}) >> {2}, {0}) AS tx1, "
      "greatest((least(y1, y2) - {1}) >> {2}, 0) AS ty0, least((greatest(y1, y2) + {1}) >> {2}, {0}) AS ty1 "
      "FROM segment",
      last, lattice_buffer(zoom), lattice_order(zoom));
}

std::string identities(const std::vector<std::string>& values, bool none) {
  std::string out = none ? "'='" : "";
  for (const std::string& value : values)
    out.append(out.empty() ? "" : ", ").append(postgres::connection::quote_literal("=" + value));
  return out;
}

}  // namespace

std::string make_segments_sql(const layer& l, int zoom) {
  return "CREATE TEMPORARY TABLE feature ON COMMIT DROP AS " + feature_query(l, {}) +
         "; ANALYZE feature (f, m); CREATE TEMPORARY TABLE segment ON COMMIT DROP AS " +
         segment_query("feature", zoom) + "; ANALYZE segment (m, f)";
}

std::string coarsen_segments_sql(int zoom) {
  const int steps = 1 + lattice_order(zoom + 1) - lattice_order(zoom);
  return "ALTER TABLE segment RENAME TO finer; CREATE TEMPORARY TABLE segment ON COMMIT DROP AS " +
         ordered(fmt::format(
             "SELECT m, f, x1 >> {0} AS x1, y1 >> {0} AS y1, x2 >> {0} AS x2, y2 >> {0} AS y2 FROM finer",
             steps)) +
         "; DROP TABLE finer; ANALYZE segment (m, f)";
}

std::string some_segments(const layer& l, int zoom, const chosen& which) {
  return "WITH feature AS MATERIALIZED (" + feature_query(l, which) + "), segment AS MATERIALIZED (" +
         segment_query("feature", zoom) + ")";
}

// Features are joined without their geometries and texts until there is one for each row.
std::string merged_level_sql(const layer& l, const std::string& table, int zoom, const std::string& with,
                             const std::vector<cells>* tiles) {
  // As geo/lattice_lines reads them.
  const std::string shapes = fmt::format(
      "SELECT m, tx, ty, '\\x{0:02x}'::bytea || ST_AsTWKB(ST_LineMerge(ST_Collect(ST_MakeLine("
      "ST_MakePoint(x1 - tx * {1}, y1 - ty * {1}), ST_MakePoint(x2 - tx * {1}, y2 - ty * {1})))), 0) AS geom "
      "FROM ("
      "SELECT DISTINCT m, tx, ty, x1, y1, x2, y2 FROM reached ORDER BY m, tx, ty, x1, y1, x2, y2) s "
      "GROUP BY m, tx, ty",
      lattice_order(zoom), lattice_side(zoom));
  std::string agreed, hashes, properties;
  for (std::size_t i = 0; i < served_properties(l).size(); ++i) {
    agreed += fmt::format(", min(h{0}) = max(h{0}) AS a{0}", i);
    hashes += fmt::format(", h{0}", i);
    properties += fmt::format(", CASE WHEN a{0} THEN p{0} END AS p{0}", i);
  }
  const std::string facts = fmt::format(
      "SELECT m, tx, ty, count(*) AS n, min(f) AS f{} FROM (SELECT DISTINCT m, tx, ty, f FROM reached) d "
      "JOIN (SELECT f{} FROM feature) h USING (f) GROUP BY m, tx, ty",
      agreed, hashes);
  return fmt::format(
      "INSERT INTO {0} ({1}) {2}, place AS MATERIALIZED ({9}), reached AS MATERIALIZED ({3}) "
      "SELECT {4}, tx, ty, true, tx * 32 + 16, ty * 32 + 16, (tx + 0.5::float8) / {5}, (ty + 0.5::float8) / "
      "{5}, "
      "1 / {5}, n::float8, n, '=' || coalesce(merge, '') AS ident, NULL, s.geom{6} FROM ({7}) s JOIN ({8}) p "
      "USING (m, tx, ty) JOIN (SELECT f, merge{10} FROM feature) feature USING (f) ORDER BY tx, ty, "
      "coalesce(merge, '') COLLATE \"C\"",
      table, inserted_columns(l), with.empty() ? "WITH nothing AS (SELECT)" : with, by_tile(zoom, tiles),
      zoom, two_to(zoom), properties, shapes, facts, places(zoom), property_list(l));
}

// Values of the features that lie there now, and of the lines that did: those whose box, in cells, is not two
// cells away.
std::string merge_values_sql(const layer& l, const std::string& table, int finest,
                             const std::vector<box>& boxes) {
  const auto tiles = touched(boxes, finest, 2 * buffer);
  const std::string all = two_to(finest + lattice_order(finest));
  const auto x = [&](std::string_view lon) {
    return fmt::format("({} + 180) / 360 * {} - tx * {}", lon, all, lattice_side(finest));
  };
  const auto y = [&](std::string_view lat) {
    const std::string within = fmt::format("greatest(least({}, 85.05), -85.05)", lat);
    return fmt::format("{} * {} - ty * {}", fraction_of_latitude(within), all, lattice_side(finest));
  };
  return fmt::format(
      "SELECT DISTINCT merge FROM ({0}) f UNION SELECT nullif(substr(ident, 2), '') FROM {1} JOIN {2} f ON "
      "zoom = {3} AND tx BETWEEN cx0 AND cx1 AND ty BETWEEN cy0 AND cy1 WHERE EXISTS (SELECT FROM {4} WHERE "
      "ST_GeomFromTWKB(substring(geom FROM 2)) && ST_MakeEnvelope({5} - 2, {6} - 2, {7} + 2, {8} + 2))",
      features_sql(l, touching(l, boxes)), values_sql(tiles), table, finest, values_sql(boxes), x("west"),
      y("north"), x("east"), y("south"));
}

std::string clear_tiles_sql(const std::string& table, int zoom, const std::vector<cells>& tiles,
                            const std::vector<std::string>& values, bool none) {
  return fmt::format(
      "DELETE FROM {} USING (SELECT generate_series(cx0, cx1)::int4 AS x, cy0::int4 AS y0, "
      "cy1::int4 AS y1 FROM {}) c WHERE zoom = {} AND tx = x AND ty BETWEEN y0 AND y1 AND ident IN "
      "({})",
      table, values_sql(tiles), zoom, identities(values, none));
}

}  // namespace gridlight::sync::generalize
