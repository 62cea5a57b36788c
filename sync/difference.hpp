#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// Two tables of one shape: what is served, and what shall be. Names are quoted and qualified.
struct table_pair {
  std::string live, staged;
  std::vector<std::string> key;
  std::vector<std::string> columns;  ///< that are compared and written, the key among them
  std::vector<std::string> kept;     ///< others of the live table that can be written
};

struct difference {
  std::int64_t inserted = 0, updated = 0, deleted = 0;  ///< to make the live table like the staged one
  std::int64_t live = 0, staged = 0;                    ///< rows
  std::int64_t all() const noexcept { return inserted + updated + deleted; }
};

/// Rows are the same when they are byte by byte.
boost::asio::awaitable<result<difference>> compare(postgres::connection& db, table_pair tables);

/// The same of the staged rows with `only` alone: what upsert_sql() would do; `deleted` is what
/// delete_named_sql() would do with `doomed`, when that is not empty.
boost::asio::awaitable<result<difference>> compare_some(postgres::connection& db, table_pair tables,
                                                        std::string only, std::string doomed);

/// Statements that change the live table, and count what they did in the run's record. Rows that are as they
/// should be are neither written nor locked.
/// \param only  SQL condition on the staged rows (s.); empty: all
std::string upsert_sql(const table_pair& tables, std::int64_t run_id, const std::string& only = {});
/// Takes the rows that differ out of the table and puts them back as they shall be: for rows that exchange
/// values of which a unique index lets each be there once, also between two statements. What upsert_sql()
/// does with rows that are new is left to it.
std::string replace_sql(const table_pair& tables, std::int64_t run_id, const std::string& only = {});
std::string delete_missing_sql(const table_pair& tables, std::int64_t run_id);
/// Of rows whose key is staged with `only`, and not without it; and whether there are such.
std::string named_exist_sql(const table_pair& tables, const std::string& only);
std::string delete_named_sql(const table_pair& tables, std::int64_t run_id, const std::string& only);

}  // namespace gridlight::sync
