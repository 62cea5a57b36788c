#include "api/postgis_source.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "api/prepared_layer.hpp"
#include "geo/wkb.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

// PostGIS orders geography by `<->` on a sphere of radius R = (2a + b) / 3, but ST_Distance is on the
// ellipsoid. Along any path the ellipsoid's length is between M(0)/R = 0.994417 (north-south at the equator)
// and 1.00449 (at the poles) times the sphere's. So a row whose sphere distance is s is at least 0.9944 s
// away.
constexpr double least_per_sphere_metre = 0.9944;

// Towns are denser than their layer's mean; how much only decides which way is faster.
constexpr double density_factor = 4;

// What was measured on the reference machine, in microseconds a row: reading through the spatial index,
// walking a key.
constexpr double by_space_cost = 1.8, by_key_cost = 0.7;

constexpr std::int64_t most_candidates = 1 << 16;

std::int64_t power_of_two(std::int64_t least, std::int64_t n) {
  return std::max(least, static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(n))));
}

double area_km2(const geo::bbox& b) {
  constexpr double radius_km = 6371.0088, radians = std::numbers::pi / 180;
  return radius_km * radius_km * (b.max_lon - b.min_lon) * radians *
         (std::sin(b.max_lat * radians) - std::sin(b.min_lat * radians));
}

double area_km2(const geo::bbox_parts& parts) {
  double out = 0;
  for (std::size_t i = 0; i < parts.count; ++i)
    out += area_km2(parts.boxes[i]);
  return out;
}

constexpr double circle_km2(double radius_m) noexcept {
  return std::numbers::pi * radius_m * radius_m / 1e6;
}

// Rows that an area of this size may hold.
double expected_rows(const layer& l, double area) {
  const auto rows = static_cast<double>(l.estimated_rows);
  if (l.extent_area_km2 <= 0) return rows;
  return std::min(rows, rows * density_factor * area / l.extent_area_km2);
}

// At a pole every longitude is the same place, and so are 180 and -180 degrees, but the index's boxes of (0,
// 90) and (90, 90), or of (180, 0) and (-180, 0), lie 1e-16 apart, so that ST_DWithin of 0 m misses one from
// the other. A tenth of a micrometre bridges that.
double radius_of_search(const geo::lonlat& at, double radius_m) {
  constexpr double nearly_a_pole = 90 - 1e-9, nearly_there = 180 - 1e-9, bridge_m = 1e-7;
  const bool has_two_names = std::abs(at.lat) > nearly_a_pole || std::abs(at.lon) > nearly_there;
  return has_two_names ? std::max(radius_m, bridge_m) : radius_m;
}

}  // namespace

postgis_source::postgis_source(postgres::pool& pool) : pool_(pool) {}
postgis_source::~postgis_source() = default;

std::shared_ptr<postgis_source::prepared_layer> postgis_source::prepared(const layer_ref& l) {
  if (of_ != l.owner) {
    layers_.clear();
    of_ = l.owner;
  }
  auto& slot = layers_[l.it];
  if (!slot) slot = std::make_shared<prepared_layer>(l);
  return slot;
}

// Reads every row in reach and sorts: the fewer the better.
layer_source::answer<feature_page> postgis_source::scan(std::shared_ptr<prepared_layer> p,
                                                        const near_question& q, effort e) {
  const bool bounded = q.bound_m.has_value();
  const postgres::statement& s =
      bounded ? p->get(statement_key(operation::within), {oid::float8, oid::float8, oid::float8, oid::int8},
                       [&] { return p->sql.within(); })
              : p->get(statement_key(operation::nearest_of_all), {oid::float8, oid::float8, oid::int8},
                       [&] { return p->sql.nearest_of_all(); });
  postgres::arguments a;
  a.add(q.at.lon).add(q.at.lat);
  if (bounded) a.add(*q.bound_m);
  a.add(q.limit + 1);
  const double reach_km2 = bounded ? circle_km2(*q.bound_m) : std::numeric_limits<double>::infinity();
  auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                   sharing(expected_rows(*p->of, reach_km2)), e.rank);
  if (!rows) co_return rows.error();
  if (auto ok = p->check(*rows); !ok) co_return ok.error();
  const std::int64_t there = rows_present(*rows, p->layout.extra);
  feature_page page;
  page.more = there > q.limit;
  p->write(page, *rows, std::min(there, q.limit), q.properties, p->layout.extra, q.form, e.timing);
  co_return page;
}

// Takes candidates in the index's order (on the sphere) and ranks them on the ellipsoid. The answer is proven
// when no row behind the last candidate can be as near as the last row answered; else more candidates are
// taken. Each round is a whole answer of its own, of one version.
layer_source::answer<feature_page> postgis_source::by_index(std::shared_ptr<prepared_layer> p,
                                                            const near_question& q, effort e) {
  const bool bounded = q.bound_m.has_value();
  const std::int64_t wanted = q.limit + 1;
  std::int64_t candidates = power_of_two(32, wanted + std::max<std::int64_t>(16, wanted / 16));
  for (; candidates <= most_candidates; candidates *= 4) {
    std::vector<Oid> types{oid::float8, oid::float8};
    if (bounded) types.push_back(oid::float8);
    types.push_back(oid::int8);
    const postgres::statement& s =
        p->get(statement_key(operation::nearest, candidates, bounded ? 1 : 0), std::move(types),
               [&] { return p->sql.nearest(candidates, bounded); });
    postgres::arguments a;
    a.add(q.at.lon).add(q.at.lat);
    if (bounded) a.add(*q.bound_m);
    a.add(wanted);
    auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                     sharing(static_cast<double>(candidates)), e.rank);
    // "index returned tuples in wrong order": PostGIS's boxes of edges that pass near a pole can be too
    // small.
    if (!rows && rows.error().code == errc::internal) break;
    if (!rows) co_return rows.error();
    if (auto ok = p->check(*rows); !ok) co_return ok.error();

    const int distance = p->layout.extra, reach = distance + 2, found = distance + 3;
    const std::int64_t there = rows_present(*rows, distance);
    const std::int64_t answered = std::min(there, q.limit);
    const bool all_seen =
        rows->rows() == 0 || rows->is_null(0, found) || rows->integer(0, found) < candidates;
    const bool proven = all_seen || (answered == q.limit && !rows->is_null(0, reach) &&
                                     rows->number(0, reach) * least_per_sphere_metre >
                                         rows->number(static_cast<int>(answered) - 1, distance));
    if (!proven) continue;
    feature_page page;
    page.more = there > q.limit;
    p->write(page, *rows, answered, q.properties, distance, q.form, e.timing);
    co_return page;
  }
  co_return co_await scan(p, q, e);
}

layer_source::answer<feature_page> postgis_source::within(const layer_ref& l, const within_question& q,
                                                          effort e) {
  const near_question near{q.at, radius_of_search(q.at, q.radius_m), q.limit, q.properties, q.form};
  const double area = circle_km2(q.radius_m);
  // A candidate by the index costs about twice a row that is only sorted.
  const bool few = expected_rows(*l, area) < 3 * static_cast<double>(q.limit) + 50;
  const auto p = prepared(l);
  if (few) co_return co_await scan(p, near, e);
  co_return co_await by_index(p, near, e);
}

layer_source::answer<feature_page> postgis_source::nearest(const layer_ref& l, const nearest_question& q,
                                                           effort e) {
  near_question near{q.at, q.max_distance_m, q.limit, q.properties, q.form};
  if (near.bound_m) near.bound_m = radius_of_search(q.at, *near.bound_m);
  const auto p = prepared(l);
  const bool far = co_await is_far(p, q.at, e);
  if (far) co_return co_await from_afar(p, near, e);
  co_return co_await by_index(p, near, e);
}

namespace {

// Which way to the rows of a region of this area. Reading H hits by space costs as much as walking L * rows /
// H keys for a page of L at `even` hits; a walk that goes no farther than what those hits cost never doubles
// the bill.
void choose_path(const layer& l, double area, region_query& q) {
  const double page_times_rows = static_cast<double>(q.rows) * static_cast<double>(l.estimated_rows);
  const double even = std::sqrt(by_key_cost / by_space_cost * page_times_rows);
  if (expected_rows(l, area) < even) return;
  q.path = access_path::walk_first;
  q.walk = power_of_two(1024, static_cast<std::int64_t>(even * by_space_cost / by_key_cost));
}

std::uint64_t region_flags(const region_query& q) {
  const auto walk = static_cast<std::uint64_t>(std::bit_width(static_cast<std::uint64_t>(q.walk)));
  return static_cast<std::uint64_t>(q.where) | static_cast<std::uint64_t>(q.path) << 2 |
         static_cast<std::uint64_t>(q.after_key) << 4 | static_cast<std::uint64_t>(q.count) << 5 | walk << 6;
}

}  // namespace

layer_source::answer<feature_page> postgis_source::viewport(const layer_ref& l, const viewport_question& q,
                                                            effort e) {
  const auto p = prepared(l);
  region_query r;
  r.after_key = !q.after.empty();
  r.count = q.count;
  r.rows = power_of_two(128, q.limit + 1);
  std::vector<Oid> types;
  postgres::arguments a;
  double reading = static_cast<double>(r.rows);
  if (q.box) {
    const geo::bbox_parts parts = geo::split(*q.box);
    r.where = parts.count == 2 ? region::two_boxes : region::box;
    choose_path(*l, area_km2(parts), r);
    reading = r.path == access_path::by_space ? expected_rows(*l, area_km2(parts)) : few_rows + 1;
    for (std::size_t i = 0; i < parts.count; ++i) {
      const geo::bbox& b = parts.boxes[i];
      a.add(b.min_lon).add(b.min_lat).add(b.max_lon).add(b.max_lat);
      types.insert(types.end(), 4, oid::float8);
    }
  } else {
    r.path = access_path::by_key;
  }
  for (const std::string& part : q.after) {
    a.add_text(part);
    types.push_back(0);
  }
  a.add(q.limit + 1);
  types.push_back(oid::int8);
  const postgres::statement& s = p->get(statement_key(operation::region, r.rows, region_flags(r)),
                                        std::move(types), [&] { return p->sql.in_region(r); });
  if (q.count) reading = few_rows + 1;
  auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres, sharing(reading),
                                   e.rank);
  if (!rows) co_return rows.error();
  if (auto ok = p->check(*rows); !ok) co_return ok.error();
  const std::int64_t there = rows_present(*rows, p->layout.key);
  feature_page page;
  page.more = there > q.limit;
  p->write(page, *rows, std::min(there, q.limit), q.properties, std::nullopt, q.form, e.timing);
  if (page.more) page.last_key = p->writer.key_parts(*rows, static_cast<int>(q.limit) - 1);
  if (q.count && rows->rows() > 0) page.matched = rows->integer(0, p->layout.extra);
  co_return page;
}

layer_source::answer<feature_page> postgis_source::intersects(const layer_ref& l,
                                                              const intersects_question& q, effort e) {
  const auto p = prepared(l);
  region_query r;
  r.where = region::geometry;
  r.rows = power_of_two(128, q.limit + 1);
  const geo::wkb_summary shape = geo::inspect_wkb(q.ewkb);
  choose_path(*l, shape.empty ? 0 : area_km2(geo::bbox{shape.min_x, shape.min_y, shape.max_x, shape.max_y}),
              r);
  const postgres::statement& s = p->get(statement_key(operation::region, r.rows, region_flags(r)),
                                        {0, oid::int8}, [&] { return p->sql.in_region(r); });
  postgres::arguments a;
  a.add_bytes(q.ewkb).add(q.limit + 1);
  auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                   postgres::share::no, e.rank);
  if (!rows) co_return rows.error();
  if (auto ok = p->check(*rows); !ok) co_return ok.error();
  const std::int64_t there = rows_present(*rows, p->layout.key);
  feature_page page;
  page.more = there > q.limit;
  p->write(page, *rows, std::min(there, q.limit), q.properties, std::nullopt, answer_form::geojson, e.timing);
  co_return page;
}

layer_source::answer<feature_page> postgis_source::by_key(const layer_ref& l,
                                                          const std::vector<std::string>& key, effort e) {
  const auto p = prepared(l);
  const postgres::statement& s = p->get(statement_key(operation::by_key), std::vector<Oid>(key.size(), 0),
                                        [&] { return p->sql.by_key(); });
  postgres::arguments a;
  for (const std::string& part : key)
    a.add_text(part);
  auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                   postgres::share::yes, e.rank);
  if (!rows) co_return rows.error();
  if (auto ok = p->check(*rows); !ok) co_return ok.error();
  feature_page page;
  const property_selection all;
  p->write(page, *rows, rows_present(*rows, p->layout.key), all, std::nullopt, answer_form::geojson,
           e.timing);
  co_return page;
}

}  // namespace gridlight::api
