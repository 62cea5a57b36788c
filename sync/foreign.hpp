#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "server/postgres/connection.hpp"

/// Changes of layers that are kept in sync which no run made: gridlight.sync_foreign, and what
/// gridlight.layer_change says of writers.
namespace gridlight::sync {

struct foreign_change {
  std::string layer;
  std::int64_t first = 0, last = 0, count = 0;  ///< versions
  std::string writers;                          ///< "psql as role bob, ..."; up to 5 of them
};

/// From now on the changes of these layers are looked at, and of no others. What went before the first time
/// is not told.
boost::asio::awaitable<result<void>> begin_foreign(postgres::connection& db, std::vector<std::string> layers);
/// Those since the last look, a row a layer; each change is told once, whoever looks.
boost::asio::awaitable<result<std::vector<foreign_change>>> look_for_foreign(postgres::connection& db);

}  // namespace gridlight::sync
