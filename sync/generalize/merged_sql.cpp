#include "sync/generalize/merged_sql.hpp"

#include <fmt/format.h>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"
#include "sync/generalize/level_sql.hpp"

namespace gridlight::sync::generalize {
namespace {

std::string feature_query(const layer& l, const chosen& which) {
  return fmt::format("SELECT row_number() OVER () AS f, merge, geom{} FROM ({}) f", property_list(l),
                     features_sql(l, which));
}

// A segment has no direction: the lesser end comes first. One whose ends have become the same is dropped.
std::string ordered(const std::string& query) {
  return fmt::format(
      "SELECT DISTINCT f, CASE WHEN turn THEN x2 ELSE x1 END AS x1, CASE WHEN turn THEN y2 ELSE y1 END AS "
      "y1, "
      "CASE WHEN turn THEN x1 ELSE x2 END AS x2, CASE WHEN turn THEN y1 ELSE y2 END AS y2 FROM ("
      "SELECT *, (x1, y1) > (x2, y2) AS turn FROM ({}) s OFFSET 0) s WHERE x1 <> x2 OR y1 <> y2",
      query);
}

// Snapped down, not to the nearest: only so do lattices nest.
std::string segment_query(std::string_view feature, int zoom) {
  const std::string side = two_to(zoom + lattice_order);
  const auto snapped = [&](const std::string& fraction) {
    return fmt::format("floor(least(greatest({}, 0), 0.9999999999999) * {})::int8", fraction, side);
  };
  const auto x = [&](std::string_view point) {
    return snapped(fmt::format("(ST_X({}) + 180) / 360", point));
  };
  const auto y = [&](std::string_view point) {
    return snapped(fraction_of_latitude(
        fmt::format("greatest(least(ST_Y({}), 85.0511287798066), -85.0511287798066)", point)));
  };
  return ordered(
      fmt::format("SELECT f, {} AS x1, {} AS y1, {} AS x2, {} AS y2 FROM (SELECT f, ST_StartPoint(s) AS a, "
                  "ST_EndPoint(s) AS b "
                  "FROM (SELECT f, (ST_DumpSegments(geom)).geom AS s FROM {} OFFSET 0) s OFFSET 0) s",
                  x("a"), y("a"), x("b"), y("b"), feature));
}

// A lattice point stands for the cell that it was snapped from: it is drawn at its middle.
std::string point_sql(std::string_view end, int zoom) {
  const std::string side = two_to(zoom + lattice_order);
  return fmt::format("ST_MakePoint({}, {})", longitude_at(fmt::format("(x{} + 0.5::float8) / {}", end, side)),
                     latitude_at(fmt::format("(y{} + 0.5::float8) / {}", end, side)));
}

// Segments by the tiles into whose buffer (8 lattice units) they reach: within the box of the tile, and on
// both sides of its middle by no more than its half diagonal in their direction.
std::string by_tile(int zoom, const std::vector<cells>* tiles) {
  const std::int64_t last = (std::int64_t{1} << zoom) - 1;
  std::string chosen_tiles;
  if (tiles != nullptr)
    chosen_tiles =
        fmt::format(" AND EXISTS (SELECT FROM {} WHERE tx BETWEEN cx0 AND cx1 AND ty BETWEEN cy0 AND cy1)",
                    values_sql(*tiles));
  return fmt::format(
      "SELECT * FROM (SELECT *, generate_series(greatest((least(y1, y2) - 8) >> 9, 0), "
      "least((greatest(y1, y2) + 8) >> 9, {0})) AS ty FROM ("
      "SELECT *, generate_series(greatest((x1 - 8) >> 9, 0), least((x2 + 8) >> 9, {0})) AS tx FROM segment) "
      "s) s "
      "WHERE abs((x2 - x1)::float8 * (ty * 512 + 255.5 - y1) - (y2 - y1)::float8 * (tx * 512 + 255.5 - x1)) "
      "<= ((x2 - x1) + abs(y2 - y1)) * 264::float8{1}",
      last, chosen_tiles);
}

std::string agreed_properties(const layer& l) {
  std::string out;
  for (std::size_t i = 0; i < served_properties(l).size(); ++i)
    out += fmt::format(
        ", CASE WHEN count(p{0}) = count(*) AND min(p{0}::text COLLATE \"C\") = "
        "max(p{0}::text COLLATE \"C\") THEN (array_agg(p{0}))[1] END AS p{0}",
        i);
  return out;
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
         "; ANALYZE feature; CREATE TEMPORARY TABLE segment ON COMMIT DROP AS " +
         segment_query("feature", zoom) + "; ANALYZE segment";
}

std::string coarsen_segments_sql() {
  return "ALTER TABLE segment RENAME TO finer; CREATE TEMPORARY TABLE segment ON COMMIT DROP AS " +
         ordered("SELECT f, x1 >> 1 AS x1, y1 >> 1 AS y1, x2 >> 1 AS x2, y2 >> 1 AS y2 FROM finer") +
         "; DROP TABLE finer; ANALYZE segment";
}

std::string some_segments(const layer& l, int zoom, const chosen& which) {
  return "WITH feature AS MATERIALIZED (" + feature_query(l, which) + "), segment AS MATERIALIZED (" +
         segment_query("feature", zoom) + ")";
}

std::string merged_level_sql(const layer& l, const std::string& table, int zoom, const std::string& with,
                             const std::vector<cells>* tiles) {
  const std::string shapes = fmt::format(
      "SELECT tx, ty, ident, ST_SetSRID(ST_LineMerge(ST_Collect(ST_MakeLine({}, {}) ORDER BY x1, y1, x2, "
      "y2)), "
      "4326) AS geom FROM (SELECT DISTINCT tx, ty, ident, x1, y1, x2, y2 FROM reached) s GROUP BY tx, ty, "
      "ident",
      point_sql("1", zoom), point_sql("2", zoom));
  const std::string facts = fmt::format(
      "SELECT tx, ty, ident, count(*) AS n{} FROM (SELECT DISTINCT tx, ty, ident, f FROM reached) d "
      "JOIN feature USING (f) GROUP BY tx, ty, ident",
      agreed_properties(l));
  return fmt::format(
      "INSERT INTO {0} ({1}) {2}, reached AS MATERIALIZED (SELECT s.*, '=' || coalesce(merge, '') AS ident "
      "FROM ({3}) s JOIN feature USING (f)) "
      "SELECT {4}, tx, ty, true, tx * 32 + 16, ty * 32 + 16, (tx + 0.5::float8) / {5}, (ty + 0.5::float8) / "
      "{5}, "
      "1 / {5}, n::float8, n, ident, NULL, geom{6} FROM ({7}) s JOIN ({8}) p USING (tx, ty, ident) "
      "ORDER BY tx, ty, ident COLLATE \"C\"",
      table, inserted_columns(l), with.empty() ? "WITH nothing AS (SELECT)" : with, by_tile(zoom, tiles),
      zoom, two_to(zoom), property_list(l), shapes, facts);
}

std::string merge_values_sql(const layer& l, const std::string& table, int finest,
                             const std::vector<box>& boxes) {
  const auto tiles = touched(boxes, finest, 2 * buffer);
  const std::string step = fmt::format("720 / {}", two_to(finest + lattice_order));
  return fmt::format(
      "SELECT DISTINCT merge FROM ({0}) f UNION SELECT nullif(substr(ident, 2), '') FROM {1} JOIN {2} f ON "
      "zoom = {3} AND tx BETWEEN cx0 AND cx1 AND ty BETWEEN cy0 AND cy1 WHERE EXISTS (SELECT FROM {4} WHERE "
      "geom && "
      "ST_MakeEnvelope(west - {5}, south - {5}, east + {5}, north + {5}, 4326))",
      features_sql(l, touching(l, boxes)), values_sql(tiles), table, finest, values_sql(boxes), step);
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
