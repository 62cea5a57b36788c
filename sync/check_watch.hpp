#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "server/catalog.hpp"
#include "sync/check.hpp"

namespace gridlight::sync {

/// Whether a layer's table tells of its changes.
enum class watch_state {
  unknown,  ///< the role may not read gridlight.watched, or it is not there yet
  complete,
  missing
};
struct watch_check {
  watch_state state = watch_state::unknown;
  std::string fault;   ///< when something is missing: what, of a table
  std::string remedy;  ///< the statement that puts it there
};

/// Looks for the triggers of a table and its partitions, and for its row in gridlight.watched, which has to
/// name the layer's circuit. `geometry` is its SQL, empty: none.
boost::asio::awaitable<result<watch_check>> check_watch(postgres::connection& db,
                                                        const layer_config& declared, std::string geometry);

}  // namespace gridlight::sync
