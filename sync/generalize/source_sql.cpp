#include "sync/generalize/source_sql.hpp"

#include <fmt/format.h>

#include "server/layer_columns.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync::generalize {
namespace {

// The pyramid's edge, north and south.
constexpr std::string_view top = "85.0511287798066";

std::string merge_column(const layer& l) {
  return "t." + postgres::connection::quote_identifier(l.config.merge_column());
}

std::string rank_sql(const layer& l, const std::string& geometry) {
  if (!l.config.tiles.rank.empty())
    return "t." + postgres::connection::quote_identifier(l.config.tiles.rank) + "::float8";
  switch (l.config.geometry_type) {
    case geometry_kind::point:
      return "0::float8";
    case geometry_kind::line:
      return "ST_Length(" + geometry + ")";
    case geometry_kind::polygon:
      return "ST_Area(" + geometry + ")";
    default:
      return fmt::format(
          "CASE ST_Dimension({0}) WHEN 2 THEN ST_Area({0}) WHEN 1 THEN ST_Length({0}) ELSE 0 END", geometry);
  }
}

}  // namespace

std::string two_to(int n) {
  return n >= 0 ? fmt::format("{}::float8", std::int64_t{1} << n)
                : fmt::format("(1 / {}::float8)", std::int64_t{1} << -n);
}

std::string longitude_at(std::string_view at) {
  return fmt::format("(({}) * 360 - 180)", at);
}

std::string latitude_at(std::string_view at) {
  return fmt::format("degrees(atan(sinh(pi() * (1 - 2 * ({})))))", at);
}

std::string fraction_of_latitude(std::string_view latitude) {
  return fmt::format("(0.5 - ln(tan(pi() / 4 + radians({}) / 2)) / (2 * pi()))", latitude);
}

// Each OFFSET 0 keeps what is computed below it from being computed once more for each use above it.
std::string features_sql(const layer& l, const chosen& which) {
  const std::string at = layer_columns::place_of(l).geometry;
  const std::string merge =
      l.config.merge_column().empty() ? "" : ", nullif(" + merge_column(l) + "::text, '') AS merge";
  const std::string merge_name = merge.empty() ? "" : ", merge";
  std::string read;
  int number = 0;
  for (const property& p : served_properties(l))
    read += fmt::format(", {} AS p{}", layer_columns::read(p), number++);
  const std::string names = property_list(l) + merge_name + which.carry;
  std::string sql =
      fmt::format("SELECT {} AS key, ST_Force2D({}) AS geom, Box3D({}) AS b, {} AS rank{}{}{}",
                  layer_columns::key_text(l), at, at, rank_sql(l, at), read, merge, which.carry);
  sql += " FROM ";
  if (!which.from.empty()) sql += which.from + " CROSS JOIN ";
  sql += fmt::format("{}{} WHERE {} IS NOT NULL", layer_columns::table(l), layer_columns::join(l), at);
  if (!which.where.empty()) sql += " AND " + which.where;
  sql = fmt::format(
      "SELECT key, CASE WHEN ST_YMin(b) < -{0} OR ST_YMax(b) > {0} OR ST_XMin(b) < -180 OR ST_XMax(b) > 180 "
      "THEN ST_ClipByBox2D(geom, ST_MakeEnvelope(-180, -{0}, 180, {0})::box2d) ELSE geom END AS geom, "
      "rank{1}, "
      "(greatest(ST_XMin(b), -180) + 180) / 360 AS x0, (least(ST_XMax(b), 180) + 180) / 360 AS x1, "
      "{2} AS y0, {3} AS y1 FROM ({4} OFFSET 0) f WHERE ST_YMin(b) <= {0} AND ST_YMax(b) >= -{0} AND "
      "ST_XMin(b) <= 180 AND ST_XMax(b) >= -180",
      top, names, fraction_of_latitude(fmt::format("least(ST_YMax(b), {})", top)),
      fraction_of_latitude(fmt::format("greatest(ST_YMin(b), -{})", top)), sql);
  // The pyramid's last cells include its edges.
  const auto centre = [](std::string_view axis) {
    return fmt::format("least(greatest(({0}0 + {0}1) / 2, 0), 0.9999999999999)", axis);
  };
  sql = fmt::format(
      "SELECT key COLLATE \"C\" AS ident, key COLLATE \"C\" AS key, geom, {} AS mx, {} AS my, "
      "greatest(x1 - x0, y1 - y0, 0) AS size, rank, 1::int8 AS n{} FROM ({} OFFSET 0) f",
      centre("x"), centre("y"), names, sql);
  if (!which.exact.empty()) sql = fmt::format("SELECT * FROM ({} OFFSET 0) f WHERE {}", sql, which.exact);
  return sql;
}

chosen centred_in(const layer& l, const std::vector<cells>& areas, int order) {
  chosen out;
  const std::string side = two_to(order);
  // A little more than the cells: what is exact is asked of the result.
  const auto lon = [&](std::string_view cell) { return longitude_at(fmt::format("({}) / {}", cell, side)); };
  const auto lat = [&](std::string_view cell) { return latitude_at(fmt::format("({}) / {}", cell, side)); };
  out.from = fmt::format("(SELECT area.*, ST_MakeEnvelope({}, {}, {}, {}, 4326) AS box FROM {} OFFSET 0) c",
                         lon("cx0 - 0.01"), lat("cy1 + 1.01"), lon("cx1 + 1.01"), lat("cy0 - 0.01"),
                         values_sql(areas));
  out.where = layer_columns::place_of(l).geometry + " && c.box";
  out.carry = ", cx0, cx1, cy0, cy1";
  out.exact =
      fmt::format("floor(mx * {0}) BETWEEN cx0 AND cx1 AND floor(my * {0}) BETWEEN cy0 AND cy1", side);
  return out;
}

chosen touching(const layer& l, const std::vector<box>& boxes) {
  chosen out;
  out.from = "(SELECT ST_MakeEnvelope(west, south, east, north, 4326) AS box FROM " + values_sql(boxes) +
             " OFFSET 0) c";
  out.where = layer_columns::place_of(l).geometry + " && c.box";
  return out;
}

// The values as literals of the column's own type, so that its index serves.
chosen merged_by(const layer& l, const std::vector<std::string>& values, bool none) {
  std::string list;
  for (const std::string& value : values)
    list.append(list.empty() ? "" : ", ").append(postgres::connection::quote_literal(value));
  const std::string column = merge_column(l);
  std::string where = list.empty() ? "false" : column + " IN (" + list + ")";
  if (none) where += " OR " + column + " IS NULL OR " + column + "::text = ''";
  return {{}, "(" + where + ")", {}, {}};
}

std::string values_sql(const std::vector<box>& boxes) {
  std::string out;
  for (const box& b : boxes)
    out += fmt::format("{}({}::float8, {}::float8, {}::float8, {}::float8)", out.empty() ? "" : ", ", b.west,
                       b.south, b.east, b.north);
  return "(VALUES " + out + ") AS box(west, south, east, north)";
}

std::string property_list(const layer& l, std::string_view before) {
  std::string out;
  for (std::size_t i = 0; i < served_properties(l).size(); ++i)
    out += fmt::format(", {}p{}", before, i);
  return out;
}

}  // namespace gridlight::sync::generalize
