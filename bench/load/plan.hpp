#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "bench/load/scenario.hpp"

namespace gridlight::bench {

/// A request and when it is to leave.
struct arrival {
  double due_s = 0;  ///< from the start
  std::size_t kind = 0;
  std::string path;
  bool first = true;  ///< whoever asks has not asked this before, so knows no ETag
};

/// Some of a scenario's requests, in the order in which they are due.
class source {
 public:
  virtual ~source() = default;
  virtual double next_due_s() const = 0;             ///< infinity: no more
  virtual void take(std::vector<arrival>& out) = 0;  ///< appends what is due then, and goes on
};

/// All requests of a scenario, merged in time. Deterministic for a seed.
class plan {
 public:
  /// \param share  this thread's part of the rate and the users: part `index` of `of`
  plan(const scenario& s, const places& from, std::uint64_t seed, std::size_t index = 0, std::size_t of = 1);
  ~plan();

  /// Of the open loop: what is due next. Nothing when it is due at or after `end_s`.
  std::optional<arrival> next(double end_s);
  /// Of the closed loop: any request of the mix, due now.
  arrival any();

 private:
  const scenario& scenario_;
  const places& places_;
  std::mt19937_64 random_;
  std::discrete_distribution<std::size_t> by_weight_;
  std::vector<std::unique_ptr<source>> sources_;
  std::vector<arrival> ready_;  // of one instant, the last first
};

}  // namespace gridlight::bench
