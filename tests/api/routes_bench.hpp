#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/layer_source.hpp"
#include "api/routes.hpp"
#include "api/services.hpp"
#include "server/http/url.hpp"
#include "server/postgres/blocking.hpp"

namespace gridlight::test {

/// A layer as the catalog would have read it: table = name, geometry column geom, key `id` of type text.
inline layer make_layer(std::string name, std::vector<property> properties,
                        geometry_kind kind = geometry_kind::point) {
  layer l;
  l.config.name = l.config.title = l.config.table = std::move(name);
  l.config.key = {"id"};
  l.config.geometry_type = kind;
  l.key = {{.name = "id",
            .type = postgres::oid::text,
            .cast_to_text = false,
            .json_type = "string",
            .format = ""}};
  l.properties = std::move(properties);
  for (const property& p : l.properties)
    l.config.properties.push_back(p.name);
  l.versioned = true;
  return l;
}

inline property text_property(std::string name) {
  return {.name = std::move(name),
          .type = postgres::oid::text,
          .cast_to_text = false,
          .json_type = "string",
          .format = ""};
}
inline property number_property(std::string name) {
  return {.name = std::move(name),
          .type = postgres::oid::float8,
          .cast_to_text = false,
          .json_type = "number",
          .format = ""};
}

/// Answers every question with one feature, and counts them.
class counting_source final : public api::layer_source {
 public:
  int asked = 0;
  api::viewport_question last_viewport;
  api::search_question last_search;

  answer<api::feature_page> within(const api::layer_ref&, const api::within_question&, api::effort) override {
    return page();
  }
  answer<api::feature_page> nearest(const api::layer_ref&, const api::nearest_question&,
                                    api::effort) override {
    return page();
  }
  answer<api::feature_page> viewport(const api::layer_ref&, const api::viewport_question& q,
                                     api::effort) override {
    last_viewport = q;
    return page();
  }
  answer<api::feature_page> intersects(const api::layer_ref&, const api::intersects_question&,
                                       api::effort) override {
    return page();
  }
  answer<api::feature_page> by_key(const api::layer_ref&, const std::vector<std::string>&,
                                   api::effort) override {
    return page();
  }
  answer<api::search_page> search(const api::search_question& q, api::effort) override {
    ++asked;
    last_search = q;
    api::search_page out;
    out.versions.assign(q.layers.size(), 7);
    co_return out;
  }

 private:
  answer<api::feature_page> page() {
    ++asked;
    api::feature_page out;
    out.features = R"({"type":"Feature","id":"a","geometry":null,"properties":{}})";
    out.count = 1;
    out.more = true;
    out.version = 7;
    out.last_key = {"a"};
    co_return out;
  }
};

/// The routes over a catalog made by hand and a counting_source; the pool was never started, so that any
/// query fails.
struct routes_bench {
  boost::asio::io_context io;
  postgres::pool pool{io.get_executor(), {}, {}};
  catalog_store layers;
  config settings;
  metrics counters;
  counting_source* source = nullptr;
  api::services services{.pool = pool,
                         .layers = layers,
                         .settings = settings,
                         .counters = counters,
                         .pools = [] { return std::vector<postgres::pool_status>{}; },
                         .schema_version = 4,
                         .started = steady::now()};
  http::router router = [this] {
    auto made = std::make_unique<counting_source>();
    source = made.get();
    services.source = std::move(made);
    return api::make_routes(services);
  }();

  routes_bench() {
    std::vector<layer> all;
    all.push_back(
        make_layer("points", {text_property("name"), number_property("load"), text_property("owner")}));
    all.back().config.personal = {"owner"};
    all.push_back(make_layer("pairs", {}, geometry_kind::line));
    all.back().key.push_back({.name = "n",
                              .type = postgres::oid::int4,
                              .cast_to_text = false,
                              .json_type = "integer",
                              .format = ""});
    all.push_back(make_layer("plain", {}, geometry_kind::none));
    layers.set(std::make_shared<const catalog>(std::move(all),
                                               std::vector<catalog::unusable>{{"broken", "table nowhere"}}));
  }

  /// \param target  path and query, percent-encoded
  result<http::response> get(std::string_view target) { return ask(boost::beast::http::verb::get, target); }

  result<http::response> ask(boost::beast::http::verb method, std::string_view target, std::string body = {},
                             std::string_view content_type = {}) {
    const http::target_parts parts = http::split_target(target);
    http::router::match found = router.find(method, parts.path);
    REQUIRE_MESSAGE(found.found != nullptr, std::string{target});
    http::request req;
    req.method = method;
    req.target = std::string{target};
    req.path = http::decode_path(parts.path).value();
    req.query = http::decode_query(parts.query).value();
    req.path_values = std::move(found.path_values);
    req.body = std::move(body);
    if (!content_type.empty())
      req.headers.set(boost::beast::http::field::content_type,
                      boost::beast::string_view{content_type.data(), content_type.size()});
    req.until = deadline_in(std::chrono::seconds{5});
    return postgres::run_blocking([&](boost::asio::any_io_executor) { return found.found->handle(req); });
  }
};

}  // namespace gridlight::test
