// Connections with several users, and callers with priority.
#include "tests/server/postgres_pool_bench.hpp"

using namespace gridlight;
using namespace gridlight::postgres;

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
