#pragma once

#include <chrono>
#include <string>

#include "server/config.hpp"

/// The subcommands of `gridlight sync`, and `gridlight rollback`. Each returns its exit code.
namespace gridlight::sync {

struct sync_run_options {
  std::string table;  ///< under sync.tables, or a layer
  bool all = false, full = false, dry_run = false, allow_shrink = false, yes = false;
  std::chrono::milliseconds wait{std::chrono::hours{1}};  ///< for a run to begin where another has the lease
};

/// Runs tables now: itself where it gets the lease, else it asks the server that has it, or waits for the
/// command that has it, and goes on itself once the lease is free. Progress
/// to stderr; of each table {"status","rows_synced","final_count"} to stdout.
int run_sync(const config& settings, const sync_run_options& options);

/// What a run of a table would read and change, found by one that changes nothing, and what runs have cost.
int run_sync_explain(const config& settings, const std::string& table);

/// Compares rows and checksums of every table with its source; a table for people.
int run_sync_validate(const config& settings, const std::string& table);

struct discover_options {
  std::string source;  ///< a table of Snowflake's; empty: all of the schema
};
/// Prints what to put under sync.tables, and the DDL of tables in Postgres. Changes nothing.
int run_sync_discover(const config& settings, const discover_options& options);

struct rollback_options {
  std::string layer;
  bool yes = false;
};
/// Puts the table from before the last swap back, and keeps the schedule from undoing that.
int run_rollback(const config& settings, const rollback_options& options);

}  // namespace gridlight::sync
