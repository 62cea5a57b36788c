#pragma once

#include <boost/asio/awaitable.hpp>
#include <span>

#include "server/catalog.hpp"
#include "sync/check.hpp"

namespace gridlight::sync {

/// Adds to `report` a line for each layer, and what is wrong with it: relation, rights, indexes, key,
/// version.
boost::asio::awaitable<result<void>> check_layers(postgres::connection& db,
                                                  std::span<const layer_config> declared,
                                                  check_report& report);

}  // namespace gridlight::sync
