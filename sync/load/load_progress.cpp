#include "sync/load/load_progress.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

namespace gridlight::sync {
namespace {

constexpr std::chrono::milliseconds bar_pause{100}, line_pause{5000};

}  // namespace

load_progress::load_progress(std::uint64_t total_bytes)
    : total_(total_bytes), terminal_(::isatty(STDERR_FILENO) == 1) {
  next_ = start_ + (terminal_ ? bar_pause : line_pause);
}

load_progress::~load_progress() {
  clear();
}

void load_progress::clear() {
  if (!shown_) return;
  std::cerr << "\r\033[K" << std::flush;
  shown_ = false;
}

void load_progress::say(std::string_view line) {
  clear();
  std::cerr << line << std::endl;
}

void load_progress::update(std::string_view what, std::uint64_t rows, std::uint64_t bytes) {
  if (what_ != what) what_ = what;
  rows_ = rows;
  bytes_ = bytes;
  tick();
}

void load_progress::tick() {
  const auto now = steady::now();
  if (now < next_ || what_.empty()) return;
  next_ = now + (terminal_ ? bar_pause : line_pause);
  draw();
}

void load_progress::draw() {
  const double seconds = std::max(ms_since(start_) / 1000, 0.001);
  const double part =
      total_ > 0 ? std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(total_)) : 0;
  const std::string figures =
      fmt::format("{} rows, {:.1f} MB, {:.0f} rows/s", rows_, static_cast<double>(bytes_) / 1e6,
                  static_cast<double>(rows_) / seconds);
  if (!terminal_) {
    std::cerr << fmt::format("{}: {}{}", what_, figures,
                             total_ > 0 ? fmt::format(", {:.0f} %", part * 100) : "")
              << std::endl;
    return;
  }
  constexpr int width = 30;
  const int filled = static_cast<int>(part * width);
  const std::string bar =
      total_ > 0 ? fmt::format("[{:#<{}}{:.<{}}] {:3.0f} % ", "", filled, "", width - filled, part * 100)
                 : "";
  std::cerr << fmt::format("\r\033[K{} {}{}", what_, bar, figures) << std::flush;
  shown_ = true;
}

}  // namespace gridlight::sync
