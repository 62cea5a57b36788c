#include "api/common.hpp"
#include "api/handlers.hpp"
#include "api/layer_states.hpp"
#include "api/value_writer.hpp"
#include "geo/decimal.hpp"

namespace gridlight::api {
namespace {

void member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

void append_columns(std::string& out, std::string_view name, const std::vector<property>& columns) {
  out.append(",\"").append(name).append("\":[");
  bool first = true;
  for (const property& p : columns) {
    out += first ? R"({"name":)" : R"(,{"name":)";
    first = false;
    append_json_string(out, p.name);
    member(out, "type", p.json_type);
    if (!p.format.empty()) member(out, "format", p.format);
    out += '}';
  }
  out += ']';
}

void append_bounds(std::string& out, const geo::bbox& b) {
  out += R"(,"bounds":[)";
  bool first = true;
  for (const double edge : {b.min_lon, b.min_lat, b.max_lon, b.max_lat}) {
    if (!first) out += ',';
    first = false;
    geo::append_decimal(out, edge, 7);
  }
  out += ']';
}

// What is unknown is null, so that a client sees that it is.
void append_state(std::string& out, const layer_state* state, const layer_state* placed) {
  out += R"(,"version":)" + (state != nullptr ? std::to_string(state->version) : "null");
  out += R"(,"row_count":)" +
         (state != nullptr && state->row_count ? std::to_string(*state->row_count) : "null");
  if (placed != nullptr && placed->bounds)
    append_bounds(out, *placed->bounds);
  else
    out += R"(,"bounds":null)";
  if (state != nullptr && !state->changed_at.empty()) member(out, "changed_at", state->changed_at);
  out += R"(,"lag_s":)";
  if (state != nullptr && state->lag_s)
    geo::append_decimal(out, *state->lag_s, 0);
  else
    out += "null";
}

void append_layer(std::string& out, const services& s, const layer& l, const layer_states& states) {
  out += R"({"name":)";
  append_json_string(out, l.config.name);
  member(out, "title", l.config.title.empty() ? l.config.name : l.config.title);
  member(out, "status", "ok");
  member(out, "mode", name(l.config.mode));
  member(out, "kind", name(l.config.kind));
  member(out, "geometry_type", name(l.config.geometry_type));
  out += R"(,"min_zoom":)" + std::to_string(l.config.min_zoom) + R"(,"max_zoom":)" +
         std::to_string(l.config.max_zoom);
  // Bounds tell where the outermost features are: of hidden places those of their stand-ins.
  append_state(out, state_of(states, l), state_of_places(states, l));
  out += R"(,"version_advisory":)";
  out += l.config.mode == layer_mode::attached ? "true" : "false";
  append_columns(out, "key", l.key);
  append_columns(out, "properties", served_properties(l));
  const std::string url = s.settings.http.base_path + "/api/postgres/layers/" + l.config.name;
  out += R"(,"links":[{"rel":"self","href":)";
  append_json_string(out, url);
  out += R"(},{"rel":"items","type":"application/geo+json","href":)";
  append_json_string(out, url + "/features");
  out += "}]}";
}

void append_broken(std::string& out, const catalog::unusable& broken) {
  out += R"({"name":)";
  append_json_string(out, broken.name);
  member(out, "status", "unusable");
  member(out, "reason", broken.reason);
  out += '}';
}

const layer& shown(const catalog& all, const layer& l, const http::request& req) {
  return req.who.allowed.has(identity::scope::personal) ? all.unveiled(l) : l;
}

// Lag and versions change by themselves: no ETag.
http::response json_response(std::string body) {
  http::response out;
  out.body = std::move(body);
  return out;
}

}  // namespace

// GET /api/postgres
answer_t landing(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  struct link {
    std::string_view rel, href, title;
  };
  constexpr link links[] = {
      {"self", "/api/postgres", "This page"},
      {"data", "/api/postgres/layers", "Layers"},
      {"substations", "/api/postgres/substations", "Substations with the state of their circuits"},
      {"status", "/api/postgres/substations/status", "Status of all substations"},
      {"sync", "/api/postgres/sync/status", "How fresh each layer is, and the last runs of the sync"},
      {"service-desc", "/openapi.json", "Description (OpenAPI 3.1)"},
      {"service-doc", "/docs", "Documentation, with a form to try each route"},
      {"health", "/health", "Health in detail"},
  };
  std::string out = R"({"title":"gridlight","version":")" GRIDLIGHT_VERSION R"(","links":[)";
  for (const link& l : links) {
    if (out.back() != '[') out += ',';
    out.append(R"({"rel":")").append(l.rel).append("\"");
    member(out, "href", s.settings.http.base_path + std::string{l.href});
    member(out, "title", l.title);
    out += '}';
  }
  co_return json_response(out + "]}");
}

// GET /api/postgres/layers
answer_t list_layers(services& s, http::request& req) {
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto all = loaded_catalog(s);
  if (!all) co_return all.error();
  const auto states = co_await read_layer_states(s, postgres::lane::lookup, req.until, req.timing.postgres);
  if (!states) co_return states.error();
  std::string out = R"({"layers":[)";
  for (const layer& l : (*all)->layers()) {
    if (out.back() != '[') out += ',';
    append_layer(out, s, shown(**all, l, req), *states);
  }
  for (const auto& broken : (*all)->broken()) {
    if (out.back() != '[') out += ',';
    append_broken(out, broken);
  }
  co_return json_response(out + "]}");
}

// GET /api/postgres/layers/{layer}
answer_t one_layer(services& s, http::request& req) {
  const auto l = path_layer(s, req);
  if (!l) co_return l.error();
  http::parameters q{req};
  if (auto bad = q.fault()) co_return *bad;
  const auto states = co_await read_layer_states(s, postgres::lane::lookup, req.until, req.timing.postgres);
  if (!states) co_return states.error();
  std::string out;
  append_layer(out, s, **l, *states);
  co_return json_response(std::move(out));
}

}  // namespace gridlight::api
