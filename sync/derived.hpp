#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// What is derived of tables follows them: the service areas of circuits, whose hulls and counts are of the
/// assets, and whose substation and customers of the circuits.

/// For the transaction in which a run, a load or a rollback changes a table: from then on its derivation is
/// owed, whatever becomes of the run. Empty where nothing is derived of the table; else it ends in "; ".
std::string owe_sql(std::string_view schema, std::string_view table, std::int64_t run_id);

/// Does what is owed, by this run or one before it, in one transaction; only areas that differ are written.
/// It ends with the fence, where there is a lease's token: a load holds none.
boost::asio::awaitable<result<void>> derive(postgres::connection& db, std::int64_t run_id,
                                            std::optional<std::int64_t> token);

/// What a person should know of a derivation that failed.
std::string still_owed(const failure& why);

}  // namespace gridlight::sync
