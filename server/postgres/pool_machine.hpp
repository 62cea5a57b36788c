#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight::postgres {

/// All that is decided about one lane: who gets a connection, who waits or is refused, when to connect, to
/// replace, to give up. It does nothing itself: it has no clock and no socket. Calls tell it what happened
/// and when; what is to be done is fetched with take_actions() after every call and done in that order.
///
/// Whoever shares gets an idle connection when there is one, else a place on one that others share (the least
/// used; `sharers` at most); whoever does not share has its connection alone. Those that wait are served in
/// the order in which they came.
///
/// A waiter leaves with pool_exhausted at its deadline, or with database_unavailable when no connection is up
/// then. While none is up and the last attempt failed, it leaves with database_unavailable after `patience`:
/// a blip is sat out, and an outage is answered fast. While attempts fail there is one at a time, after a
/// jittered, growing pause.
class pool_machine {
 public:
  using time = steady::time_point;
  using waiter = void*;  ///< the caller's name for one that waits
  struct options {
    lane_options lane;
    steady::duration max_age, backoff_min, backoff_max;
    steady::duration patience = std::chrono::milliseconds{250};
  };
  struct action {
    enum class kind { connect, close, serve, refuse };
    kind what;
    std::size_t slot = 0;  ///< of connect, close, serve
    waiter who = nullptr;  ///< of serve, refuse
    errc why{};            ///< of refuse
  };
  struct answer {
    enum class kind { served, queued, refused };
    kind what;
    std::size_t slot = 0;  ///< of served
    errc why{};            ///< of refused
  };

  /// \param random  numbers in [0, 1)
  pool_machine(const options& o, std::function<double()> random);

  void start(time now);
  void stop();
  answer acquire(waiter who, time now, time until, share how = share::no);
  bool abandon(waiter who);  ///< false: it waits no more
  /// By one of its users. Not clean: nobody else may use it; the last user has destroyed the connection.
  void released(std::size_t slot, bool clean, time now);
  void connected(std::size_t slot, time now);
  void connect_failed(std::size_t slot, time now);
  void died(std::size_t slot, time now);  ///< an idle one, or one just granted
  void tick(time now);                    ///< at next_wakeup() at the latest

  std::vector<action> take_actions();
  bool has_actions() const noexcept { return !actions_.empty(); }
  time next_wakeup() const noexcept;  ///< time::max(): nothing is due
  bool idle(std::size_t slot) const noexcept { return slots_[slot].state == condition::idle; }
  std::size_t users(std::size_t slot) const noexcept { return slots_[slot].users; }
  std::size_t size() const noexcept { return slots_.size(); }
  std::size_t unfinished() const noexcept { return busy_ + connecting_; }  ///< what stop() has to wait for
  lane_status status() const noexcept;

 private:
  enum class condition { empty, connecting, idle, busy };
  struct slot_entry {
    condition state = condition::empty;
    std::size_t users = 0;  ///< while busy
    bool shared = false;    ///< others may join its users
    time opened{}, last_used{};
    steady::duration lifetime{};
  };
  struct waiting_entry {
    waiter who;
    time until, give_up;  ///< give_up counts only while nothing is up
    share how;
  };

  std::size_t up() const noexcept { return idle_ + busy_; }
  std::size_t idle_slot() const;
  std::size_t shared_slot(time now) const;
  bool may_join(const slot_entry& s, time now) const;
  void grant(std::size_t slot, share how);
  void serve_waiting(std::size_t slot, time now);
  void plan(time now);
  void offer(std::size_t slot, time now);
  void expire(time now);
  bool leaves(const waiting_entry& w, time now);
  void replace(std::size_t slot, time now);
  void set(std::size_t slot, condition next);
  steady::duration pause();

  options options_;
  std::function<double()> random_;
  std::vector<slot_entry> slots_;
  std::deque<waiting_entry> queue_;
  std::vector<action> actions_;
  time earliest_ = time::max();  ///< no waiter leaves before
  time retry_at_{};
  unsigned failures_ = 0;  ///< since the last success
  std::size_t idle_ = 0, busy_ = 0, connecting_ = 0;
  bool running_ = false;
  lane_status counts_;
};

}  // namespace gridlight::postgres
