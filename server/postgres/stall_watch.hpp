#pragma once

#include <chrono>

#include "server/deadline.hpp"

namespace gridlight::postgres {

/// Tells a database that has stopped answering without closing its connections (its processes are stopped,
/// the network drops all packets) from a query that is merely slow: when one has had no answer for `silence`,
/// a fresh connection to the same server is tried. It decides only, without clock and socket; for one pool.
class stall_watch {
 public:
  using time = steady::time_point;
  struct options {
    steady::duration silence = std::chrono::milliseconds{750};
    steady::duration between = std::chrono::milliseconds{900};  ///< from a probe's end to the next
    steady::duration shared_silence = std::chrono::seconds{2};  ///< see overtaxed()
  };
  stall_watch() = default;
  explicit stall_watch(const options& o) : options_(o) {}

  /// \param silent_since  since when the query that waits longest has had nothing; time::max(): none waits
  /// True: probe now, and report probe_ended().
  bool wants_probe(time now, time silent_since) {
    if (probing_ || silent_since > now - options_.silence || now < next_) return false;
    probing_ = true;
    begun_ = now;
    return true;
  }

  /// \param answered    the server has taken the connection, or has said why not
  /// \param last_heard  when anything came on any of the pool's connections to that server
  /// True: it has stalled. An overloaded machine may be late with the probe, but says something meanwhile.
  bool probe_ended(time now, bool answered, time last_heard) {
    probing_ = false;
    next_ = now + options_.between;
    return !answered && last_heard < begun_;
  }

  /// Short queries share a connection of a server that is well, and have had nothing for so long that they
  /// are better asked again elsewhere: a backend hangs, or one of them was not short.
  bool overtaxed(time now, time silent_since) const { return silent_since <= now - options_.shared_silence; }

 private:
  options options_;
  time begun_{}, next_{};
  bool probing_ = false;
};

}  // namespace gridlight::postgres
