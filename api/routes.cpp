#include "api/routes.hpp"

#include "api/handlers.hpp"
#include "api/postgis_source.hpp"

namespace gridlight::api {

http::router make_routes(services& s) {
  if (!s.source) s.source = std::make_unique<postgis_source>(s.pool);

  using boost::beast::http::verb;
  struct line {
    verb method;
    const char* pattern;
    answer_t (*handle)(services&, http::request&);
    std::size_t max_body = 0;
  };
  const std::size_t body = s.settings.http.max_body_bytes;
  const line lines[] = {
      {verb::get, "/api/postgres", landing},
      {verb::get, "/api/postgres/layers", list_layers},
      {verb::get, "/api/postgres/layers/{layer}", one_layer},
      {verb::get, "/api/postgres/layers/{layer}/within", within},
      {verb::get, "/api/postgres/layers/{layer}/nearest", nearest},
      {verb::get, "/api/postgres/layers/{layer}/features", features},
      {verb::get, "/api/postgres/layers/{layer}/features/{id}", feature},
      {verb::post, "/api/postgres/layers/{layer}/intersects", intersects, body},
      {verb::get, "/api/postgres/substations", substations},
      {verb::get, "/api/postgres/substations/status", substation_status},
      {verb::get, "/api/postgres/substations/{id}", substation},
      {verb::get, "/live", live},
      {verb::get, "/ready", ready},
      {verb::get, "/health", health},
      {verb::get, "/metrics", show_metrics},
      {verb::get, "/openapi.json", openapi},
      {verb::get, "/docs", docs_page},
      {verb::get, "/docs/docs.js", docs_script},
      {verb::get, "/docs/docs.css", docs_style},
  };
  http::router out;
  for (const line& l : lines)
    out.add({l.method, l.pattern, [&s, handle = l.handle](http::request& req) { return handle(s, req); },
             l.max_body});
  return out;
}

}  // namespace gridlight::api
