#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/catalog.hpp"
#include "server/postgres/connection.hpp"
#include "sync/generalize/areas.hpp"

namespace gridlight::sync::generalize {

/// Where a layer changed after version `after` up to `until`; nothing when that is not known, or everywhere.
boost::asio::awaitable<result<std::optional<std::vector<box>>>> read_changes(postgres::connection& db,
                                                                             std::string layer,
                                                                             std::int64_t after,
                                                                             std::int64_t until);

/// Makes the rows anew that these changes touch, at all levels: the table is then what a build of all of it
/// would give. How many rows were written; nothing when that would be more work than to build all of it.
boost::asio::awaitable<result<std::optional<std::int64_t>>> repair(postgres::connection& db, const layer& l,
                                                                   int detail, const std::vector<box>& boxes);

}  // namespace gridlight::sync::generalize
