#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace gridlight {

/// A pointer that one thread replaces and all read: whoever has read it keeps what it pointed to. In place of
/// std::atomic<std::shared_ptr>, whose load() in GCC 12's library ends with a relaxed store, so that a reader
/// may still be reading the pointer when a writer has begun to replace it.
template <class T>
class published {
 public:
  using pointer = std::shared_ptr<T>;

  published() = default;
  explicit published(pointer first) : now_(std::move(first)) {}

  pointer load() const noexcept {
    const std::lock_guard guard{lock_};
    return now_;
  }
  /// What stood there before goes away on this thread, after the lock.
  void store(pointer next) noexcept {
    const std::lock_guard guard{lock_};
    now_.swap(next);
  }

 private:
  mutable std::mutex lock_;
  pointer now_;
};

}  // namespace gridlight
