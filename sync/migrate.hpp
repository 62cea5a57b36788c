#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.hpp"
#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// A schema file compiled in. `name` starts with its version: "003_dynamic_layers.sql" is 3.
struct migration {
  int version = 0;
  std::string_view name, text;
  std::string checksum;  ///< SHA-256 of the text, lower-case hex
};

/// The migrations of this program, by version, from 1 without gaps.
std::span<const migration> known_migrations();

/// The schema version that this program was built for: what /ready compares with the database's.
int expected_schema_version();

/// A row of gridlight.schema_migration.
struct applied_migration {
  int version = 0;
  std::string checksum;
};

/// The first of `known` that is not applied; nothing when all are. Fails with errc::conflict when an applied
/// file was changed since (names it), when one before an applied one is missing, and when the database is
/// newer.
result<std::optional<migration>> next_migration(std::span<const applied_migration> applied,
                                                std::span<const migration> known);

/// Brings the database up to `known`, each migration in a transaction of its own under an advisory lock, so
/// that any number of processes may run this at once. Returns the names that this call applied.
boost::asio::awaitable<result<std::vector<std::string>>> apply_migrations(
    postgres::connection& db, std::span<const migration> known = known_migrations());

/// A psql script that does the same for whoever has the rights; may be run again. With a role, it ends with
/// the grants that `gridlight serve` needs under that role.
std::string migration_script(std::string_view role, std::span<const migration> known = known_migrations());

struct migrate_options {
  bool print_sql = false;  ///< print migration_script() instead; needs no database
  std::string role;        ///< only with print_sql
  std::optional<int> to;   ///< the version at which to stop; default: the newest
};

/// The subcommand. Names of what was applied, or the script, to stdout. Returns its exit code.
int run_migrate(const config& settings, const migrate_options& options);

}  // namespace gridlight::sync
