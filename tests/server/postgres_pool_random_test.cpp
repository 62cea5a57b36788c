// Whatever happens in whatever order: nobody is served twice, lost, or left waiting beyond its deadline.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/server/postgres_pool_bench.hpp"
#include "tests/support/soak.hpp"

using namespace gridlight;
using namespace gridlight::postgres;

TEST_CASE("random histories keep every promise") {
  const auto seed = test::chosen_seed();
  INFO("GRIDLIGHT_SEED=", seed);
  std::mt19937_64 random{seed};
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
