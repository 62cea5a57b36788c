#include "sync/keeper.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using namespace std::chrono_literals;
using test::sync_bench;

namespace {

// Throws out of the keeper's work what is no std::exception, which spdlog lets through.
class throwing_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::atomic<int> to_throw{0}, thrown{0};
  std::atomic<bool> told{false};

 private:
  void sink_it_(const spdlog::details::log_msg& m) override {
    const std::string text{m.payload.data(), m.payload.size()};
    if (text.find("it broke off and begins anew") != text.npos) told = true;
    if (!text.starts_with("sync of places") || to_throw == 0) return;
    --to_throw;
    ++thrown;
    throw 42;
  }
  void flush_() override {}
};

template <class Done>
bool wait_for(Done done, std::chrono::seconds time) {
  for (const auto end = std::chrono::steady_clock::now() + time; std::chrono::steady_clock::now() < end;
       std::this_thread::sleep_for(50ms))
    if (done()) return true;
  return false;
}

}  // namespace

TEST_CASE("keeper: after an exception it gives the lease back and begins anew") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other, "schedule: 1s, ");
  other.run("INSERT INTO stations SELECT 'S' || n, 'x', 29, -95 FROM generate_series(1, 10) n");
  const auto before = spdlog::default_logger();
  const auto sink = std::make_shared<throwing_sink>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("keeper test", sink));
  {
    metrics counters;
    auto kept = sync::keeper::make(std::make_shared<const config>(b.settings), counters);
    REQUIRE(kept.has_value());
    REQUIRE(*kept);
    sink->to_throw = 1;
    (*kept)->start();
    const auto rows = [&] { return b.db.value("SELECT count(*) FROM places"); };
    CHECK(wait_for([&] { return rows() == "10" && sink->thrown == 1; }, 10s));
    const std::string token = b.db.value("SELECT token FROM gridlight.sync_lease");
    // Free for another at once.
    CHECK(wait_for(
        [&] { return b.db.value("SELECT expires_at = '-infinity' FROM gridlight.sync_lease") == "t"; }, 3s));
    CHECK(sink->told);
    other.run("INSERT INTO stations VALUES ('S11', 'x', 29, -95)");
    CHECK(wait_for([&] { return rows() == "11"; }, 15s));
    CHECK(b.db.value("SELECT token > " + token + " FROM gridlight.sync_lease") == "t");
  }
  spdlog::set_default_logger(before);
}
