#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"

// Steps of the transaction that a generalised table is made in.
namespace gridlight::sync::generalize {

boost::asio::awaitable<result<void>> run(postgres::connection& db, std::string sql);

/// Of an answer in text format; 0 for NULL.
std::int64_t integer(const postgres::result_set& rows, int row, int column);

/// Drops a table that others read: its lock is tried for 5 ms at a time, so that readers never queue behind
/// it. Fails with conflict after two minutes.
boost::asio::awaitable<result<void>> drop_patiently(postgres::connection& db, std::string table);

}  // namespace gridlight::sync::generalize
