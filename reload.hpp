#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "server/config.hpp"
#include "server/config_change.hpp"
#include "server/metrics.hpp"
#include "server/reload_status.hpp"

namespace gridlight {

/// Reads the configuration anew when it is asked to, on a thread of its own, and has it taken or refused as a
/// whole. What became of it is in the log, the status and the metrics.
class reloader {
 public:
  using config_pointer = std::shared_ptr<const config>;
  /// Takes what was compared with the running configuration. A failure must leave everything as it was.
  using take_function = std::function<result<void>(const config_change&, const config_pointer& merged)>;

  /// \param running  what the process serves by now
  /// \param take     called on this object's thread
  reloader(config_sources sources, config_pointer running, take_function take, reload_status& status,
           metrics& counters);
  ~reloader();
  reloader(const reloader&) = delete;
  reloader& operator=(const reloader&) = delete;

  void ask();   ///< any thread; what is asked for while it reads is done behind that, once
  void stop();  ///< no more; returns when it has ended

 private:
  void run();
  void reload();
  result<config_change> read() const;
  void told(const config_change& change) const;

  const config_sources sources_;
  config_pointer running_;
  const take_function take_;
  reload_status& status_;
  std::mutex lock_;
  std::condition_variable changed_;
  bool asked_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace gridlight
