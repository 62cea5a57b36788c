#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace gridlight::test {

/// The full counts are asked for: `./dev soak`.
inline bool soaking() {
  return std::getenv("GRIDLIGHT_SOAK") != nullptr;
}

/// The count for now. GRIDLIGHT_SOAK_SHARE (0.1, …) makes a soak smaller, to see that it holds.
inline int count_of(int in_test, int in_soak) {
  if (!soaking()) return in_test;
  const char* share = std::getenv("GRIDLIGHT_SOAK_SHARE");
  return static_cast<int>(in_soak * (share == nullptr ? 1.0 : std::strtod(share, nullptr)));
}

/// GRIDLIGHT_SEED, or a new one. Print it.
inline std::uint64_t chosen_seed() {
  const char* chosen = std::getenv("GRIDLIGHT_SEED");
  return chosen != nullptr ? std::stoull(chosen) : std::random_device{}();
}

/// A limit on time in milliseconds. It is meant when soaking; otherwise tests run beside others, and only
/// what is far beyond it counts.
inline double limit_ms(double ms) {
  return soaking() ? ms : 3 * ms;
}

}  // namespace gridlight::test
