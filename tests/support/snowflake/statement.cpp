#include "tests/support/snowflake/statement.hpp"

#include <fmt/format.h>

#include <array>
#include <random>

namespace gridlight::test::snowflake {

std::string new_handle() {
  static std::mutex mutex;
  static std::mt19937_64 random{std::random_device{}()};
  const std::lock_guard lock{mutex};
  const std::uint64_t a = random(), b = random();
  return fmt::format("01{:06x}-{:04x}-{:04x}-{:04x}-{:012x}", a & 0xffffff, a >> 24 & 0xffff,
                     a >> 40 & 0xffff, b & 0xffff, b >> 16);
}

statement::statement(std::string handle)
    : handle_(std::move(handle)),
      created_ms_(std::chrono::duration_cast<std::chrono::milliseconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count()) {}

std::shared_ptr<const statement::outcome> statement::wait(std::chrono::milliseconds most) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, most, [&] { return outcome_ != nullptr; });
  return outcome_;
}

bool statement::cancel() {
  std::shared_ptr<PGcancel> canceller;
  {
    const std::lock_guard lock{mutex_};
    if (outcome_) return false;
    cancelled_ = true;
    canceller = canceller_;
  }
  changed_.notify_all();
  std::array<char, 256> error;
  if (canceller) PQcancel(canceller.get(), error.data(), static_cast<int>(error.size()));
  return true;
}

void statement::end(outcome with) {
  {
    const std::lock_guard lock{mutex_};
    canceller_.reset();
    outcome_ = std::make_shared<const outcome>(std::move(with));
  }
  changed_.notify_all();
}

bool statement::pause(std::chrono::milliseconds time) {
  std::unique_lock lock{mutex_};
  return !changed_.wait_for(lock, time, [&] { return cancelled_; });
}

void statement::cancel_by(std::shared_ptr<PGcancel> canceller) {
  const std::lock_guard lock{mutex_};
  canceller_ = std::move(canceller);
}

bool statement::cancelled() const {
  const std::lock_guard lock{mutex_};
  return cancelled_;
}

}  // namespace gridlight::test::snowflake
