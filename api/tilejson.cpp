#include <algorithm>

#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/layer_states.hpp"
#include "api/tile_request.hpp"
#include "api/tile_sql.hpp"
#include "api/tile_writer.hpp"
#include "api/value_writer.hpp"
#include "geo/decimal.hpp"
#include "server/http/forwarded.hpp"

namespace gridlight::api {
namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

void append_numbers(std::string& out, std::string_view name, std::initializer_list<double> numbers) {
  out.append(",\"").append(name).append("\":[");
  bool first = true;
  for (const double n : numbers) {
    if (!first) out += ',';
    first = false;
    geo::append_decimal(out, n, 7);
  }
  out += ']';
}

std::string title_of(const layer& l) {
  return l.config.title.empty() ? l.config.name : l.config.title;
}

std::string_view field_type(const property& p) noexcept {
  if (p.json_type == "integer" || p.json_type == "number") return "Number";
  return p.json_type == "boolean" ? "Boolean" : "String";
}

void append_field(std::string& out, std::string_view name, std::string_view type) {
  if (out.back() != '{') out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string(out, type);
}

// TileJSON 3.0.0, 3.3: what tag a feature of the layer may have.
void append_vector_layer(std::string& out, const tile_layer& l) {
  out += R"({"id":)";
  append_json_string(out, l.of->config.name);
  member(out, "description", title_of(*l.of));
  out += R"(,"minzoom":)" + std::to_string(l.of->config.min_zoom) + R"(,"maxzoom":)" +
         std::to_string(l.of->config.max_zoom);
  member(out, "geometry_type", name(l.of->config.geometry_type));
  out += R"(,"fields":{)";
  const auto served = served_properties(*l.of);
  const std::string key = key_property(*l.of);
  if (std::none_of(served.begin(), served.end(), [&](const property& p) { return p.name == key; }))
    append_field(out, key, l.of->key.size() == 1 ? field_type(l.of->key[0]) : "String");
  const auto chosen = [&](std::size_t position) {
    return !l.properties ||
           std::find(l.properties->begin(), l.properties->end(), position) != l.properties->end();
  };
  for (std::size_t i = 0; i < served.size(); ++i)
    if (chosen(i)) append_field(out, served[i].name, field_type(served[i]));
  if (has_condition(*l.of) && chosen(served.size())) append_field(out, condition_property, "String");
  append_field(out, count_property, "Number");
  out += "}}";
}

// All that lies within the layers' bounds and web mercator's square; nothing when no layer's are known.
std::optional<geo::bbox> bounds_of(const tile_layers& layers, const layer_states& states) {
  std::optional<geo::bbox> out;
  for (const tile_layer& l : layers.layers) {
    const layer_state* const at = state_of_places(states, *l.of);
    if (at == nullptr || !at->bounds) continue;
    const geo::bbox& b = *at->bounds;
    if (!out) {
      out = b;
      continue;
    }
    *out = {std::min(out->min_lon, b.min_lon), std::min(out->min_lat, b.min_lat),
            std::max(out->max_lon, b.max_lon), std::max(out->max_lat, b.max_lat)};
  }
  if (!out) return out;
  return geo::bbox{std::max(out->min_lon, -180.0), std::max(out->min_lat, -geo::max_tile_lat),
                   std::min(out->max_lon, 180.0), std::min(out->max_lat, geo::max_tile_lat)};
}

// Names what tiles would be made from now: other versions are other URLs.
std::string versions_of_tiles(const tile_layers& layers, const layer_states& states) {
  std::string out;
  for (const std::string& name : versions_told(layers)) {
    const auto at = states.find(name);
    out.append(out.empty() ? "" : ".").append(std::to_string(at == states.end() ? 0 : at->second.version));
  }
  return out;
}

std::string tiles_url(const services& s, const http::request& req, std::string_view names) {
  return http::base_url(req, s.settings.http) + "/api/postgres/tiles/" + std::string{names};
}

std::string tilejson_of(const services& s, const http::request& req, const tile_layers& layers,
                        const layer_states& states) {
  int min_zoom = max_tile_zoom, max_zoom = 0;
  std::string titles, query;
  for (const tile_layer& l : layers.layers) {
    min_zoom = std::min(min_zoom, l.of->config.min_zoom);
    max_zoom = std::max(max_zoom, l.of->config.max_zoom);
    titles += (titles.empty() ? "" : ", ") + title_of(*l.of);
  }
  if (const std::string v = versions_of_tiles(layers, states); !v.empty()) query = "?v=" + v;
  if (!layers.selected.empty() && layers.selected != ",")
    query += (query.empty() ? "?" : "&") + std::string{"properties="} + percent_encode(layers.selected);

  std::string out = R"({"tilejson":"3.0.0","tiles":[)";
  append_json_string(out, tiles_url(s, req, layers.names) + "/{z}/{x}/{y}" + query);
  out += ']';
  member(out, "name", titles);
  member(out, "scheme", "xyz");
  member(out, "version", "1.0.0");
  out += R"(,"minzoom":)" + std::to_string(min_zoom) + R"(,"maxzoom":)" + std::to_string(max_zoom);
  const auto bounds = bounds_of(layers, states);
  const geo::bbox all = bounds.value_or(geo::bbox{-180, -geo::max_tile_lat, 180, geo::max_tile_lat});
  append_numbers(out, "bounds", {all.min_lon, all.min_lat, all.max_lon, all.max_lat});
  const double first_zoom = std::clamp(10, min_zoom, max_zoom);
  append_numbers(
      out, "center",
      {(all.min_lon + all.max_lon) / 2, (all.min_lat + all.max_lat) / 2, bounds ? first_zoom : min_zoom});
  out += R"(,"vector_layers":[)";
  for (const tile_layer& l : layers.layers) {
    if (out.back() != '[') out += ',';
    append_vector_layer(out, l);
  }
  return out + "]}";
}

}  // namespace

// GET /api/postgres/tiles/{tileset}: layers joined by commas, then .json
answer_t tilejson(services& s, http::request& req) {
  std::string_view names = req.path_values.at(0);
  if (!names.ends_with(".json"))
    co_return failure{errc::not_found,
                      "there is /api/postgres/tiles/{layers}.json (TileJSON) and "
                      "/api/postgres/tiles/{layers}/{z}/{x}/{y}"};
  names.remove_suffix(5);
  auto layers = read_tile_layers(s, req, names);
  if (!layers) co_return layers.error();
  http::parameters q{req};
  read_tile_properties(q, *layers);
  if (auto bad = q.fault()) co_return *bad;
  const auto states = co_await read_layer_states(s, postgres::lane::lookup, req.until, req.timing.postgres);
  if (!states) co_return states.error();
  http::response out;
  out.body = tilejson_of(s, req, *layers, *states);
  out.etag = hex64(hash64(out.body));
  co_return out;
}

// GET /api/postgres/tiles
answer_t tile_index(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  std::string out = R"({"tiles":[)";
  for (const layer& l : (*all)->layers()) {
    if (!l.has_place()) continue;
    if (out.back() != '[') out += ',';
    out += R"({"name":)";
    append_json_string(out, l.config.name);
    member(out, "title", title_of(l));
    member(out, "geometry_type", name(l.config.geometry_type));
    out += R"(,"min_zoom":)" + std::to_string(l.config.min_zoom) + R"(,"max_zoom":)" +
           std::to_string(l.config.max_zoom);
    const std::string url = tiles_url(s, req, l.config.name);
    member(out, "tilejson", url + ".json");
    member(out, "url", url + "/{z}/{x}/{y}");
    out += '}';
  }
  http::response answer;
  answer.body = out + "]}";
  answer.etag = hex64(hash64(answer.body));
  co_return answer;
}

}  // namespace gridlight::api
