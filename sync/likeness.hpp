#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {

/// Gives a run's staging table what the live one has besides columns, rows and indexes, as far as it can have
/// it under its own name: owner, grants, comments, storage parameters, statistics targets, storage and
/// defaults of columns, the CLUSTER mark, the replica identity, extended statistics, grants of identity
/// sequences, row level security. Takes away what it has beyond that, such as the triggers of a table that
/// was live once. \pre its indexes stand under new_index_name()
boost::asio::awaitable<result<void>> make_alike(postgres::connection& db, const table_shape& shape,
                                                std::int64_t run_id);

/// What can only be made once the staging table has the live one's name.
struct carried_over {
  /// Triggers, policies, dependent views, owned sequences, and the names of statistics and identity
  /// sequences: statements that end in "; ", or none.
  std::string make_sql;
  /// Statements without an effect that take the ACCESS EXCLUSIVE locks of the views; empty when there are
  /// none. LOCK TABLE would lock all that the views read, too.
  std::string lock_sql;
};

/// For the transaction that swaps, before it renames.
boost::asio::awaitable<result<carried_over>> read_carried(postgres::connection& db, const table_shape& shape,
                                                          std::int64_t run_id);

}  // namespace gridlight::sync
