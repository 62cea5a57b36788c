#include "sync/lease.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <memory>

#include "sync/keeper.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::sync_bench;

namespace {

struct contender {
  boost::asio::io_context io{1};
  std::unique_ptr<sync::lease> held;
  contender(const sync_bench& b, const std::string& name, bool pooled = false) {
    auto connect = sync::lease_connection(b.settings.postgres);
    connect.pooled = pooled;
    held = std::make_unique<sync::lease>(io.get_executor(), connect, name);
    held->start();
  }
  void run(std::chrono::milliseconds time) { io.run_for(time); }
};

}  // namespace

TEST_CASE("lease: one has it, tokens grow, and who is silent loses it within five seconds") {
  for (const bool pooled : {false, true}) {
    INFO("pooled ", pooled);
    sync_bench b;
    contender one{b, "one", pooled};
    one.run(300ms);
    REQUIRE(one.held->held());
    const auto token = one.held->token();
    contender two{b, "two", pooled};
    for (int i = 0; i < 20; ++i) {  // both live
      one.run(100ms);
      two.run(100ms);
      CHECK(one.held->held());
      CHECK_FALSE(two.held->held());
    }
    CHECK(two.held->rival() == "one");
    // The first stands still, as a paused process does.
    const auto start = std::chrono::steady_clock::now();
    while (!two.held->held() && std::chrono::steady_clock::now() - start < 10s)
      two.run(50ms);
    CHECK(two.held->held());
    CHECK(std::chrono::steady_clock::now() - start < 5s);
    CHECK(two.held->token() > token);
    // By its own clock it knows without asking.
    CHECK_FALSE(one.held->held());
    one.run(1500ms);
    CHECK_FALSE(one.held->held());
    CHECK(b.db.value("SELECT owner FROM gridlight.sync_lease") == "two");
    CHECK_THROWS(b.db.run("SELECT gridlight.sync_fence(" + std::to_string(token) + ")"));
    b.db.run("SELECT gridlight.sync_fence(" + std::to_string(two.held->token()) + ")");
  }
}
