#pragma once

#include <cstdint>

#include "server/config.hpp"

namespace gridlight::sync {

struct demo_options {
  double scale = 0.1;      ///< 0.001 to 1; at 1 as many rows as production has
  std::int64_t seed = 1;   ///< the same seed gives the same rows
  bool yes = false;        ///< replace rows without asking
  bool overwrite = false;  ///< also those that demo-data did not write
  bool if_empty = false;   ///< where any layer has rows, nothing is done, and that is success
};

/// The subcommand: fills the layers of a migrated database with a believable grid in greater Houston,
/// replacing an earlier demo, whose database gridlight.demo_data marks as disposable: it says what it will
/// replace and asks, or refuses without a terminal. Readers see the old rows until all new ones appear at
/// once. What was written goes to stdout, progress to stderr. gridlight.demo_data then says scale and seed.
/// Returns its exit code.
int run_demo_data(const config& settings, const demo_options& options);

}  // namespace gridlight::sync
