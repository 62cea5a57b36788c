#include "bench/load/capacity.hpp"

namespace gridlight::bench {
namespace {

constexpr double enough = 0.05, most_rate = 1e6;

trial judge(double rate, double p99_ms, const outcome& o) {
  trial out;
  const tally total = o.total();
  out.rate = rate;
  out.rps = o.rps();
  out.p99_ms = total.latency.quantile_ms(0.99);
  out.errors = total.error_count();
  out.client_was_limit = !o.client_limit().empty();
  out.held = total.ok > 0 && out.errors == 0 && out.p99_ms <= p99_ms;
  return out;
}

}  // namespace

capacity find_capacity(double first, double p99_ms, const std::function<outcome(double)>& at_rate,
                       const std::function<void(const trial&)>& tell) {
  capacity out;
  double fails = 0;
  const auto attempt = [&](double rate) {
    const outcome o = at_rate(rate);
    out.interrupted = o.interrupted;
    if (o.interrupted) return;
    const trial t = judge(rate, p99_ms, o);
    out.trials.push_back(t);
    tell(t);
    if (t.held)
      out.rate = rate;
    else
      fails = rate;
    if (!t.held) out.client_was_limit = t.client_was_limit;
  };
  for (double rate = first; fails == 0 && rate <= most_rate && !out.interrupted; rate *= 2)
    attempt(rate);
  // Not even the first held: go down instead.
  for (double rate = first / 2; out.rate == 0 && rate >= 1 && !out.interrupted; rate /= 2)
    attempt(rate);
  while (out.rate > 0 && fails > out.rate * (1 + enough) && !out.interrupted)
    attempt((out.rate + fails) / 2);
  return out;
}

}  // namespace gridlight::bench
