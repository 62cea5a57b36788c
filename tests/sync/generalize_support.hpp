#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/generalize/build.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"

namespace gridlight::test {

using boost::asio::any_io_executor;
using boost::asio::awaitable;
using sync::generalize::outcome;

inline layer_config layer_of(const std::string& body) {
  auto c = parse_config("layers:\n  l: {" + body + "}\n", "t.yaml");
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  return c->layers.at(0);
}

/// A database with the schema, and a table public.l with what is said of it, watched as layer l.
struct tiles_fixture {
  explicit tiles_fixture(const std::string& columns, std::string body) : config(layer_of(body)) {
    const auto done =
        postgres::run_blocking([&](any_io_executor executor) -> awaitable<result<std::vector<std::string>>> {
          postgres::connect_options options;
          options.uri = secret{db.uri()};
          const deadline until = deadline_in(std::chrono::seconds{10});
          auto session = co_await postgres::connection::open(executor, options, until);
          if (!session) co_return session.error();
          co_return co_await sync::apply_migrations(*session);
        });
    REQUIRE_MESSAGE(done.has_value(), done.error().log_detail);
    db.run("CREATE TABLE l (" + columns +
           ", geom geometry(Geometry, 4326)); CREATE INDEX ON l USING gist (geom);"
           "INSERT INTO gridlight.layer_state (layer, version, changed_at) VALUES ('l', 1, now());"
           "SELECT gridlight.watch('l', 'l', 'geom')");
  }

  outcome build(bool anew = false) {
    const auto done = postgres::run_blocking([&](any_io_executor executor) -> awaitable<result<outcome>> {
      postgres::connect_options options;
      options.uri = secret{db.uri()};
      const deadline until = deadline_in(std::chrono::seconds{10});
      auto session = co_await postgres::connection::open(executor, options, until);
      if (!session) co_return session.error();
      const std::vector<layer_config> declared{config};
      auto known = co_await read_catalog(*session, declared, until);
      if (!known) co_return known.error();
      if (known->layers().empty()) co_return failure{errc::internal, known->broken()[0].reason};
      const layer l = known->layers()[0];
      co_return co_await sync::generalize::build(*session, l, anew);
    });
    REQUIRE_MESSAGE(done.has_value(), done.error().detail, done.error().log_detail);
    CHECK(db.value("SELECT coalesce((SELECT version FROM gridlight.tile_state WHERE layer = 'l'), 0) IN (0, "
                   "version) "
                   "FROM gridlight.layer_state WHERE layer = 'l'") == "t");
    return *done;
  }

  /// What is there is what a build of all of it gives.
  void check_whole() {
    db.run(
        "SET client_min_messages = warning; DROP TABLE IF EXISTS repaired, whole; CREATE TABLE repaired AS "
        "TABLE gridlight_tiles.l");
    CHECK(build(true).what == outcome::kind::built);
    db.run("CREATE TABLE whole AS TABLE gridlight_tiles.l");
    const auto rows = db.rows(
        "(SELECT 'repaired', t::text FROM repaired t EXCEPT ALL SELECT 'repaired', t::text FROM "
        "whole t) UNION ALL (SELECT 'whole', t::text FROM whole t EXCEPT ALL SELECT 'whole', "
        "t::text FROM repaired t) ORDER BY 2 LIMIT 6");
    std::string text;
    for (const auto& row : rows)
      text += row[0] + ": " + row[1] + "\n";
    CHECK_MESSAGE(rows.empty(), text);
  }

  temp_db db;
  layer_config config;
};

}  // namespace gridlight::test
