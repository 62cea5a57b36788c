#include "api/common.hpp"
#include "api/handlers.hpp"

namespace gridlight::api {
namespace {

constexpr double farthest_m = 20'100'000;  // a little more than half round the earth

}  // namespace

// GET /api/postgres/layers/{layer}/within?lon&lat&radius_m[&limit&properties&f]
answer_t within(services& s, http::request& req) {
  const auto l = path_spatial_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  within_question ask;
  ask.at = q.position();
  ask.radius_m = q.number("radius_m", {0, s.settings.limits.max_radius_m, "metres"});
  ask.limit = read_limit(q, s.settings.limits);
  ask.properties = read_properties(q, **l);
  ask.form = read_form(q, req);
  if (auto bad = q.fault()) co_return *bad;
  if (auto same = unchanged_page(s, req, **l, ask.form)) co_return *std::move(same);

  auto page = co_await s.source->within(*l, ask, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  const collection_options options{.with_truncated = true, .next = {}, .form = ask.form};
  co_return page_response(req, **l, *std::move(page), options);
}

// GET /api/postgres/layers/{layer}/nearest?lon&lat[&limit&max_distance_m&properties&f]
answer_t nearest(services& s, http::request& req) {
  const auto l = path_spatial_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  nearest_question ask;
  ask.at = q.position();
  ask.max_distance_m = q.optional_number("max_distance_m", {0, farthest_m, "metres"});
  ask.limit = read_limit(q, s.settings.limits);
  ask.properties = read_properties(q, **l);
  ask.form = read_form(q, req);
  if (auto bad = q.fault()) co_return *bad;
  if (auto same = unchanged_page(s, req, **l, ask.form)) co_return *std::move(same);

  auto page = co_await s.source->nearest(*l, ask, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  const collection_options options{.with_truncated = false, .next = {}, .form = ask.form};
  co_return page_response(req, **l, *std::move(page), options);
}

}  // namespace gridlight::api
