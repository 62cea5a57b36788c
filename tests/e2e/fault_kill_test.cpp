// Backends and postmasters that are killed under load: only right answers or 503, and soon back.
#include <csignal>

#include "tests/support/fault_bench.hpp"

using namespace gridlight::test;

namespace {

struct recovery {
  double longest_ms = 0, whole_ms = 0;

  /// Measures from the moment at which Postgres accepts again.
  void await(const fault_bench& b) {
    b.cluster.wait_until_accepting();
    const auto accepting = steady_clock::now();
    REQUIRE(fault_bench::comes_true(20s, [&] { return b.serves(); }));
    longest_ms = std::max(longest_ms, since_ms(accepting));
    REQUIRE(fault_bench::comes_true(20s, [&] { return b.whole(); }));
    whole_ms = std::max(whole_ms, since_ms(accepting));
  }
  void check() const {
    MESSAGE("served again after " << longest_ms << " ms at most, whole after " << whole_ms << " ms");
    CHECK(longest_ms < limit_ms(1000));
  }
};

template <class Fault>
void under_load(int faults, Fault fault) {
  fault_bench b;
  CAPTURE(b.seed);
  MESSAGE("seed " << b.seed << ", " << faults << " faults");
  {
    grid_load warm{b.server->url(), {.clients = 16, .seed = b.seed}};
    b.pause(1000, 1000);
    warm.stop();
  }
  b.pause(300, 300);
  const process_figures before = figures_of(b.server->pid());
  recovery found;
  {
    grid_load load{b.server->url(), {.clients = 8, .seed = b.seed}};
    for (int i = 0; i < faults; ++i) {
      b.pause(50, 300);
      fault(b);
      found.await(b);
    }
    b.pause(200, 200);
    check_only_right_or_503(load.stop());
  }
  found.check();
  check_nothing_leaked(b, before);
}

}  // namespace

TEST_CASE("a backend is killed, and Postgres with it starts anew") {
  under_load(count_of(5, 50), [](fault_bench& b) {
    const auto all = b.cluster.backends();
    REQUIRE_FALSE(all.empty());
    const pid_t chosen = all[b.random() % all.size()];
    ::kill(chosen, SIGKILL);
    private_cluster::wait_until_gone(chosen);
  });
}

TEST_CASE("the postmaster is killed, and started again after a while") {
  under_load(count_of(3, 50), [](fault_bench& b) {
    b.cluster.kill_postmaster();
    b.pause(0, 800);
    b.cluster.launch();
  });
}
