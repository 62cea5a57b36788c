#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace gridlight::sync {

/// Shows on stderr how far a long command is: a bar that moves on a terminal, else a line every 5 seconds.
/// `add` may be called from any thread and costs an atomic addition.
class progress {
 public:
  progress();
  ~progress();  ///< stops showing; an unfinished bar's line is ended
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// \param what  such as "rows"; \param total  0: unknown
  void stage(std::string what, std::int64_t total);
  void add(std::int64_t n) noexcept { done_.fetch_add(n, std::memory_order_relaxed); }

 private:
  void show(bool last);
  void tick(const std::stop_token& stop);

  const bool terminal_;
  const std::int64_t started_;  // milliseconds of the steady clock
  std::atomic<std::int64_t> done_{0};
  std::mutex mutex_;  // guards what is below
  std::string what_;
  std::int64_t total_ = 0;
  bool shown_ = false;
  std::jthread ticker_;
};

/// "1234567" as "1,234,567".
std::string grouped(std::int64_t n);
std::string grouped(std::optional<std::int64_t> n);  ///< nothing: "?"

}  // namespace gridlight::sync
