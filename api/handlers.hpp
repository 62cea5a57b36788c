#pragma once

#include <boost/asio/awaitable.hpp>

#include "api/services.hpp"
#include "server/http/request.hpp"
#include "server/http/response.hpp"

namespace gridlight::api {

/// What each route of routes.cpp calls; each stands in the file named above it. Both arguments outlive the
/// coroutine.
using answer_t = boost::asio::awaitable<result<http::response>>;

// layers.cpp
answer_t landing(services& s, http::request& req);
answer_t list_layers(services& s, http::request& req);
answer_t one_layer(services& s, http::request& req);
// lookups.cpp
answer_t within(services& s, http::request& req);
answer_t nearest(services& s, http::request& req);
// features.cpp
answer_t features(services& s, http::request& req);
answer_t feature(services& s, http::request& req);
// search.cpp
answer_t search(services& s, http::request& req);
// intersects.cpp
answer_t intersects(services& s, http::request& req);
// substations.cpp, substation_status.cpp
answer_t substations(services& s, http::request& req);
answer_t substation(services& s, http::request& req);
answer_t substation_status(services& s, http::request& req);
// tiles.cpp, tilejson.cpp
answer_t tile(services& s, http::request& req);
answer_t tilejson(services& s, http::request& req);
answer_t tile_index(services& s, http::request& req);
// events.cpp
answer_t events(services& s, http::request& req);
// sync_status.cpp, sync_runs.cpp, sync_settings.cpp, sync_run.cpp
answer_t sync_status(services& s, http::request& req);
answer_t sync_summary(services& s, http::request& req);
answer_t sync_runs(services& s, http::request& req);
answer_t sync_settings_route(services& s, http::request& req);
answer_t sync_run(services& s, http::request& req);
// health.cpp
answer_t live(services& s, http::request& req);
answer_t ready(services& s, http::request& req);
answer_t health(services& s, http::request& req);
answer_t show_metrics(services& s, http::request& req);
// page.cpp
answer_t map_page(services& s, http::request& req);
answer_t status_page(services& s, http::request& req);
answer_t page_file(services& s, http::request& req);
// docs.cpp
answer_t openapi(services& s, http::request& req);
answer_t docs_page(services& s, http::request& req);
answer_t docs_script(services& s, http::request& req);
answer_t docs_style(services& s, http::request& req);

}  // namespace gridlight::api
