#include "api/routes.hpp"

#include <algorithm>

#include "api/handlers.hpp"
#include "api/postgis_source.hpp"

namespace gridlight::api {

http::router make_routes(services& s) {
  if (!s.source) s.source = std::make_unique<postgis_source>(s.pool);
  if (!s.tiles) s.tiles = std::make_shared<tile_store>(s.settings.tiles.cache_bytes, s.counters);
  if (!s.maker) s.maker = std::make_unique<tile_maker>(s.pool, s.tiles->conditions, s.settings.tiles);

  using boost::beast::http::verb;
  using identity::access;
  const auto& open_routes = s.settings.auth.open_routes;
  const auto by_config = [&](const char* pattern) {
    return std::find(open_routes.begin(), open_routes.end(), pattern) == open_routes.end() ? access::read
                                                                                           : access::open;
  };
  struct line {
    verb method;
    const char* pattern;
    answer_t (*handle)(services&, http::request&);
    std::size_t max_body = 0;
    access needs = access::read;
    bool always = false;  // answered beyond http.rate_limit too: those who watch must see a storm
  };
  const std::size_t body = s.settings.http.max_body_bytes;
  const line lines[] = {
      {verb::get, "/", map_page, 0, access::open},
      {verb::get, "/status", status_page, 0, access::open},
      {verb::get, "/static/{file}", page_file, 0, access::open},
      {verb::get, "/api/postgres", landing},
      {verb::get, "/api/postgres/layers", list_layers},
      {verb::get, "/api/postgres/layers/{layer}", one_layer},
      {verb::get, "/api/postgres/layers/{layer}/within", within},
      {verb::get, "/api/postgres/layers/{layer}/nearest", nearest},
      {verb::get, "/api/postgres/layers/{layer}/features", features},
      {verb::get, "/api/postgres/layers/{layer}/features/{id}", feature},
      {verb::post, "/api/postgres/layers/{layer}/intersects", intersects, body},
      {verb::get, "/api/postgres/search", search},
      {verb::get, "/api/postgres/substations", substations},
      {verb::get, "/api/postgres/substations/status", substation_status},
      {verb::get, "/api/postgres/substations/{id}", substation},
      {verb::get, "/api/postgres/tiles", tile_index},
      {verb::get, "/api/postgres/tiles/{tileset}", tilejson},
      {verb::get, "/api/postgres/tiles/{layers}/{z}/{x}/{y}", tile},
      {verb::get, "/api/postgres/events", events},
      {verb::get, "/api/postgres/sync/status", sync_status},
      {verb::get, "/api/postgres/sync/runs", sync_runs},
      {verb::get, "/api/postgres/sync/summary", sync_summary},
      {verb::get, "/api/postgres/sync/settings", sync_settings_route},
      {verb::post, "/api/postgres/sync/{layer}/run", sync_run, 0, access::write},
      {verb::get, "/live", live, 0, access::open, true},
      {verb::get, "/ready", ready, 0, access::open, true},
      {verb::get, "/health", health, 0, by_config("/health"), true},
      {verb::get, "/metrics", show_metrics, 0, by_config("/metrics"), true},
      {verb::get, "/openapi.json", openapi, 0, access::open},
      {verb::get, "/docs", docs_page, 0, access::open},
      {verb::get, "/docs/docs.js", docs_script, 0, access::open},
      {verb::get, "/docs/docs.css", docs_style, 0, access::open},
  };
  http::router out;
  for (const line& l : lines)
    out.add({l.method, l.pattern,
             [&s, handle = l.handle](http::request& req) {
               if (s.versions != nullptr) req.mark = s.versions->mark();
               return handle(s, req);
             },
             l.max_body, l.needs, l.always});
  return out;
}

}  // namespace gridlight::api
