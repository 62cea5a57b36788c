#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {

/// What a swap puts in place, and what it records with it.
struct swap_request {
  table_shape live;                 ///< oid empty: a new table
  std::int64_t run_id = 0;          ///< whose staging table takes the place
  std::vector<std::string> layers;  ///< whose version is raised: all that are made of this table
  std::string geometry;             ///< SQL of the geometry, for the layers' bounds; empty: none
  std::string record_sql;           ///< statements that belong into the same transaction; may be empty
  std::chrono::milliseconds give_up_after{120'000};  ///< of trying to get the table's lock
  bool keep_old = false;                             ///< under replaced_name(), for whoever wants it back
};

/// What the table that a run replaced is called from then on, without its schema; its n-th index (from 1)
/// has _n behind it.
std::string replaced_name(std::int64_t run_id);

/// Puts the staging table in the live one's place, by rename, and raises the layers' versions, in one
/// transaction: a reader sees all of the old or all of the new. What make_alike() and read_carried() know
/// goes along; views on the table are turned to the new one, and stay what they are. The locks of the table
/// and of its views are tried for 5 ms at most, every 250 ms. Then drops the old table, unless it is kept,
/// in a transaction of its own; one that is still being read is left to remove_stale(). Fails with conflict
/// when the live table changed since it was read, or its lock could not be had.
boost::asio::awaitable<result<void>> swap_in(postgres::connection& db, swap_request request);

}  // namespace gridlight::sync
