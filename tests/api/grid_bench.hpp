#pragma once

// The routes over a database.
#include "embedded/migrations.hpp"
#include "tests/api/lookup_bench.hpp"
#include "tests/api/routes_bench.hpp"

namespace gridlight::test {

class api_bench : public lookup_bench {
 public:
  using lookup_bench::lookup_bench;

  void migrate() {
    for (const auto& file : embedded::migrations)
      db.run(file.text);
    db.run("INSERT INTO gridlight.schema_migration (version, checksum) VALUES (" +
           std::to_string(embedded::migrations.size()) + ", '')");
  }

  void serve(const std::string& yaml) {
    auto read = parse_config(yaml, "test");
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    settings.layers = std::move(read->layers);
    REQUIRE_FALSE(settings.layers.empty());
    reload();
  }

  void reload() {
    const auto found = run(read());
    REQUIRE_MESSAGE(found.has_value(), found.error().log_detail);
    layers.set(std::make_shared<const catalog>(*found));
  }

  result<http::response> get(std::string_view target, std::string body = {}) {
    const http::target_parts parts = http::split_target(target);
    using boost::beast::http::verb;
    auto found = router.find(body.empty() ? verb::get : verb::post, parts.path);
    REQUIRE_MESSAGE(found.found != nullptr, std::string{target});
    req = {};
    req.who = who;
    req.body = std::move(body);
    if (!if_none_match.empty()) req.headers.set(boost::beast::http::field::if_none_match, if_none_match);
    if (!req.body.empty()) req.headers.set(boost::beast::http::field::content_type, "application/geo+json");
    req.path = http::decode_path(parts.path).value();
    req.query = http::decode_query(parts.query).value();
    req.path_values = std::move(found.path_values);
    req.until = deadline_in(std::chrono::seconds{10});
    return run(found.found->handle(req));
  }

  simdjson::dom::element json(std::string_view target, int status = 200, std::string body = {}) {
    auto answer = get(target, std::move(body));
    REQUIRE_MESSAGE(answer.has_value(), (answer.error().detail + " " + answer.error().log_detail));
    CHECK(answer->status == status);
    last = *std::move(answer);
    if (last.shared) last.body = *last.shared;
    simdjson::dom::element root;
    REQUIRE(parser.parse(last.body).get(root) == simdjson::SUCCESS);
    return root;
  }

  std::string header(std::string_view name) const {
    for (const auto& [key, value] : last.headers)
      if (key == name) return value;
    return {};
  }

  catalog_store layers;
  config settings;
  metrics counters;
  http::response last;
  identity::caller who;       ///< of all that is asked
  std::string if_none_match;  ///< of all that is asked; empty: none
  http::request req;          ///< the last one
  api::services services{.pool = *pool,
                         .layers = layers,
                         .settings = settings,
                         .counters = counters,
                         .pools = [this] { return std::vector{pool->status()}; },
                         .schema_version = static_cast<int>(embedded::migrations.size()),
                         .started = steady::now()};
  http::router router = api::make_routes(services);

 private:
  boost::asio::awaitable<result<catalog>> read() {
    auto lease = co_await pool->acquire(postgres::lane::admin, deadline_in(std::chrono::seconds{10}));
    if (!lease) co_return lease.error();
    co_return co_await read_catalog(**lease, settings.layers, deadline_in(std::chrono::seconds{10}));
  }
  simdjson::dom::parser parser;
};

/// Over a database that the migrations made, with the built-in layers.
class grid_bench : public api_bench {
 public:
  grid_bench() : api_bench("SELECT 1") {
    migrate();
    serve("{}");
  }
};

}  // namespace gridlight::test
