// The declared layers against what the database has.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "server/catalog.hpp"
#include "server/layer_fit.hpp"
#include "server/postgres/statement.hpp"
#include "server/unwatched.hpp"

namespace gridlight {
namespace {

namespace oid = postgres::oid;

// What gridlight.layer_state knows of a layer, or rather of the table that is watched under its name.
struct known_state {
  std::string table;
  std::int64_t rows = -1;  // -1: not counted
  double area_km2 = 0;
};

// to_regclass would fail, not answer null, on a schema that we may not use.
constexpr std::string_view state_exists_sql = R"(
SELECT count(*) FILTER (WHERE has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) = 2
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'gridlight' AND c.relname IN ('layer_state', 'watched'))";

constexpr std::string_view state_sql = R"(
SELECT layer, coalesce(row_count, -1), ST_XMin(bounds), ST_YMin(bounds), ST_XMax(bounds), ST_YMax(bounds), relation
FROM gridlight.watched LEFT JOIN gridlight.layer_state USING (layer))";

double area_km2(double west, double south, double east, double north) {
  constexpr double radius_km = 6371.0088, degree = std::numbers::pi / 180;
  const double area =
      radius_km * radius_km * (east - west) * degree * (std::sin(north * degree) - std::sin(south * degree));
  return std::isfinite(area) && area > 0 ? area : 0;
}

using state_map = std::map<std::string, known_state, std::less<>>;

// What is said of the layers whose tables are watched; nothing when we may not read it.
boost::asio::awaitable<result<state_map>> read_state(postgres::connection& db, deadline until) {
  static const postgres::statement exists{std::string{state_exists_sql}, {}, {oid::boolean}};
  static const postgres::statement read{std::string{state_sql}};
  const auto there = co_await db.query(exists, {}, until);
  if (!there) co_return there.error();
  state_map out;
  if (!there->boolean(0, 0)) co_return out;
  const auto rows = co_await db.query(read, {}, until);
  if (!rows) co_return rows.error();
  for (int r = 0; r < rows->rows(); ++r) {
    known_state& s = out[std::string{rows->text(r, 0)}];
    s.rows = rows->integer(r, 1);
    s.table = rows->text(r, 6);
    if (!rows->is_null(r, 2))
      s.area_km2 = area_km2(rows->number(r, 2), rows->number(r, 3), rows->number(r, 4), rows->number(r, 5));
  }
  co_return out;
}

// A geometry column that declares no SRID: that of its first row; a table without one has the right one.
boost::asio::awaitable<std::string> check_srid(postgres::connection& db, layer& l, deadline until) {
  const auto quote = postgres::connection::quote_identifier;
  const std::string geom = quote(l.config.geometry),
                    table = quote(l.config.schema) + "." + quote(l.config.table);
  const postgres::statement first{
      fmt::format("SELECT ST_SRID({0}) FROM {1} WHERE {0} IS NOT NULL LIMIT 1", geom, table),
      {},
      {oid::int4}};
  const auto rows = co_await db.query(first, {}, until);
  if (!rows)
    co_return fmt::format("the SRID of {} could not be read: {}", l.config.geometry, rows.error().log_detail);
  l.srid = 4326;
  const std::int64_t srid = rows->rows() == 0 ? 4326 : rows->integer(0, 0);
  if (srid == 4326) co_return std::string{};
  co_return fmt::format("{} of {}.{} has SRID {}; it must be 4326", l.config.geometry, l.config.schema,
                        l.config.table, srid);
}

}  // namespace

boost::asio::awaitable<result<catalog>> read_catalog(postgres::connection& db,
                                                     std::span<const layer_config> declared, deadline until) {
  const auto found = co_await read_relations(db, declared, until);
  if (!found) co_return found.error();
  const std::vector<relation>& relations = *found;
  const auto state = co_await read_state(db, until);
  if (!state) co_return state.error();
  const auto silent = co_await read_unwatched(db, until);
  if (!silent) co_return silent.error();

  std::vector<layer> layers;
  std::vector<catalog::unusable> broken;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    layer l;
    std::string reason = fit_layer(l, declared[i], relations[i]);
    if (reason.empty() && !l.config.geometry.empty() && l.has_geometry() && l.srid == 0)
      reason = co_await check_srid(db, l, until);
    if (db.broken()) co_return failure{errc::database_unavailable, "the database connection was lost"};
    if (!reason.empty()) {
      broken.push_back({declared[i].name, std::move(reason)});
      continue;
    }
    known_state known;
    // Under its name another table may be watched, a built-in one: of that it is told, not of the layer's.
    const auto told = state->find(l.config.name);
    l.versioned = told != state->end() && told->second.table == relations[i].qualified;
    if (l.versioned) known = told->second;
    l.estimated_rows =
        known.rows >= 0 ? known.rows : std::max<std::int64_t>(0, std::llround(relations[i].tuples));
    l.extent_area_km2 = known.area_km2;
    // What its version says may be of the table that had this name before.
    if (const auto at = silent->find(l.config.name); at != silent->end() && at->second.whole)
      l.versioned = false;
    layers.push_back(std::move(l));
  }
  std::map<std::string, const relation*, std::less<>> by_name;
  for (std::size_t i = 0; i < declared.size(); ++i)
    by_name.emplace(declared[i].name, &relations[i]);
  for (std::size_t i = 0; i < layers.size();) {
    layer& l = layers[i];
    std::string reason;
    if (!l.config.snap_layer.empty()) reason = fit_snap(l, *by_name.at(l.config.name), layers, by_name);
    if (reason.empty()) {
      ++i;
      continue;
    }
    broken.push_back({l.config.name, std::move(reason)});
    layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
  }
  co_return catalog{std::move(layers), std::move(broken)};
}

}  // namespace gridlight
