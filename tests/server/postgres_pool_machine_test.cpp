#include "server/postgres/pool_machine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

using namespace gridlight;
using namespace gridlight::postgres;
using namespace std::chrono_literals;
using kind = pool_machine::action::kind;
using granted = pool_machine::answer::kind;

namespace {

// A machine with a clock of the test's own and a name for each waiter.
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

}  // namespace

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

TEST_CASE("those that share take idle connections first, then the least used, up to the limit") {
  bench b{2, 3, 0.5, 2};
  b.bring_up();
  const auto first = b.join(0).slot, second = b.join(1).slot;
  CHECK(first != second);
  CHECK(b.join(2).what == granted::served);
  CHECK(b.join(3).what == granted::served);
  CHECK(b.machine.users(0) == 2);
  CHECK(b.machine.users(1) == 2);
  CHECK(b.join(4).what == granted::queued);
  CHECK(b.machine.status().busy == 2);
  b.machine.released(1, true, b.now);
  const auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].what == kind::serve);
  CHECK(a[0].slot == 1);
  CHECK(b.who(a[0]) == 4);
}

TEST_CASE(
    "those that share join each other on as many connections as they may spread over, before they take "
    "more") {
  bench b{{.size = 3, .max_waiting = 3, .sharers = 2, .spread = 1}};
  b.bring_up();
  const auto first = b.join(0).slot;
  CHECK(b.join(1).slot == first);
  const auto second = b.join(2).slot;  // the first is full
  CHECK(second != first);
  CHECK(b.join(3).slot == second);
  CHECK(b.ask(4).what == granted::served);  // who does not share has the third alone
  CHECK(b.join(5).what == granted::queued);
  b.machine.released(first, true, b.now);
  b.machine.released(first, true, b.now);
  b.done();
  CHECK(b.machine.users(first) == 1);
}

TEST_CASE("who wants a connection alone is not overtaken by those that share, and is not joined") {
  bench b{1, 4, 0.5, 4};
  b.bring_up();
  CHECK(b.join(0).what == granted::served);
  CHECK(b.ask(1).what == granted::queued);
  CHECK(b.join(2).what == granted::queued);
  CHECK(b.join(3).what == granted::queued);
  b.machine.released(0, true, b.now);
  auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 1);
  CHECK(b.join(4).what == granted::queued);
  b.machine.released(0, true, b.now);
  a = b.done();
  REQUIRE(a.size() == 3);
  for (int i = 0; i < 3; ++i)
    CHECK(b.who(a[static_cast<std::size_t>(i)]) == i + 2);
}

TEST_CASE("a connection that one of its sharers found broken takes no more, and goes with the last") {
  bench b{1, 4, 0.5, 4};
  b.bring_up();
  CHECK(b.join(0).what == granted::served);
  CHECK(b.join(1).what == granted::served);
  b.machine.released(0, false, b.now);
  CHECK(b.join(2).what == granted::queued);
  CHECK(b.done().empty());
  b.machine.released(0, false, b.now);
  const auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(a[0].what == kind::connect);
  b.machine.connected(0, b.now);
  CHECK(b.count(kind::serve) == 1);
}

TEST_CASE("a connection that is always shared is emptied at twice its age, and replaced") {
  bench b{1, 4, 1.0, 4};
  b.bring_up();
  CHECK(b.join(0).what == granted::served);
  b.now += 61min;
  CHECK(b.join(1).what == granted::queued);
  b.machine.released(0, true, b.now);
  CHECK(b.count(kind::close) == 1);
}

TEST_CASE("priority is served first, and has places in the queue that others cannot take") {
  bench b{{.size = 1, .max_waiting = 4, .kept_waiting = 2}};
  b.bring_up();
  CHECK(b.ask(0).what == granted::served);
  CHECK(b.ask(1).what == granted::queued);
  CHECK(b.ask(2).what == granted::queued);
  CHECK(b.ask(3).why == errc::pool_exhausted);
  CHECK(b.urge(4).what == granted::queued);
  CHECK(b.urge(5).what == granted::queued);
  CHECK(b.urge(6).why == errc::pool_exhausted);
  for (const int next : {4, 5, 1, 2}) {
    b.machine.released(0, true, b.now);
    const auto a = b.done();
    REQUIRE(a.size() == 1);
    CHECK(b.who(a[0]) == next);
  }
  // One that has left gives its place back to its own kind.
  CHECK(b.ask(1).what == granted::queued);
  CHECK(b.ask(2).what == granted::queued);
  CHECK(b.machine.abandon(&b.names[1]));
  CHECK(b.ask(3).what == granted::queued);
  CHECK(b.ask(1).what == granted::refused);
}

TEST_CASE("long ordinary queries leave a connection to short ones and to priority") {
  bench b{{.size = 3, .max_waiting = 8, .sharers = 2, .kept_connections = 1}};
  b.bring_up();
  const auto first = b.ask(0).slot;
  b.ask(1);
  CHECK(b.ask(2).what == granted::queued);  // although one rests
  CHECK(b.machine.status().busy == 2);
  CHECK(b.join(3).what == granted::served);
  CHECK(b.join(4).what == granted::served);  // past the one that waits
  CHECK(b.join(5).what == granted::queued);
  CHECK(b.urge(6).what == granted::queued);
  const std::size_t passing = 3 - first - (first == 0 ? 1 : 0);
  CHECK(b.machine.users(passing) == 2);
  b.machine.released(passing, true, b.now);
  CHECK(b.done().empty());  // priority wants it alone: nobody joins
  b.machine.released(passing, true, b.now);
  auto a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 6);
  b.machine.released(first, true, b.now);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 2);  // it came before the one that shares
  b.machine.released(passing, true, b.now);
  a = b.done();
  REQUIRE(a.size() == 1);
  CHECK(b.who(a[0]) == 5);
}

TEST_CASE("one that was passed by gets a resting connection when a long query's connection is lost") {
  bench b{{.size = 2, .max_waiting = 8, .sharers = 2, .kept_connections = 1}};
  b.bring_up();
  const auto lost = b.ask(0).slot;
  CHECK(b.ask(1).what == granted::queued);
  b.machine.released(lost, false, b.now);
  const auto a = b.done();
  REQUIRE(a.size() == 2);
  CHECK(a[0].what == kind::serve);
  CHECK(a[0].slot == 1 - lost);
  CHECK(a[1].what == kind::connect);
  bench all{{.size = 1, .max_waiting = 8, .sharers = 2, .kept_connections = 1}};
  all.bring_up();
  CHECK(all.ask(0).what == granted::served);  // never all of them are kept
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

// Whatever happens in whatever order: nobody is served twice, lost, or left waiting beyond its deadline.
TEST_CASE("random histories keep every promise") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  for (int round = 0; round < 300; ++round) {
    const auto size = static_cast<std::size_t>(1 + below(4));
    const auto sharers = static_cast<std::size_t>(1 + below(4));
    const auto kept = static_cast<std::size_t>(below(static_cast<int>(size)));
    const auto spread = static_cast<std::size_t>(1 + below(4));
    pool_machine m({{size, 8, sharers, 3, kept, spread}, 10s, 50ms, 500ms},
                   [&] { return below(1000) / 1000.0; });
    std::vector<char> names(4000);  // 1: shares, 2: has priority
    struct use {
      std::size_t users = 0;
      bool shared = false, spoilt = false, counted = false;
    };
    std::map<void*, steady::time_point> waiting;
    std::map<std::size_t, use> busy;
    std::set<std::size_t> connecting, open;
    steady::time_point now{1h};
    bool failed = false;
    const auto granted_to = [&](void* who, std::size_t slot) {
      use& u = busy[slot];
      const int name = *static_cast<const char*>(who);
      const bool shares = (name & 1) != 0;
      failed = failed || !open.contains(slot) || u.spoilt ||
               (u.users > 0 && (!u.shared || !shares || u.users >= sharers));
      if (u.users++ == 0) u.shared = shares;
      u.counted = name == 0;
      failed = failed ||
               (u.counted && std::ranges::count_if(busy, [](const auto& b) { return b.second.counted; }) +
                                     static_cast<std::ptrdiff_t>(kept) >
                                 static_cast<std::ptrdiff_t>(size));
    };
    const auto settle = [&] {
      for (const auto& a : m.take_actions())
        switch (a.what) {
          case kind::connect:
            failed = failed || !connecting.insert(a.slot).second || open.contains(a.slot);
            break;
          case kind::close:
            failed = failed || open.erase(a.slot) == 0 || busy.contains(a.slot);
            break;
          case kind::serve:
            failed = failed || waiting.erase(a.who) == 0;
            granted_to(a.who, a.slot);
            break;
          case kind::refuse:
            failed = failed || waiting.erase(a.who) == 0;
            break;
        }
      const lane_status s = m.status();
      failed = failed || s.open != open.size() || s.busy != busy.size() || s.waiting != waiting.size();
      // Somebody waits, and something rests that is not kept from all that wait.
      const auto alone = static_cast<std::size_t>(
          std::ranges::count_if(busy, [](const auto& each) { return each.second.counted; }));
      const bool passed_by = alone + kept >= size && std::ranges::all_of(waiting, [](const auto& w) {
                               return *static_cast<const char*>(w.first) == 0;
                             });
      failed = failed || (!waiting.empty() && busy.size() < open.size() && !passed_by);
      failed = failed || std::ranges::count_if(waiting, [](const auto& w) {
                           return (*static_cast<const char*>(w.first) & 2) == 0;
                         }) > 8 - 3;
    };
    const auto pick = [&](const auto& from) {
      return *std::next(from.begin(), below(static_cast<int>(from.size())));
    };
    m.start(now);
    settle();
    std::size_t next = 0;
    for (int step = 0; step < 400 && !failed; ++step) {
      now += std::chrono::milliseconds{below(40)};
      switch (below(8)) {
        case 0:
        case 1:
        case 2: {
          const bool shares = below(2) == 0;
          const bool urgent = below(4) == 0;
          names[next] = static_cast<char>((shares ? 1 : 0) + (urgent ? 2 : 0));
          void* const who = &names[next++];
          const auto until = now + std::chrono::milliseconds{below(300)};
          const auto got = m.acquire(who, now, until, shares ? share::yes : share::no,
                                     urgent ? urgency::priority : urgency::ordinary);
          if (got.what == granted::queued) waiting[who] = until;
          if (got.what == granted::served) granted_to(who, got.slot);
          break;
        }
        case 3:
        case 4:
          if (!busy.empty()) {
            const auto slot = pick(busy).first;
            use& u = busy[slot];
            const bool clean = !u.spoilt && below(5) != 0;
            u.spoilt = !clean;
            if (--u.users == 0) {
              busy.erase(slot);
              if (!clean) open.erase(slot);
            }
            m.released(slot, clean, now);
          }
          break;
        case 5:
          if (!connecting.empty()) {
            const auto slot = pick(connecting);
            connecting.erase(slot);
            if (below(3) == 0) {
              m.connect_failed(slot, now);
            } else {
              open.insert(slot);
              m.connected(slot, now);
            }
          }
          break;
        case 6:
          for (std::size_t slot = 0; slot < size; ++slot)
            if (m.idle(slot) && below(4) == 0) {
              open.erase(slot);
              m.died(slot, now);
              break;
            }
          break;
        case 7:
          if (below(30) == 0) {
            for (std::size_t slot = 0; slot < size; ++slot)
              if (busy.contains(slot)) busy[slot].spoilt = true;
            m.stalled(now);
            break;
          }
          [[fallthrough]];
        default:
          if (!waiting.empty() && below(3) == 0) {
            failed = failed || !m.abandon(waiting.begin()->first);
            waiting.erase(waiting.begin());
          }
      }
      settle();
      if (m.next_wakeup() <= now || below(10) == 0) {
        m.tick(now);
        settle();
        for (const auto& [who, until] : waiting)
          failed = failed || until <= now;
      }
    }
    REQUIRE_FALSE(failed);
    m.stop();
    settle();
    CHECK(waiting.empty());
  }
}
