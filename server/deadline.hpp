#pragma once

#include <chrono>

namespace gridlight {

using steady = std::chrono::steady_clock;

/// One absolute instant by which a request (or a command's step) must be done; passed down, never extended.
using deadline = steady::time_point;

inline deadline deadline_in(steady::duration d) {
  return steady::now() + d;
}

/// Milliseconds since `start`, for Server-Timing and logs.
inline double ms_since(steady::time_point start) {
  return std::chrono::duration<double, std::milli>(steady::now() - start).count();
}

}  // namespace gridlight
