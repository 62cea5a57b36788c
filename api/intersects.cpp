#include <simdjson.h>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "geo/geojson.hpp"
#include "geo/geometry.hpp"
#include "geo/wkb.hpp"

namespace gridlight::api {
namespace {

constexpr std::size_t max_json_depth = 64;

// application/json, application/geo+json, with or without parameters.
bool is_json(std::string_view content_type) {
  std::string type;
  for (const char c : content_type.substr(0, content_type.find(';')))
    if (c != ' ' && c != '\t') type += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type == "application/json" || type == "application/geo+json";
}

// The geometry of a Feature, or the object itself.
simdjson::dom::element geometry_member(simdjson::dom::element object) {
  std::string_view type;
  simdjson::dom::element geometry;
  if (object["type"].get(type) == simdjson::SUCCESS && type == "Feature" &&
      object["geometry"].get(geometry) == simdjson::SUCCESS)
    return geometry;
  return object;
}

failure unusable(std::string why) {
  return {errc::unprocessable, std::move(why)};
}

result<std::vector<std::byte>> read_geometry(const std::string& body, const config::limit_settings& limits) {
  simdjson::dom::parser parser;
  if (parser.allocate(body.size() + 1, max_json_depth) != simdjson::SUCCESS)
    return failure{errc::internal, ""};
  simdjson::dom::element root;
  if (const auto error = parser.parse(body).get(root); error != simdjson::SUCCESS)
    return failure{errc::bad_request, "the body is not JSON: " + std::string{simdjson::error_message(error)}};
  if (!root.is_object()) return failure{errc::bad_request, "the body must be a GeoJSON geometry or Feature"};
  auto parsed = geo::geometry_from_geojson(
      geometry_member(root), {.max_vertices = static_cast<std::size_t>(limits.max_vertices), .max_depth = 8});
  if (parsed.too_large) return failure{errc::body_too_large, std::move(parsed.error)};
  if (!parsed.error.empty()) return unusable(std::move(parsed.error));
  if (const auto wrong = geo::find_invalidity(parsed.ewkb)) {
    std::string why = "the geometry is not valid: " + wrong->reason + " at ";
    geo::append_decimal(why, wrong->place.lon, 7);
    why += ' ';
    geo::append_decimal(why, wrong->place.lat, 7);
    return unusable(std::move(why));
  }
  return std::move(parsed.ewkb);
}

}  // namespace

// POST /api/postgres/layers/{layer}/intersects[?limit&properties]
answer_t intersects(services& s, http::request& req) {
  const auto l = path_spatial_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  intersects_question ask;
  ask.limit = read_limit(q, s.settings.limits);
  ask.properties = read_properties(q, **l);
  if (auto bad = q.fault()) co_return *bad;
  const auto content_type = req.headers[boost::beast::http::field::content_type];
  if (!is_json({content_type.data(), content_type.size()}))
    co_return failure{errc::unsupported_media_type, "send application/geo+json or application/json"};
  auto shape = read_geometry(req.body, s.settings.limits);
  if (!shape) co_return shape.error();
  ask.ewkb = std::move(*shape);

  auto page = co_await s.source->intersects(*l, ask, effort{req.until, req.timing, req.rank()});
  if (!page) co_return page.error();
  const auto versions = versions_of(req, **l, *page);
  const collection_options options{.with_truncated = true, .next = {}, .form = {}};
  co_return data_response(req, http::content_type::geojson, feature_collection(*std::move(page), options),
                          versions, req.body);
}

}  // namespace gridlight::api
