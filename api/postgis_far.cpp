// nearest from far away: see far_search.
#include <fmt/format.h>

#include <algorithm>

#include "api/prepared_layer.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

// From here on the index costs more than the search.
constexpr double far_away_m = 150'000;
constexpr double sphere_m = 6371008.8;

// So many rows are measured as fast as they are searched.
std::int64_t few_to_scan(std::int64_t limit) noexcept {
  return std::max<std::int64_t>(1000, 4 * limit);
}

std::string array_text(const std::vector<patch>& patches, double (*number)(const patch&)) {
  std::string out = "{";
  for (const patch& p : patches)
    out += fmt::format("{}{:.17g}", out.size() == 1 ? "" : ",", number(p));
  return out + "}";
}

void add_patches(postgres::arguments& a, const std::vector<patch>& patches) {
  a.add_text(array_text(patches, [](const patch& p) { return p.at.lon; }));
  a.add_text(array_text(patches, [](const patch& p) { return p.at.lat; }));
  a.add_text(array_text(patches, [](const patch& p) { return p.reach_m; }));
}

// WKT has neither quotes nor backslashes.
std::string array_text(const std::vector<std::string>& all) {
  std::string out = "{";
  for (const std::string& one : all)
    out += (out.size() == 1 ? "\"" : ",\"") + one + "\"";
  return out + "}";
}

}  // namespace

// The contents of patches, and the versions at which all of them were counted.
struct postgis_source::counted {
  std::optional<std::string> versions;
  bool changed = false;
  std::vector<patch_contents> contents;

  void see(const postgres::result_set& rows, int count) {
    std::string now;
    for (int i = 0; i < count; ++i)
      now += rows.is_null(0, i) ? "-," : std::to_string(rows.integer(0, i)) + ",";
    changed = changed || (versions && *versions != now);
    versions = now;
  }
};

// Without an index, as somebody else's table may be, every patch would cost a look at the whole table.
layer_source::answer<bool> postgis_source::has_place_index(std::shared_ptr<prepared_layer> p, effort e) {
  const postgres::statement plan{p->sql.explain_patch()};
  const postgres::arguments none;
  const auto rows = co_await pool_.query(postgres::lane::lookup, plan, none, e.until, e.timing.postgres,
                                         postgres::share::no, e.rank);
  if (!rows) co_return rows.error();
  for (int r = 0; r < rows->rows(); ++r)
    if (rows->text(r, 0).find("Index Cond:") != std::string_view::npos &&
        rows->text(r, 0).find(" && ") != std::string_view::npos)
      co_return true;
  co_return false;
}

boost::asio::awaitable<std::optional<disc>> postgis_source::published_extent(const layer& l, effort e) {
  static const postgres::statement bounds{
      "SELECT ST_XMin(bounds), ST_YMin(bounds), ST_XMax(bounds), ST_YMax(bounds) FROM gridlight.layer_state "
      "WHERE layer = $1 AND bounds IS NOT NULL",
      {oid::text}};
  postgres::arguments a;
  a.add_text(l.snap ? l.snap->layer : l.config.name);
  const auto rows = co_await pool_.query(postgres::lane::lookup, bounds, a, e.until, e.timing.postgres,
                                         postgres::share::no, e.rank);
  if (!rows || rows->rows() != 1) co_return std::nullopt;
  const geo::bbox box{rows->number(0, 0), rows->number(0, 1), rows->number(0, 2), rows->number(0, 3)};
  co_return disc_of(box);
}

boost::asio::awaitable<std::optional<disc>> postgis_source::surveyed_extent(std::shared_ptr<prepared_layer> p,
                                                                            effort e) {
  survey all;
  for (std::vector<patch> patches = all.next(); !patches.empty(); patches = all.next()) {
    const auto found = co_await count(p, {0, 0}, 1e9, std::move(patches), e);
    if (!found) co_return std::nullopt;
    all.learn(found->contents);
  }
  co_return all.found();
}

boost::asio::awaitable<bool> postgis_source::is_far(std::shared_ptr<prepared_layer> p, geo::lonlat at,
                                                    effort e) {
  if (!p->extent_asked) {
    const auto indexed = co_await has_place_index(p, e);
    if (!indexed) co_return false;
    p->extent_asked = true;
    if (!*indexed) co_return false;
    const bool told = p->of->snap ? p->of->snap->versioned : p->of->versioned;
    if (told) p->extent = co_await published_extent(*p->of, e);
    if (!p->extent) p->extent = co_await surveyed_extent(p, e);
  }
  if (p->extent_outdated) {
    p->extent_outdated = false;
    p->extent = co_await surveyed_extent(p, e);
  }
  co_return p->extent && (angle_between(at, p->extent->centre) - p->extent->radius) * sphere_m > far_away_m;
}

layer_source::answer<postgis_source::counted> postgis_source::count(std::shared_ptr<prepared_layer> p,
                                                                    geo::lonlat at, double horizon_m,
                                                                    std::vector<patch> patches, effort e) {
  const postgres::statement& s =
      p->get(statement_key(operation::patches), {oid::float8, oid::float8, oid::float8, 0, 0, 0},
             [&] { return p->sql.patches(far_search::most_counted); });
  postgres::arguments a;
  a.add(at.lon).add(at.lat).add(horizon_m);
  add_patches(a, patches);
  const auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                         postgres::share::no, e.rank);
  if (!rows) co_return rows.error();
  counted out;
  const int distance = p->layout.key;  // behind the versions
  if (rows->rows() > 0) out.see(*rows, distance);
  for (int r = 0; r < rows->rows(); ++r)
    out.contents.push_back({rows->number(r, distance), rows->integer(r, distance + 1)});
  co_return out;
}

// The answer, when it is proven; else the search, or the layer's extent, has learnt why not.
layer_source::answer<std::optional<feature_page>> postgis_source::measure(std::shared_ptr<prepared_layer> p,
                                                                          const near_question& q,
                                                                          far_search& search,
                                                                          counted& versions, effort e) {
  const bool bounded = q.bound_m.has_value();
  std::vector<Oid> types{oid::float8, oid::float8, 0, 0, 0, 0};
  if (bounded) types.push_back(oid::float8);
  types.push_back(oid::int8);
  const postgres::statement& s = p->get(statement_key(operation::nearest_in_patches, 0, bounded ? 1 : 0),
                                        std::move(types), [&] { return p->sql.nearest_in_patches(bounded); });
  postgres::arguments a;
  a.add(q.at.lon).add(q.at.lat);
  add_patches(a, search.answer_patches());
  a.add_text(array_text(outside_of(*p->extent)));
  if (bounded) a.add(*q.bound_m);
  a.add(q.limit);
  const auto rows = co_await pool_.query(postgres::lane::lookup, s, a, e.until, e.timing.postgres,
                                         postgres::share::no, e.rank);
  if (!rows) co_return rows.error();
  if (auto ok = p->check(*rows); !ok) co_return ok.error();
  const int distance = p->layout.extra;
  const std::int64_t there = rows_present(*rows, distance);
  if (rows->rows() > 0) versions.see(*rows, p->layout.key);
  if (rows->rows() > 0 && rows->integer(0, distance + 1) > 0) {
    p->extent = disc{{0, 0}, whole_sphere};  // for this question
    p->extent_outdated = true;
    versions.changed = true;
  }
  if (versions.changed) co_return std::nullopt;
  std::int64_t within = 0;
  while (within < there && rows->number(static_cast<int>(within), distance) <= search.horizon_m())
    ++within;
  if (within < q.limit && !search.sees_all()) {
    std::optional<double> wanted_m;
    if (there == q.limit) wanted_m = rows->number(static_cast<int>(there) - 1, distance);
    search.widen(within, wanted_m);
    co_return std::nullopt;
  }
  feature_page page;
  p->write(page, *rows, there, q.properties, distance, q.form, e.timing);
  co_return std::optional{std::move(page)};
}

// Each answer is of one statement; that nothing is in the patches that were found empty holds as long as the
// version does. Layers without versions take it from one moment to the next.
layer_source::answer<feature_page> postgis_source::from_afar(std::shared_ptr<prepared_layer> p,
                                                             const near_question& q, effort e) {
  if (p->of->estimated_rows <= few_to_scan(q.limit) && !q.bound_m) co_return co_await scan(p, q, e);
  for (int tries = 0; tries < 3; ++tries) {
    far_search search{*p->extent, q.limit, q.bound_m};
    counted all;
    while (!all.changed && !search.gave_up()) {
      std::vector<patch> patches = search.next();
      if (search.gave_up()) break;
      if (patches.empty()) {
        auto page = co_await measure(p, q, search, all, e);
        if (!page) co_return page.error();
        if (*page) co_return std::move(**page);
        continue;
      }
      const auto found = co_await count(p, q.at, search.horizon_m(), std::move(patches), e);
      if (!found) co_return found.error();
      all.changed = all.versions && found->versions && *all.versions != *found->versions;
      all.versions = found->versions;
      search.learn(found->contents);
    }
    if (search.gave_up()) break;
  }
  co_return co_await scan(p, q, e);
}

}  // namespace gridlight::api
