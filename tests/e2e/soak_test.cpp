// Half an hour of everything at once, with a fault a minute. Runs in ./dev soak alone, for
// GRIDLIGHT_SOAK_MINUTES (30).
#include <csignal>

#include "tests/support/fault_bench.hpp"

using namespace gridlight::test;

namespace {

std::string do_harm(fault_bench& b, int which) {
  const auto all = b.cluster.backends();
  const pid_t chosen = all.empty() ? -1 : all[b.random() % all.size()];
  switch (chosen == -1 ? 1 : which % 4) {
    case 0:
      ::kill(chosen, SIGKILL);
      private_cluster::wait_until_gone(chosen);
      return "a backend killed";
    case 1:
      b.cluster.kill_postmaster();
      b.pause(0, 3000);
      b.cluster.launch();
      return "the postmaster killed";
    case 2:
      b.cluster.freeze();
      b.pause(1000, 6000);
      b.cluster.thaw();
      return "all stopped";
    default:
      ::kill(chosen, SIGSTOP);
      b.pause(1000, 6000);
      ::kill(chosen, SIGCONT);
      return "a backend stopped";
  }
}

}  // namespace

TEST_CASE("a long soak of mixed load with a fault a minute") {
  if (!soaking()) return;
  const char* set = std::getenv("GRIDLIGHT_SOAK_MINUTES");
  const double minutes = set == nullptr ? 30 : std::atof(set);
  REQUIRE(minutes > 0);
  fault_bench b;
  MESSAGE("seed " << b.seed << ", " << minutes << " minutes");
  const process_figures before = figures_of(b.server->pid());
  const auto start = steady_clock::now();
  const auto left = [&] { return minutes * 60'000 - since_ms(start); };
  std::size_t settled_kb = 0, last_kb = 0, right = 0, unavailable = 0;
  {
    grid_load load{b.server->url(), {.clients = 12, .seed = b.seed, .bad = 5, .hang_ups = 2}};
    for (int fault = 0; left() > 0; ++fault) {
      const std::string what = do_harm(b, fault);
      b.cluster.wait_until_accepting();
      const auto back = steady_clock::now();
      REQUIRE(fault_bench::comes_true(20s, [&] { return b.serves() && b.whole(); }));
      const double whole_ms = since_ms(back);
      const double rest_ms = std::min(left(), 60'000.0 - since_ms(back));
      if (rest_ms > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(rest_ms));
      const process_figures now = figures_of(b.server->pid());
      const load_tally t = load.take();
      last_kb = now.rss_kb;
      // After five minutes, or a sixth of a shorter soak.
      if (settled_kb == 0 && since_ms(start) >= std::min(300'000.0, minutes * 10'000)) settled_kb = last_kb;
      right += t.right;
      unavailable += t.unavailable;
      MESSAGE(static_cast<int>(since_ms(start) / 1000)
              << " s: " << what << ", whole " << whole_ms << " ms after; " << t.right << " right, "
              << t.unavailable << " times 503, longest " << t.longest_ms << " ms; RSS " << now.rss_kb
              << " KB, descriptors " << now.descriptors);
      REQUIRE_MESSAGE(t.wrong == 0, t.first_wrong);
    }
    const load_tally t = load.stop();
    CHECK_MESSAGE(t.wrong == 0, t.first_wrong);
  }
  MESSAGE(right << " right, " << unavailable << " times 503; RSS settled at " << settled_kb
                << " KB, ended at " << last_kb << " KB");
  CHECK(last_kb < settled_kb + 2048);
  CHECK(fault_bench::comes_true(
      10s, [&] { return figures_of(b.server->pid()).descriptors <= before.descriptors; }));
}
