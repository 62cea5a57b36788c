#include "sync/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>

namespace gridlight::sync {
namespace {

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

std::string grouped(std::int64_t n) {
  std::string digits = std::to_string(n);
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > (n < 0 ? 1 : 0); at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string grouped(std::optional<std::int64_t> n) {
  return n ? grouped(*n) : "?";
}

progress::progress()
    : terminal_(::isatty(STDERR_FILENO) == 1),
      started_(now_ms()),
      ticker_([this](std::stop_token s) { tick(s); }) {}

progress::~progress() {
  ticker_.request_stop();
  ticker_.join();
  const std::lock_guard lock{mutex_};
  if (shown_) show(true);
}

void progress::stage(std::string what, std::int64_t total) {
  const std::lock_guard lock{mutex_};
  if (shown_) show(true);
  what_ = std::move(what);
  total_ = total;
  done_ = 0;
  shown_ = false;
}

void progress::show(bool last) {
  const std::int64_t done = done_.load(std::memory_order_relaxed);
  const double seconds = static_cast<double>(now_ms() - started_) / 1000;
  std::string line = grouped(done) + (total_ > 0 ? " of " + grouped(total_) : "") + " " + what_;
  char after[32];
  std::snprintf(after, sizeof after, ", %.1f s", seconds);
  line += after;
  if (terminal_) {
    constexpr int width = 30;
    const auto filled =
        total_ > 0 ? static_cast<int>(std::min<std::int64_t>(width, done * width / total_)) : 0;
    std::fprintf(stderr, "\r[%.*s%*s] %s\033[K%s", filled, "==============================", width - filled,
                 "", line.c_str(), last ? "\n" : "");
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
  shown_ = true;
}

void progress::tick(const std::stop_token& stop) {
  std::mutex waiting;
  std::condition_variable_any never;
  std::unique_lock wait{waiting};
  const auto interval = terminal_ ? std::chrono::milliseconds{150} : std::chrono::milliseconds{5000};
  while (!stop.stop_requested()) {
    never.wait_for(wait, stop, interval, [] { return false; });
    if (stop.stop_requested()) return;
    const std::lock_guard lock{mutex_};
    if (!what_.empty()) show(false);
  }
}

}  // namespace gridlight::sync
