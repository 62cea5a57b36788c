#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"

namespace gridlight::test {

inline void migrate(const temp_db& db, std::span<const sync::migration> known = sync::known_migrations()) {
  config::postgres_settings settings;
  settings.uri = secret{db.uri()};
  using names = std::vector<std::string>;
  const auto done = postgres::run_blocking(
      [&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<result<names>> {
        auto connection = co_await sync::open_for_command(executor, settings, "migrate");
        if (!connection) co_return connection.error();
        co_return co_await sync::apply_migrations(*connection, known);
      });
  REQUIRE_MESSAGE(done.has_value(), done.error().log_detail);
}

inline std::int64_t version(const temp_db& db, const std::string& layer) {
  return std::stoll(db.value("SELECT version FROM gridlight.layer_state WHERE layer = '" + layer + "'"));
}

/// What the change rows of a layer's last version say, in order.
inline std::string last(const temp_db& db, const std::string& layer) {
  return db.value(
      "SELECT string_agg(coalesce(ST_AsText(envelope), 'everything'), '; ' ORDER BY change_id)"
      " FROM gridlight.layer_change JOIN gridlight.layer_state USING (layer, version) WHERE layer = '" +
      layer + "'");
}

}  // namespace gridlight::test
