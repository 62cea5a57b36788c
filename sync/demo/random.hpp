#pragma once

#include <cstdint>
#include <span>

namespace gridlight::sync::demo {

/// SplitMix64. The same numbers everywhere, which the distributions of <random> do not promise.
class random {
 public:
  explicit random(std::uint64_t seed) noexcept : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  /// 0 to n - 1. \pre 0 < n < 2^32
  std::uint32_t below(std::uint32_t n) noexcept {
    return static_cast<std::uint32_t>(((next() >> 32) * n) >> 32);
  }
  int between(int low, int high) noexcept {  ///< both included
    return low + static_cast<int>(below(static_cast<std::uint32_t>(high - low + 1)));
  }
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }  ///< 0 to below 1
  double between(double low, double high) noexcept { return low + (high - low) * unit(); }
  bool chance(int percent) noexcept { return below(100) < static_cast<std::uint32_t>(percent); }
  template <class T>
  const T& pick(std::span<const T> from) noexcept {
    return from[below(static_cast<std::uint32_t>(from.size()))];
  }

 private:
  std::uint64_t state_;
};

/// A stream of its own for one thing (a building, a meter), whatever was drawn for others before.
inline random random_for(std::uint64_t seed, std::uint64_t kind, std::uint64_t index) noexcept {
  random r{seed ^ (kind << 56)};
  random own{r.next() ^ (index * 0xd1342543de82ef95U)};
  own.next();
  return own;
}

}  // namespace gridlight::sync::demo
