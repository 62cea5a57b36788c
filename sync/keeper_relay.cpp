#include "sync/keeper_relay.hpp"

namespace gridlight::sync {

void keeper_relay::follow(std::unique_ptr<keeper> next) {
  const std::lock_guard guard{lock_};
  if (stopping_) return;
  next_ = std::move(next);
  due_ = true;
  if (!thread_.joinable()) thread_ = std::thread{[this] { run(); }};
  changed_.notify_all();
}

void keeper_relay::run() {
  std::unique_lock guard{lock_};
  for (;;) {
    changed_.wait(guard, [this] { return due_ || stopping_; });
    if (stopping_) return;
    if (keeper* const before = current_.get()) {
      // Only this thread replaces it, so it stays while the lock is not held.
      guard.unlock();
      before->retire();
      guard.lock();
    }
    if (stopping_) return;
    due_ = false;
    current_ = std::move(next_);
    if (current_) current_->start();
  }
}

void keeper_relay::ask_to_stop() {
  const std::lock_guard guard{lock_};
  stopping_ = true;
  if (current_) current_->ask_to_stop();
  changed_.notify_all();
}

keeper_relay::~keeper_relay() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace gridlight::sync
