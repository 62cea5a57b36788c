#include "server/postgres/stall_watch.hpp"

#include <doctest/doctest.h>

using namespace gridlight;
using namespace gridlight::postgres;
using namespace std::chrono_literals;

namespace {

constexpr auto nobody = stall_watch::time::max();

}  // namespace

TEST_CASE("a query without an answer for 750 ms has the server probed, one probe at a time") {
  stall_watch w;
  const stall_watch::time start{1h};
  CHECK_FALSE(w.wants_probe(start, nobody));
  CHECK_FALSE(w.wants_probe(start + 749ms, start));
  CHECK(w.wants_probe(start + 750ms, start));
  CHECK_FALSE(w.wants_probe(start + 5s, start));
  CHECK_FALSE(w.probe_ended(start + 5s, true, start));
  CHECK_FALSE(w.wants_probe(start + 5899ms, start));  // it is slow, and the server well: later again
  CHECK(w.wants_probe(start + 5900ms, start));
}

TEST_CASE("stalled is a server that neither takes a connection nor says anything meanwhile") {
  const stall_watch::time start{1h}, end = start + 1350ms;
  const auto verdict = [&](bool answered, stall_watch::time heard) {
    stall_watch w;
    REQUIRE(w.wants_probe(start + 750ms, start));
    return w.probe_ended(end, answered, heard);
  };
  CHECK(verdict(false, start));
  CHECK(verdict(false, stall_watch::time::min()));
  CHECK_FALSE(verdict(false, start + 800ms));  // only the probe is late: the machine is busy
  CHECK_FALSE(verdict(true, start));
}

TEST_CASE("the worst case from silence to verdict stays below two seconds") {
  // A probe was answered just before; looks come every 200 ms, and a probe takes 600 ms.
  stall_watch w;
  stall_watch::time now{1h};
  const auto silent = now;
  REQUIRE(w.wants_probe(now + 750ms, silent));
  CHECK_FALSE(w.probe_ended(now + 760ms, true, silent));
  const auto stalls = now + 760ms;
  for (now = stalls; !w.wants_probe(now, silent); now += 200ms) {
  }
  CHECK(now + 600ms - stalls < 1800ms);
}

TEST_CASE("short queries that share are asked again after two seconds") {
  const stall_watch w;
  const stall_watch::time start{1h};
  CHECK_FALSE(w.overtaxed(start + 1999ms, start));
  CHECK(w.overtaxed(start + 2s, start));
  CHECK_FALSE(w.overtaxed(start + 2s, nobody));
}
