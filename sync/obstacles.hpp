#pragma once

#include <boost/asio/awaitable.hpp>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {

/// Fails with conflict, naming them, when things hang on the table that a swap cannot carry over: all that
/// Postgres knows to depend on it, but for what make_alike() and read_carried() give the new table.
boost::asio::awaitable<result<void>> refuse_obstacles(postgres::connection& db, const table_shape& shape);

}  // namespace gridlight::sync
