#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>

#include "server/postgres/connection.hpp"
#include "sync/plan.hpp"

namespace gridlight::sync {

/// What a run's table is the input of follows it: the service areas of circuits, whose hulls and counts are of
/// the assets, and whose substation and customers of the circuits. In one transaction that ends with the fence;
/// only areas that differ are written. Nothing is done for other tables.
boost::asio::awaitable<result<void>> derive(postgres::connection& db, const table_plan& plan,
                                            std::int64_t run_id, std::int64_t token);

}  // namespace gridlight::sync
