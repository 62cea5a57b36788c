#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace gridlight::bench {

/// Latencies in logarithmic buckets of ticks: 128 a power of two, so a quantile errs by under 1 % from 2 µs
/// on, by a tick below. Fixed memory whatever the run's length; up to 500 s, what is longer counts as that.
class histogram {
 public:
  void add(std::chrono::nanoseconds latency) noexcept;
  void add(const histogram& other) noexcept;
  std::uint64_t count() const noexcept { return count_; }
  double max_ms() const noexcept { return as_ms(static_cast<double>(max_ticks_)); }
  /// \param q  0…1; 0 when nothing was added
  double quantile_ms(double q) const noexcept;

 private:
  static constexpr int sub_bits = 7, powers = 28;
  static constexpr std::int64_t tick_ns = 16;
  static constexpr double as_ms(double ticks) noexcept { return ticks * tick_ns / 1e6; }
  std::array<std::uint64_t, (powers + 1) << sub_bits> buckets_{};
  std::uint64_t count_ = 0, max_ticks_ = 0;
};

}  // namespace gridlight::bench
