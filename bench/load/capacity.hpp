#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/load/tally.hpp"

namespace gridlight::bench {

/// A rate that was tried.
struct trial {
  double rate = 0, rps = 0, p99_ms = 0;
  std::uint64_t errors = 0;
  bool held = false;
  bool client_was_limit = false;
};

struct capacity {
  double rate = 0;  ///< the highest that held; 0: not even the lowest
  std::vector<trial> trials;
  bool client_was_limit = false;  ///< the next rate failed because of the client
  bool interrupted = false;
};

/// The highest rate at which p99 is at most `p99_ms`, no answer is wrong and all that was due is answered:
/// doubles from `first` until one fails, then halves the gap until it is under 5 %.
/// \param at_rate  runs the scenario at a rate
/// \param tell     called after each trial
capacity find_capacity(double first, double p99_ms, const std::function<outcome(double)>& at_rate,
                       const std::function<void(const trial&)>& tell);

}  // namespace gridlight::bench
