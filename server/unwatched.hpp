#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <string>

#include "server/postgres/connection.hpp"

namespace gridlight {

/// Tables of a layer that tell nothing of their changes.
struct unwatched {
  bool whole = false;     ///< the layer's own table, not partitions of it alone
  bool no_table = false;  ///< a view, say, has its name by now: it cannot have such triggers
  std::string tables;     ///< their names, joined by commas
  friend bool operator==(const unwatched&, const unwatched&) = default;
};
using unwatched_layers = std::map<std::string, unwatched, std::less<>>;

/// Layers that gridlight.watched names, and whose triggers are not there any more: another table or a view
/// took the name, or a partition came later. Empty, too, where we may not look.
boost::asio::awaitable<result<unwatched_layers>> read_unwatched(postgres::connection& db, deadline until);

}  // namespace gridlight
