#include "bench/load/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace gridlight::bench {
namespace {

constexpr unsigned sub_bits = 7;

// Below 2^sub_bits a bucket a tick; above, the top sub_bits bits after the leading one.
std::size_t bucket_of(std::uint64_t ticks) noexcept {
  const unsigned width = static_cast<unsigned>(std::bit_width(ticks));
  if (width <= sub_bits) return ticks;
  const unsigned shift = width - sub_bits - 1;
  return (static_cast<std::size_t>(shift + 1) << sub_bits) + ((ticks >> shift) & ((1U << sub_bits) - 1));
}

double middle(std::size_t bucket) noexcept {
  if (bucket < (1U << sub_bits)) return static_cast<double>(bucket);
  const std::size_t shift = (bucket >> sub_bits) - 1;
  const std::size_t low = ((bucket & ((1U << sub_bits) - 1)) | (1U << sub_bits)) << shift;
  return static_cast<double>(low) + static_cast<double>((std::size_t{1} << shift) - 1) / 2;
}

}  // namespace

void histogram::add(std::chrono::nanoseconds latency) noexcept {
  const auto ticks = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count() / tick_ns, 0));
  ++buckets_[std::min(bucket_of(ticks), buckets_.size() - 1)];
  ++count_;
  max_ticks_ = std::max(max_ticks_, ticks);
}

void histogram::add(const histogram& other) noexcept {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ticks_ = std::max(max_ticks_, other.max_ticks_);
}

double histogram::quantile_ms(double q) const noexcept {
  if (count_ == 0) return 0;
  const auto rank =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))), 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    if ((seen += buckets_[i]) >= rank) return std::min(as_ms(middle(i)), max_ms());
  return max_ms();
}

}  // namespace gridlight::bench
