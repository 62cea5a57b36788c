// The database is away, or does not answer.
#include "tests/server/postgres_pool_bench.hpp"

using namespace gridlight;
using namespace gridlight::postgres;

TEST_CASE(
    "while the database is down there is one attempt at a time, with growing, bounded, jittered pauses") {
  bench b{3, 3, 0.5};
  CHECK(b.count(kind::connect) == 3);
  b.machine.connect_failed(0, b.now);
  b.machine.connect_failed(1, b.now);
  b.machine.connect_failed(2, b.now);
  steady::duration last{};
  for (int i = 0; i < 10; ++i) {
    const auto due = b.machine.next_wakeup();
    const auto pause = due - b.now;
    CHECK(pause >= 50ms);
    CHECK(pause <= 500ms);
    CHECK(pause >= last);
    last = pause;
    b.pass(pause - 1ms);
    CHECK(b.done().empty());
    b.pass(1ms);
    const auto a = b.done();
    REQUIRE(a.size() == 1);
    CHECK(a[0].what == kind::connect);
    b.pass(1h);
    CHECK(b.done().empty());  // not a second one beside it
    b.machine.connect_failed(a[0].slot, b.now);
  }
  CHECK(last == 275ms);
  CHECK(b.machine.status().connect_failures == 13);
  b.pass(500ms);
  const auto a = b.done();
  REQUIRE(a.size() == 1);
  b.machine.connected(a[0].slot, b.now);
  CHECK(b.count(kind::connect) == 2);  // it is back: the others at once
  bench lowest{1, 1, 0}, highest{1, 1, 0.999999};
  for (int i = 0; i < 5; ++i)
    for (bench* each : {&lowest, &highest}) {
      each->done();
      each->machine.connect_failed(0, each->now);
      CHECK(each->machine.next_wakeup() >= each->now + 50ms);
      CHECK(each->machine.next_wakeup() <= each->now + 500ms);
      each->pass(500ms);
    }
}

TEST_CASE("an outage is answered after 250 ms, a blip is sat out") {
  bench b{1};
  b.done();
  CHECK(b.ask(0, 10s).what == granted::queued);
  CHECK(b.machine.next_wakeup() == b.now + 10s);  // still connecting for the first time
  b.machine.connect_failed(0, b.now);
  b.done();
  CHECK(b.ask(1, 10s).what == granted::queued);
  CHECK(b.ask(2, 100ms).what == granted::queued);
  b.pass(100ms);
  auto a = b.done();
  REQUIRE(a.size() == 2);
  CHECK(b.who(a[0]) == 2);
  CHECK(a[0].why == errc::database_unavailable);
  CHECK(a[1].what == kind::connect);
  b.pass(149ms);
  CHECK(b.done().empty());
  b.pass(1ms);
  a = b.done();
  REQUIRE(a.size() == 2);
  CHECK(a[0].why == errc::database_unavailable);
  CHECK(a[1].why == errc::database_unavailable);
  // A blip: it comes back in time, and nobody's deadline was shortened by it.
  CHECK(b.ask(3, 10s).what == granted::queued);
  CHECK(b.ask(4, 10s).what == granted::queued);
  b.now += 100ms;
  b.machine.connected(0, b.now);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 3);
  b.pass(5s);
  CHECK(b.done().empty());
  b.pass(5s);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].why == errc::pool_exhausted);
}

TEST_CASE("who waits when the last connection goes hears of the outage too") {
  bench b{1};
  b.bring_up();
  b.ask(0);
  b.ask(1, 10s);
  b.machine.released(0, false, b.now);
  CHECK(b.count(kind::connect) == 1);
  b.machine.connect_failed(0, b.now);
  CHECK(b.machine.next_wakeup() <= b.now + 250ms);
  b.pass(250ms);
  bool told = false;
  for (const auto& a : b.done())
    told = told || (a.what == kind::refuse && a.why == errc::database_unavailable);
  CHECK(told);
}

TEST_CASE("a stalled database: all that wait are told, nobody waits until a connection is made") {
  bench b{3, 8};
  b.now += 10ms;
  b.bring_up();
  b.ask(0);
  b.ask(1);
  b.ask(2);
  b.machine.released(2, true, b.now);
  b.ask(3);
  b.ask(4);
  b.machine.released(1, true, b.now);
  b.machine.released(2, true, b.now);
  b.done();
  b.machine.stalled(b.now);
  auto a = b.done();
  CHECK(std::ranges::count(a, kind::close, &pool_machine::action::what) == 1);
  CHECK(b.ask(6).why == errc::database_unavailable);
  b.machine.released(0, false, b.now);
  b.machine.released(1, false, b.now);
  CHECK(b.done().empty());  // after a pause
  b.pass(500ms);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].what == kind::connect);
  CHECK(a[0].limit == 1s);  // connecting took 10 ms before
  CHECK(b.ask(6).why == errc::database_unavailable);
  b.pass(1s);
  b.machine.connect_failed(a[0].slot, b.now);
  b.done();
  b.pass(500ms);
  a = b.done();
  REQUIRE(a.size() == 1);
  b.machine.connected(a[0].slot, b.now += 10ms);
  a = b.done();
  CHECK(std::ranges::count(a, kind::connect, &pool_machine::action::what) == 2);
  CHECK(a[0].limit == 5s);
  CHECK(b.ask(6).what == granted::served);
}

TEST_CASE("where connecting has always been slow, an attempt is given its time also in an outage") {
  bench b{1};
  b.now += 300ms;
  b.bring_up();
  b.ask(0);
  b.machine.stalled(b.now);
  b.machine.released(0, false, b.now);
  b.done();
  b.pass(500ms);
  const auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].limit == 8 * 300ms);
  bench never{1};
  never.done();
  never.machine.connect_failed(0, never.now);
  never.pass(500ms);
  CHECK(never.done().at(0).limit == 5s);
}
