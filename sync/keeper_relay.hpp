#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "sync/keeper.hpp"

namespace gridlight::sync {

/// The keeper of a process, and its successors: one is started when the one before has ended what it runs, so
/// that a long run is not given up because something was configured. Any thread.
class keeper_relay {
 public:
  keeper_relay() = default;
  ~keeper_relay();
  keeper_relay(const keeper_relay&) = delete;
  keeper_relay& operator=(const keeper_relay&) = delete;

  void follow(std::unique_ptr<keeper> next);  ///< null: nothing is kept any more
  void ask_to_stop();                         ///< what runs is given up, and nobody follows

 private:
  void run();

  std::mutex lock_;
  std::condition_variable changed_;
  std::unique_ptr<keeper> current_, next_;
  bool due_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace gridlight::sync
