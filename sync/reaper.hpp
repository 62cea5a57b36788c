#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/postgres/connection.hpp"

/// Sessions of gridlight's, of our own role and database, that nobody uses any more:
/// gridlight.sync_zombies().
namespace gridlight::sync {

struct reaper_rule {
  std::chrono::milliseconds idle_for{90'000};           ///< in a transaction
  std::optional<std::chrono::milliseconds> active_for;  ///< with one statement; nothing: not judged
  bool end = false;
  std::vector<int> spared = {};  ///< backends that are in use, for all that they look like
  bool spare_runs = false;       ///< those of runs too: behind a pooler ours is not known by its number
};
/// As the configuration says; nothing: it is off.
std::optional<reaper_rule> rule_of(const config& settings);

struct zombie {
  int pid = 0;
  std::string application, state, began;
  double held_s = 0;
  bool ended = false;  ///< by us: it was told to end
};
boost::asio::awaitable<result<std::vector<zombie>>> find_zombies(postgres::connection& db, reaper_rule rule);

}  // namespace gridlight::sync
