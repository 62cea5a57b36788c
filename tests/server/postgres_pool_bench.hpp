#pragma once

#include <doctest/doctest.h>

#include "server/postgres/pool_machine.hpp"

namespace gridlight::postgres {

using namespace std::chrono_literals;
using kind = pool_machine::action::kind;
using granted = pool_machine::answer::kind;

/// A machine with a clock of the test's own and a name for each waiter.
struct bench {
  explicit bench(std::size_t size, std::size_t max_waiting = 3, double random = 0.5, std::size_t sharers = 1)
      : bench(lane_options{size, max_waiting, sharers}, random) {}
  explicit bench(const lane_options& o, double random = 0.5)
      : machine({o, 30min, 50ms, 500ms}, [random] { return random; }) {
    machine.start(now);
  }
  pool_machine::answer ask(int who, steady::duration patience = 10s, share how = share::no) {
    return machine.acquire(&names[who], now, now + patience, how);
  }
  pool_machine::answer join(int who) { return ask(who, 10s, share::yes); }
  pool_machine::answer urge(int who, share how = share::no) {
    return machine.acquire(&names[who], now, now + 10s, how, urgency::priority);
  }
  std::vector<pool_machine::action> done() { return machine.take_actions(); }
  std::size_t count(kind k) {
    std::size_t n = 0;
    for (const auto& a : done())
      n += a.what == k ? 1 : 0;
    return n;
  }
  void bring_up() {
    for (const auto& a : done())
      if (a.what == kind::connect) machine.connected(a.slot, now);
    done();
  }
  int who(const pool_machine::action& a) const {
    return static_cast<int>(static_cast<const char*>(a.who) - names);
  }
  void pass(steady::duration d) {
    now += d;
    machine.tick(now);
  }

  steady::time_point now{1h};
  char names[16] = {};
  pool_machine machine;
};

}  // namespace gridlight::postgres
