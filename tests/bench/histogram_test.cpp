#include "bench/load/histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/soak.hpp"

using gridlight::bench::histogram;
using namespace std::chrono_literals;

namespace {

// Latencies as a server has them: most near the median, a long tail behind.
struct trial {
  histogram counted;
  std::vector<std::chrono::nanoseconds> sorted;

  trial(double median_ms, std::mt19937_64& random) {
    std::lognormal_distribution<double> latency_ns{std::log(median_ms * 1e6), 0.8};
    for (int i = 0; i < 200'000; ++i) {
      sorted.emplace_back(static_cast<std::int64_t>(latency_ns(random)));
      counted.add(sorted.back());
    }
    std::sort(sorted.begin(), sorted.end());
  }
  /// The smallest sample that at least so many in a thousand do not exceed.
  double exact_ms(std::size_t per_mille) const {
    const std::size_t rank = (sorted.size() * per_mille + 999) / 1000;
    return static_cast<double>(sorted[rank - 1].count()) / 1e6;
  }
};

}  // namespace

TEST_CASE("quantiles and the maximum err by under 1 % from 2 µs on") {
  const std::uint64_t seed = gridlight::test::chosen_seed();
  MESSAGE("seed ", seed);
  std::mt19937_64 random{seed};
  for (const double median_ms : {0.02, 0.2, 0.5, 1.65, 12.0, 300.0}) {
    CAPTURE(median_ms);
    const trial t{median_ms, random};
    CHECK(t.counted.count() == t.sorted.size());
    for (const std::size_t per_mille : {500U, 900U, 990U, 999U}) {
      CAPTURE(per_mille);
      const double exact = t.exact_ms(per_mille);
      const double got = t.counted.quantile_ms(static_cast<double>(per_mille) / 1000);
      CHECK(std::abs(got - exact) < 0.01 * exact);
    }
    CHECK(std::abs(t.counted.max_ms() - t.exact_ms(1000)) < 0.01 * t.exact_ms(1000));
    CHECK(std::abs(t.counted.quantile_ms(1) - t.exact_ms(1000)) < 0.01 * t.exact_ms(1000));
  }
}

TEST_CASE("quantiles below err by at most a tick") {
  const std::uint64_t seed = gridlight::test::chosen_seed();
  MESSAGE("seed ", seed);
  std::mt19937_64 random{seed};
  const trial t{0.0005, random};
  for (const std::size_t per_mille : {1U, 10U, 100U, 500U, 900U}) {
    CAPTURE(per_mille);
    const double exact = t.exact_ms(per_mille);
    CHECK(exact < 0.002);
    CHECK(std::abs(t.counted.quantile_ms(static_cast<double>(per_mille) / 1000) - exact) <= 16.1e-6);
  }
}

TEST_CASE("every quantile of one latency is that latency, of none 0") {
  histogram none, one;
  one.add(250us);
  for (const double q : {0.0, 0.5, 1.0}) {
    CHECK(none.quantile_ms(q) == 0);
    CHECK(one.quantile_ms(q) == doctest::Approx(0.25).epsilon(0.01));
    CHECK(one.quantile_ms(q) <= one.max_ms());
  }
  CHECK(none.max_ms() == 0);
  CHECK(one.max_ms() == 0.25);
}

TEST_CASE("latencies beyond the buckets' end are counted in the last, a clock that ran back as 0") {
  histogram h;
  h.add(100h);
  CHECK(h.count() == 1);
  CHECK(h.max_ms() == 360e6);
  CHECK(h.quantile_ms(0.5) > 500e3);
  h.add(-5ms);
  h.add(0ms);
  CHECK(h.count() == 3);
  CHECK(h.quantile_ms(0.5) == 0);
}
