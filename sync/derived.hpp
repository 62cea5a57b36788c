#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "server/postgres/connection.hpp"
#include "sync/plan.hpp"

namespace gridlight::sync {

/// What is derived of tables follows them: the service areas of circuits, whose hulls and counts are of the
/// assets, and whose substation and customers of the circuits.

/// For the transaction in which a run changes a table: from then on its derivation is owed, whatever becomes
/// of the run. Empty where nothing is derived of the table; else it ends in "; ".
std::string owe_sql(const table_plan& plan, std::int64_t run_id);

/// Does what is owed, by this run or one before it, in one transaction that ends with the fence; only areas
/// that differ are written.
boost::asio::awaitable<result<void>> derive(postgres::connection& db, std::int64_t run_id,
                                            std::int64_t token);

}  // namespace gridlight::sync
