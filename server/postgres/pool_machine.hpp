#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "server/deadline.hpp"
#include "server/error.hpp"
#include "server/postgres/pool.hpp"
#include "server/postgres/wait_queue.hpp"

namespace gridlight::postgres {

/// All that is decided about one lane: who gets a connection, who waits or is refused, when to connect, to
/// replace, to give up. It does nothing itself: it has no clock and no socket. Calls tell it what happened
/// and when; what is to be done is fetched with take_actions() after every call and done in that order.
///
/// Whoever shares gets an idle connection when there is one, else a place on one that others share (the least
/// used; `sharers` at most); whoever does not share has its connection alone. Those that wait are served
/// priority first, else in the order in which they came; who may not have a connection alone yet (see
/// kept_connections) is passed by.
///
/// A waiter leaves with pool_exhausted at its deadline, or with database_unavailable when no connection is up
/// then. While none is up and the last attempt failed, it leaves with database_unavailable after `patience`:
/// a blip is sat out, and an outage is answered fast. While attempts fail there is one at a time, after a
/// jittered, growing pause; and once it is known how long connecting takes, none is waited for much longer,
/// as what is sent to a silent host may be lost. After stalled() nobody waits until a connection is made.
class pool_machine {
 public:
  using time = steady::time_point;
  using waiter = void*;  ///< the caller's name for one that waits
  struct options {
    lane_options lane;
    steady::duration max_age, backoff_min, backoff_max;
    steady::duration patience = std::chrono::milliseconds{250};
    steady::duration connect_timeout = std::chrono::seconds{5};
  };
  struct action {
    enum class kind { connect, close, serve, refuse };
    kind what;
    std::size_t slot = 0;      ///< of connect, close, serve
    waiter who = nullptr;      ///< of serve, refuse
    errc why{};                ///< of refuse
    steady::duration limit{};  ///< of connect: how long it may take
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
  answer acquire(waiter who, time now, time until, share how = share::no, urgency rank = urgency::ordinary);
  bool abandon(waiter who);  ///< false: it waits no more
  /// By one of its users. Not clean: nobody else may use it; the last user has destroyed the connection.
  void released(std::size_t slot, bool clean, time now);
  void connected(std::size_t slot, time now);
  void connect_failed(std::size_t slot, time now);
  void died(std::size_t slot, time now);  ///< an idle one, or one just granted
  /// The database answers nothing: the idle are closed, all that wait are refused. The users of the others
  /// are told by the caller, and release them.
  void stalled(time now);
  void tick(time now);  ///< at next_wakeup() at the latest

  std::vector<action> take_actions();
  bool has_actions() const noexcept { return !actions_.empty(); }
  time next_wakeup() const noexcept;  ///< time::max(): nothing is due
  bool idle(std::size_t slot) const noexcept { return slots_[slot].state == condition::idle; }
  bool shared(std::size_t slot) const noexcept { return slots_[slot].shared; }
  std::size_t busy() const noexcept { return busy_; }
  steady::duration fastest() const noexcept { return fastest_; }  ///< connecting so far; max(): none was made
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
    bool counted = false;   ///< in alone_
    time opened{}, last_used{};
    steady::duration lifetime{};
  };
  using waiting_entry = wait_queue::entry;

  std::size_t up() const noexcept { return idle_ + busy_; }
  std::size_t idle_slot() const;
  std::size_t shared_slot(time now) const;
  std::size_t shared_slots() const;
  bool may_join(const slot_entry& s, time now) const;
  bool may_be_alone() const noexcept { return alone_ + options_.lane.kept_connections < slots_.size(); }
  bool has_turn(share how, urgency rank) const;
  bool queue_full(urgency rank) const;
  void grant(std::size_t slot, share how, urgency rank);
  void serve_waiting(std::size_t slot, time now);
  void plan(time now);
  void offer(std::size_t slot, time now);
  void expire(time now);
  bool leaves(const waiting_entry& w, time now);
  void refuse_all(errc why);
  void close_idle();
  void replace(std::size_t slot, time now);
  void set(std::size_t slot, condition next);
  steady::duration pause();
  steady::duration connect_limit() const;

  options options_;
  std::function<double()> random_;
  std::vector<slot_entry> slots_;
  wait_queue queue_;
  std::vector<action> actions_;
  time earliest_ = time::max();  ///< no waiter leaves before
  time retry_at_{};
  unsigned failures_ = 0;                               ///< since the last success
  steady::duration fastest_ = steady::duration::max();  ///< connecting that succeeded
  std::size_t idle_ = 0, busy_ = 0, connecting_ = 0;
  std::size_t alone_ = 0;  ///< connections that ordinary queries have alone
  bool running_ = false, stalled_ = false;
  lane_status counts_;
};

}  // namespace gridlight::postgres
