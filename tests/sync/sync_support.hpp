#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/migrate.hpp"
#include "sync/runner.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"

namespace gridlight::test {

inline std::string in_quotes(const std::string& text) {
  std::string out = "'";
  for (const char c : text)
    out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

/// A database with gridlight's schema, and runs in it.
struct sync_bench {
  temp_db db;
  config settings;
  std::vector<sync::table_plan> plans;
  std::string more;  ///< YAML of sync.snowflake, for configure()

  explicit sync_bench(const std::string& tables = {}) {
    settings.postgres.uri = secret{db.uri()};
    const bool migrated = postgres::run_blocking([&](auto executor) { return migrate(executor); });
    REQUIRE(migrated);
    if (!tables.empty()) configure(tables);
  }

  boost::asio::awaitable<bool> migrate(boost::asio::any_io_executor executor) {
    auto session = co_await sync::open_for_command(executor, settings.postgres, "test");
    if (!session) co_return false;
    const auto done = co_await sync::apply_migrations(*session);
    co_return done.has_value();
  }

  std::string yaml(const std::string& tables) const {
    std::string out = "sync:\n" + more + "  tables:\n";
    // Of the built-in tables only those that are named here.
    for (const char* name : {"topology", "outages", "work_orders", "circuits"})
      if (tables.find("    " + std::string{name} + ":") == std::string::npos)
        out += "    " + std::string{name} + ": {enabled: false}\n";
    return out + tables;
  }

  /// \param tables  lines below sync.tables, indented by four
  void configure(const std::string& tables) {
    auto read = parse_config(yaml(tables), "test.yaml");
    REQUIRE_MESSAGE(read.has_value(), read.error().detail);
    settings = *read;
    settings.postgres.uri = secret{db.uri()};
    auto made = sync::make_plans(settings);
    REQUIRE_MESSAGE(made.has_value(), made.error().detail);
    plans = *made;
  }

  /// Takes the lease, as a new holder.
  std::int64_t take_lease() const {
    return std::stoll(
        db.value("UPDATE gridlight.sync_lease SET token = token + 1, owner = 'test' RETURNING token"));
  }

  result<sync::run_outcome> try_run(const std::string& name, sync::run_options options = {}) {
    const auto plan = sync::find_plan(plans, name);
    REQUIRE_MESSAGE(plan.has_value(), plan.error().detail);
    if (options.token == 0) options.token = take_lease();
    return postgres::run_blocking(
        [&](boost::asio::any_io_executor executor) { return run_one(executor, **plan, options); });
  }
  boost::asio::awaitable<result<sync::run_outcome>> run_one(boost::asio::any_io_executor executor,
                                                            const sync::table_plan& plan,
                                                            sync::run_options options) {
    sync::runner runs{executor, settings};
    co_return co_await runs.run(plan, options);
  }
  sync::run_outcome run(const std::string& name, sync::run_options options = {}) {
    auto out = try_run(name, options);
    REQUIRE_MESSAGE(out.has_value(), out.error().detail << " | " << out.error().log_detail);
    return *out;
  }
  std::string fail(const std::string& name, sync::run_options options = {}) {
    const auto out = try_run(name, options);
    REQUIRE(out.has_error());
    return out.error().detail;
  }
  std::string version(const std::string& layer) const {
    return db.value("SELECT version FROM gridlight.layer_state WHERE layer = '" + layer + "'");
  }
  std::string last_run(const std::string& columns) const {
    return db.value("SELECT concat_ws(' ', " + columns +
                    ") FROM gridlight.sync_run ORDER BY run_id DESC LIMIT 1");
  }
  /// No table of a run is left but those that are kept.
  std::string left_over() const {
    return db.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'gridlight_new_%'");
  }
};

/// A table of places that mirrors stations, an empty one of `other`.
/// \param options  of the table's settings, such as "batch_size: 100, "
inline void mirror_places(sync_bench& b, const temp_db& other, const std::string& options = {}) {
  const std::string columns = "substation_name text, latitude float8, longitude float8)";
  other.run("CREATE TABLE stations (substation_id text, " + columns);
  b.db.run("CREATE TABLE places (substation_id text PRIMARY KEY, " + columns);
  b.configure(
      "    places: {mode: mirrored, source: public.stations, table: public.places, key: substation_id, " +
      options + "connection: " + in_quotes(other.uri()) + "}\n");
}

inline std::string did(const sync::run_outcome& o) {
  return o.did + " +" + std::to_string(o.inserted) + " ~" + std::to_string(o.updated) + " -" +
         std::to_string(o.deleted) + " =" + std::to_string(o.final_count.value_or(-1));
}

/// What a command says on stdout and stderr; it must end with this code.
inline std::string printed(const std::function<int()>& command, int expected) {
  std::ostringstream out, err;
  auto* cout = std::cout.rdbuf(out.rdbuf());
  auto* cerr = std::cerr.rdbuf(err.rdbuf());
  const int code = command();
  std::cout.rdbuf(cout);
  std::cerr.rdbuf(cerr);
  CHECK_MESSAGE(code == expected, err.str());
  return out.str() + err.str();
}

}  // namespace gridlight::test
