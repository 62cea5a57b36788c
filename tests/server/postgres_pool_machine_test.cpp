// One lane of connections: who is served, refused or closed, and when.
#include "tests/server/postgres_pool_bench.hpp"

using namespace gridlight;
using namespace gridlight::postgres;

TEST_CASE("start connects all; whoever comes first is served first") {
  bench b{2};
  CHECK(b.count(kind::connect) == 2);
  CHECK(b.ask(0).what == granted::queued);
  CHECK(b.ask(1).what == granted::queued);
  CHECK(b.ask(2).what == granted::queued);
  b.machine.connected(1, b.now);
  auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].what == kind::serve);
  CHECK(a[0].slot == 1);
  CHECK(b.who(a[0]) == 0);
  b.machine.connected(0, b.now);
  b.machine.released(1, true, b.now);
  a = b.done();
  REQUIRE(a.size() == 2);
  CHECK(b.who(a[0]) == 1);
  CHECK(b.who(a[1]) == 2);
  b.machine.released(1, true, b.now);
  CHECK(b.done().empty());
  CHECK(b.machine.idle(1));
  const lane_status s = b.machine.status();
  CHECK(s.open == 2);
  CHECK(s.busy == 1);
  CHECK(s.waiting == 0);
  CHECK(s.acquired == 3);
  CHECK(s.connects == 2);
}

TEST_CASE("the connection used last is the next to be used") {
  bench b{3};
  b.bring_up();
  for (int i = 0; i < 3; ++i)
    CHECK(b.ask(i).what == granted::served);
  for (const std::size_t slot : {2U, 0U, 1U})
    b.machine.released(slot, true, b.now += 1ms);
  CHECK(b.ask(0).slot == 1);
  CHECK(b.ask(0).slot == 0);
  CHECK(b.ask(0).slot == 2);
}

TEST_CASE("a full queue refuses at once, a passed deadline later, one that left is not served") {
  bench b{1, 2};
  b.bring_up();
  CHECK(b.ask(0).what == granted::served);
  CHECK(b.ask(1, 100ms).what == granted::queued);
  CHECK(b.ask(2, 50ms).what == granted::queued);
  const auto refused = b.ask(3);
  CHECK(refused.what == granted::refused);
  CHECK(refused.why == errc::pool_exhausted);
  CHECK(b.machine.next_wakeup() == b.now + 50ms);
  b.pass(49ms);
  CHECK(b.done().empty());
  b.pass(1ms);
  auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 2);
  CHECK(a[0].why == errc::pool_exhausted);
  CHECK(b.ask(4).what == granted::queued);
  CHECK(b.machine.abandon(&b.names[1]));
  CHECK_FALSE(b.machine.abandon(&b.names[1]));
  b.machine.released(0, true, b.now);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 4);
  CHECK(b.machine.status().exhausted == 1);
  CHECK(b.machine.status().timed_out == 1);
}

TEST_CASE("one whose deadline has passed when its turn comes is refused, the next is served") {
  bench b{1};
  b.bring_up();
  b.ask(0);
  b.ask(1, 10ms);
  b.ask(2, 1s);
  b.now += 20ms;  // and the timer is late
  b.machine.released(0, true, b.now);
  const auto a = b.done();
  REQUIRE(a.size() == 2);
  CHECK(a[0].what == kind::refuse);
  CHECK(b.who(a[0]) == 1);
  CHECK(a[1].what == kind::serve);
  CHECK(b.who(a[1]) == 2);
}

TEST_CASE("an unclean connection is replaced, and so is one that died") {
  bench b{2};
  b.bring_up();
  const auto got = b.ask(0);
  b.machine.released(got.slot, false, b.now);
  CHECK(b.count(kind::connect) == 1);
  CHECK(b.machine.status().open == 1);
  b.machine.connected(got.slot, b.now);
  const auto next = b.ask(1);
  b.machine.died(next.slot, b.now);
  CHECK(b.count(kind::connect) == 1);
  CHECK(b.ask(1).what == granted::served);
}

TEST_CASE("old connections are replaced when idle, one at a time; when always busy at twice the age") {
  bench b{2};
  b.bring_up();
  b.pass(30min);
  auto a = b.done();  // 0.9 + 0.1 × 0.5 of the age have passed
  REQUIRE(a.size() == 2);
  CHECK(a[0].what == kind::close);
  CHECK(a[1].what == kind::connect);
  b.pass(1s);
  CHECK(b.done().empty());
  b.machine.connected(a[1].slot, b.now);
  b.pass(1s);
  CHECK(b.count(kind::connect) == 1);

  bench busy{1, 16};
  busy.bring_up();
  busy.ask(0);
  for (int minute = 1; minute <= 57; ++minute) {
    busy.ask(1, 1h);
    busy.now += 1min;
    busy.machine.released(0, true, busy.now);
    const auto acts = busy.done();
    REQUIRE(acts.size() == 1);
    CHECK(acts[0].what == kind::serve);
  }
  busy.now += 1min;
  busy.ask(1, 1h);
  busy.machine.released(0, true, busy.now);
  CHECK(busy.count(kind::connect) == 1);
}

TEST_CASE("stop refuses those who wait, closes the idle, and waits for the rest") {
  bench b{3};
  auto a = b.done();
  b.machine.connected(0, b.now);
  b.machine.connected(1, b.now);
  CHECK(b.ask(0).what == granted::served);
  CHECK(b.ask(1).what == granted::served);
  CHECK(b.ask(2).what == granted::queued);
  b.machine.released(0, true, b.now);
  b.done();
  b.machine.released(0, true, b.now);
  CHECK(b.ask(3).what == granted::served);
  CHECK(b.ask(4).what == granted::queued);
  b.machine.stop();
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].why == errc::shutting_down);
  CHECK(b.ask(5).why == errc::shutting_down);
  CHECK(b.machine.unfinished() == 3);
  b.machine.released(0, true, b.now);
  b.machine.released(1, false, b.now);
  b.machine.connected(2, b.now);
  CHECK(b.count(kind::close) == 2);
  CHECK(b.machine.unfinished() == 0);
  CHECK(b.machine.status().open == 0);
  b.pass(1h);
  CHECK(b.done().empty());
}

TEST_CASE("a lane without connections refuses") {
  bench b{0};
  CHECK(b.ask(0).what == granted::refused);
  CHECK(b.machine.next_wakeup() == pool_machine::time::max());
}
