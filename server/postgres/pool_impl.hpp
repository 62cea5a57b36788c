#pragma once
// The inside of pool, shared by its sources alone.

#include <array>
#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/postgres/pool.hpp"
#include "server/postgres/pool_machine.hpp"
#include "server/postgres/stall_watch.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
using answer = pool_machine::answer;

// One coroutine that waits in a lane's queue; stands in its frame.
struct waiter {
  using handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  std::optional<handler> resume;
  asio::cancellation_slot cancelled;
  answer outcome{};

  void complete(const answer& a) {
    outcome = a;
    if (cancelled.is_connected()) cancelled.clear();
    handler h = std::move(*resume);
    resume.reset();
    asio::post(std::move(h));  // not now: whoever gives a connection back is in the middle of its own work
  }
};

// status() is asked for by other threads; the pool's own thread writes.
struct published_status {
  std::array<std::atomic<std::uint64_t>, 8> values{};
  void store(const lane_status& s) noexcept {
    const std::uint64_t now[] = {s.open,      s.busy,      s.waiting,  s.acquired,
                                 s.exhausted, s.timed_out, s.connects, s.connect_failures};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i].store(now[i], std::memory_order_relaxed);
  }
  lane_status load() const noexcept {
    std::uint64_t v[8];
    for (std::size_t i = 0; i < values.size(); ++i)
      v[i] = values[i].load(std::memory_order_relaxed);
    return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
  }
};

/// The I/O round the lanes' machines: does what they decide and tells them what came of it.
struct pool::impl : std::enable_shared_from_this<pool::impl> {
  static constexpr auto health_interval = std::chrono::seconds{1};
  static constexpr auto look_interval = std::chrono::milliseconds{200};  ///< while something is under way

  struct place {
    std::unique_ptr<connection> session;
    std::shared_ptr<asio::cancellation_signal> connecting;
  };
  struct lane_state {
    explicit lane_state(const pool_machine::options& o);
    pool_machine machine;
    std::vector<place> slots;
    published_status status;
  };
  /// What connecting needs; outlives the pool.
  struct settings {
    connect_options connect;
    std::string warm_up_sql;
    bool several_hosts;
    std::array<std::string, lane_count> session_sql = {};
  };

  impl(asio::any_io_executor e, const connect_options& c, const pool_options& o);

  lane_state& of(lane l) { return lanes[static_cast<std::size_t>(l)]; }
  answer ask(lane l, waiter& w, steady::time_point now, deadline until, share sharing, urgency rank);
  asio::awaitable<void> wait(lane l, waiter& w);
  void give_back(lane l, std::size_t slot);
  failure refusal(errc why);

  void act(lane_state& s);
  void connect(lane_state& s, std::size_t slot, steady::duration limit);
  static asio::awaitable<void> connect_one(std::weak_ptr<impl> owner, lane_state* s, std::size_t slot,
                                           asio::any_io_executor executor,
                                           std::shared_ptr<const settings> how, std::string_view session_sql,
                                           deadline until);
  void connect_ended(lane_state& s, std::size_t slot, result<connection> made);
  template <class Visit>
  void for_each_session(Visit visit);
  void look_for_silence(steady::time_point now);
  void probe(const connection::endpoint& there);
  static asio::awaitable<void> probe_one(std::weak_ptr<impl> owner, asio::any_io_executor executor,
                                         std::shared_ptr<const settings> how, connection::endpoint there,
                                         deadline until);
  void probe_ended(const connection::endpoint& there, bool answered);
  void stalled(steady::time_point now);
  void relieve(steady::time_point now);
  void arm(steady::time_point at);
  void on_timer();
  void shut_down();
  bool unfinished() const;

  asio::any_io_executor executor;
  std::shared_ptr<const settings> how;
  std::array<lane_state, lane_count> lanes;
  asio::steady_timer timer, ended;
  steady::time_point armed_for = steady::time_point::max(), health_at{};
  stall_watch watch;
  std::shared_ptr<asio::cancellation_signal> probing;
  bool stopping = false;
  mutable std::mutex error_mutex;
  std::string last_error;
  std::string limits;  // of the session opened last, under error_mutex too
};

}  // namespace gridlight::postgres
