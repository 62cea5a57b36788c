#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace gridlight {

/// What became of the configuration's being read anew, for /ready, /health and /metrics. Any thread.
class reload_status {
 public:
  struct view {
    std::uint64_t applied = 0, refused = 0;
    bool last_refused = false;
    std::string reason;                ///< of that; names files, settings and what was wrong, no secrets
    std::vector<std::string> waiting;  ///< names of settings that wait for a restart
  };
  void applied(std::vector<std::string> waiting) {
    const std::lock_guard guard{lock_};
    ++now_.applied;
    now_.last_refused = false;
    now_.reason.clear();
    now_.waiting = std::move(waiting);
  }
  void refused(std::string why) {
    const std::lock_guard guard{lock_};
    ++now_.refused;
    now_.last_refused = true;
    now_.reason = std::move(why);
  }
  view get() const {
    const std::lock_guard guard{lock_};
    return now_;
  }

 private:
  mutable std::mutex lock_;
  view now_;
};

}  // namespace gridlight
