#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace gridlight::bench {

/// Latencies in logarithmic buckets: 128 a power of two of microseconds, so a quantile errs by under 1 %.
/// Fixed memory whatever the run's length; from 1 µs to 2^32 µs.
class histogram {
 public:
  void add(std::chrono::nanoseconds latency) noexcept;
  void add(const histogram& other) noexcept;
  void clear() noexcept { *this = {}; }
  std::uint64_t count() const noexcept { return count_; }
  double max_ms() const noexcept { return static_cast<double>(max_us_) / 1000; }
  /// \param q  0…1; 0 when nothing was added
  double quantile_ms(double q) const noexcept;

 private:
  static constexpr int sub_bits = 7, powers = 26;
  std::array<std::uint64_t, (powers + 1) << sub_bits> buckets_{};
  std::uint64_t count_ = 0, max_us_ = 0;
};

}  // namespace gridlight::bench
