// A Postgres that stops answering without closing its sockets: 503 within two seconds, and soon back.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <csignal>
#include <future>

#include "tests/support/fault_bench.hpp"

using namespace gridlight::test;

namespace {

/// A client that asks while nothing answers.
double asked_while_silent(const fault_bench& b) {
  const auto start = steady_clock::now();
  const http_reply got = b.get("/api/postgres/layers/transformers/nearest?lon=-95.37&lat=29.76&limit=5");
  CHECK(got.status == 503);
  CHECK(got.has("Retry-After"));
  return since_ms(start);
}

template <class Silence, class Speech>
void under_load(fault_bench& b, int faults, Silence fall_silent, Speech speak) {
  CAPTURE(b.seed);
  MESSAGE("seed " << b.seed << ", " << faults << " faults");
  {
    grid_load warm{b.server->url(), {.clients = 16, .seed = b.seed}};
    b.pause(1000, 1000);
    warm.stop();
  }
  b.pause(300, 300);
  const process_figures before = figures_of(b.server->pid());
  double told_ms = 0, whole_ms = 0, live_ms = 0;
  {
    grid_load load{b.server->url(), {.clients = 8, .seed = b.seed}};
    for (int i = 0; i < faults; ++i) {
      b.pause(50, 400);
      fall_silent();
      const auto silent = steady_clock::now();
      told_ms = std::max(told_ms, asked_while_silent(b));
      const auto live = steady_clock::now();
      CHECK(b.get("/live").status == 200);
      CHECK(b.get("/metrics").status == 200);
      CHECK(b.get("/ready").status == 503);
      live_ms = std::max(live_ms, since_ms(live));
      b.pause(0, soaking() ? 2500 : 500);
      told_ms = std::max(told_ms, asked_while_silent(b));
      MESSAGE("silent for " << since_ms(silent) << " ms");
      speak();
      const auto back = steady_clock::now();
      REQUIRE(fault_bench::comes_true(20s, [&] { return b.whole() && b.serves(); }));
      whole_ms = std::max(whole_ms, since_ms(back));
    }
    const load_tally t = load.stop();
    check_only_right_or_503(t);
    CHECK(t.longest_ms < limit_ms(2000));
  }
  MESSAGE("told within " << told_ms << " ms, whole after " << whole_ms
                         << " ms, /live, /metrics and /ready in " << live_ms << " ms");
  CHECK(told_ms < limit_ms(2000));
  CHECK(whole_ms < limit_ms(3000));
  check_nothing_leaked(b, before);
}

}  // namespace

TEST_CASE("all processes of Postgres are stopped, and go on") {
  fault_bench b;
  under_load(
      b, count_of(3, 50), [&] { b.cluster.freeze(); }, [&] { b.cluster.thaw(); });
}

TEST_CASE("one backend is stopped: what shares it is asked again elsewhere, the others go on") {
  fault_bench b;
  CAPTURE(b.seed);
  grid_load load{b.server->url(), {.clients = 8, .seed = b.seed}};
  b.pause(200, 200);
  for (int i = 0; i < count_of(1, 10); ++i) {
    const auto all = b.cluster.backends();
    const pid_t chosen = all.at(b.random() % all.size());
    ::kill(chosen, SIGSTOP);
    b.pause(4000, 4000);
    ::kill(chosen, SIGCONT);
    b.pause(500, 500);
  }
  const load_tally t = load.stop();
  check_only_right_or_503(t);
  CHECK(t.longest_ms < limit_ms(5000));
}

TEST_CASE("a query that is slow because of a lock is answered when the lock is gone") {
  fault_bench b{{}, {"--set", "postgres.lock_timeout=60s"}};
  std::future<std::string> lock = std::async(std::launch::async, [&] {
    return b.cluster.value(
        "BEGIN; LOCK TABLE transformers, circuit_status_realtime IN ACCESS EXCLUSIVE MODE; "
        "SELECT pg_sleep(4); COMMIT");
  });
  b.pause(200, 200);
  const auto ask = [&](std::string target) {
    return std::async(std::launch::async, [&b, target] { return b.get(target).status; });
  };
  auto lookup = ask("/api/postgres/layers/transformers/within?lon=-95.37&lat=29.76&radius_m=800");
  auto status = ask("/api/postgres/substations/status");
  auto free = ask("/api/postgres/layers/buildings/within?lon=-95.37&lat=29.76&radius_m=800");
  CHECK(free.get() == 200);
  CHECK(lookup.get() == 200);
  CHECK(status.get() == 200);
  lock.get();
  CHECK(b.server->log().find("stopped answering") == std::string::npos);
}

namespace {

/// This thread, and what it starts, in a network of its own; Postgres's is another one, at the far end of a
/// pair of interfaces.
class two_networks {
 public:
  two_networks() : own_(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
    if (::unshare(CLONE_NEWNET) != 0) return;
    moved_ = true;
    const std::string make =
        "ip link set lo up && ip netns add " + far_ +
        " && ip link add near address 02:00:00:00:00:01 type veth peer name far address 02:00:00:00:00:02 && "
        "ip link set far netns " +
        far_ + " && ip addr add 10.9.9.1/30 dev near && ip link set near up && " + inside() +
        " ip addr add 10.9.9.2/30 dev far && " + inside() + " ip link set lo up && " + inside() +
        " ip link set far up && ip neigh replace 10.9.9.2 lladdr 02:00:00:00:00:02 nud permanent dev near";
    const auto made = run_command("{ " + make + "; } 2>&1");
    works_ = made.status == 0;
    if (!works_) MESSAGE(made.output);
  }
  ~two_networks() {
    if (moved_) {
      run_command("ip netns del " + far_ + " 2>&1");
      ::setns(own_, CLONE_NEWNET);
    }
    ::close(own_);
  }
  two_networks(const two_networks&) = delete;
  two_networks& operator=(const two_networks&) = delete;

  bool works() const { return works_; }
  std::string inside() const { return "ip netns exec " + far_; }
  /// Packets vanish both ways; nobody is told.
  void cut() const { REQUIRE(run_command(inside() + " ip link set far down").status == 0); }
  void mend() const { REQUIRE(run_command(inside() + " ip link set far up").status == 0); }

 private:
  const std::string far_ = "gridlight-" + std::to_string(::getpid());
  int own_;
  bool moved_ = false, works_ = false;
};

}  // namespace

TEST_CASE("the network drops all packets to Postgres, and carries them again") {
  const two_networks net;
  if (!net.works()) {
    MESSAGE("skipped: no right to make network namespaces here, or no ip command");
    return;
  }
  fault_bench b{{.address = "10.9.9.2", .inside = net.inside()}};
  under_load(
      b, count_of(3, 50), [&] { net.cut(); }, [&] { net.mend(); });
}
