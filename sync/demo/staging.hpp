#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync::demo {

/// Where the demo's tables are built: beside the served ones, under the same names, so that a table moves
/// over with its indexes in one step.
inline constexpr const char* staging_schema = "gridlight_demo";

/// A layer that the demo owns.
struct owned_layer {
  std::string layer, table;
};
std::vector<owned_layer> owned_layers();

/// An index as the migrations made it, to be made on the staging table.
struct index_plan {
  std::string table, sql;
  std::string constraint_sql;  ///< adds it as the primary key or a unique constraint; empty for a plain index
};

/// A layer that holds rows.
struct held_rows {
  owned_layer of;
  std::int64_t rows = 0;
  bool foreign = false;  ///< they are not as a demo left them: another version, or another number of rows
};

/// What the demo would replace. Fails with errc::conflict, saying what to do, when the database is not
/// migrated or another demo-data runs. On success this session holds the lock.
boost::asio::awaitable<result<std::vector<held_rows>>> check_database(postgres::connection& db);

/// Makes an empty staging schema; drops what a run that died has left.
boost::asio::awaitable<result<void>> prepare_staging(postgres::connection& db);
boost::asio::awaitable<void> drop_staging(postgres::connection& db);

/// Columns, defaults and storage parameters of the served table.
boost::asio::awaitable<result<std::string>> create_table_sql(postgres::connection& db, std::string table);
boost::asio::awaitable<result<std::vector<index_plan>>> plan_indexes(postgres::connection& db);

/// Counted and measured in staging, for layer_state.
struct layer_facts {
  std::int64_t rows = 0;
  std::string bounds_hex;  ///< EWKB; empty: no rows
};
boost::asio::awaitable<result<layer_facts>> measure(postgres::connection& db, std::string table);

struct demo_mark {
  double scale;
  std::int64_t seed;
  int generator;
};

/// One transaction: staging tables take the place of the served ones with their owner and grants, every
/// layer's version is raised, and the mark is set. Waits for readers in short tries, so that none queues
/// behind it.
boost::asio::awaitable<result<void>> swap_in(postgres::connection& db, std::vector<layer_facts> facts,
                                             demo_mark mark);

}  // namespace gridlight::sync::demo
