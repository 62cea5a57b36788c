#pragma once

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "server/deadline.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight {

/// The layers' versions as the database last told them. One for all threads.
class version_store {
 public:
  using versions = std::map<std::string, std::int64_t, std::less<>>;

  /// How old a reading may be and still be trusted: what changed since is at most so long unknown to us.
  static constexpr std::chrono::milliseconds trusted_for{1000};

  /// The versions; nothing when the last reading is older than that. Every change that was committed
  /// `trusted_for` ago is among them.
  std::shared_ptr<const versions> fresh(steady::time_point now = steady::now()) const noexcept;
  /// The last reading, however old; null: none yet.
  std::shared_ptr<const versions> last() const noexcept { return current_.load(); }
  /// When it was asked for; the clock's epoch: never.
  steady::time_point asked_at() const noexcept { return asked_at_.load(); }

  /// Raised when the versions are those of another history: another database under the same name, or one that
  /// was set back to an earlier state. What was kept by its version before is then of no worth.
  std::uint64_t history() const noexcept { return history_.load(); }

  /// \param asked_at  before the reading began
  /// \param database  its oid: a database that was dropped and made anew has another
  void set(versions now, steady::time_point asked_at, std::int64_t database = 0);

 private:
  std::atomic<std::shared_ptr<const versions>> current_;
  std::atomic<std::uint64_t> history_{0};
  std::int64_t database_ = 0;  // of the thread that sets
  std::atomic<steady::time_point> asked_at_{steady::time_point{}};
};

/// Reads gridlight.layer_state again and again into a version_store.
class freshness_keeper {
 public:
  /// \param store, pool  must outlive it; all calls on the pool's executor
  freshness_keeper(boost::asio::any_io_executor executor, version_store& store, postgres::pool& pool,
                   std::chrono::milliseconds every = std::chrono::milliseconds{250});

  void start();
  void stop();                              ///< lets it end
  boost::asio::awaitable<void> finished();  ///< after stop(): returns when it may be destroyed

 private:
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> read_once();

  version_store& store_;
  postgres::pool& pool_;
  const std::chrono::milliseconds every_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer ended_;  ///< never expires; cancelled when run() returns
  bool stopping_ = false, running_ = false;
};

}  // namespace gridlight
