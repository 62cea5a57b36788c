#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// How long a lease lasts unrenewed: whoever died is followed within this and half a second.
inline constexpr std::chrono::milliseconds lease_life{3500};

/// Whether this owner does what is asked of it; commands do not.
inline bool serves_requests(std::string_view owner) noexcept {
  return !owner.empty() && owner.find(' ') == owner.npos;
}

/// The right to write layers, which one instance at a time has: gridlight.sync_lease. Renewed every second
/// on a connection of its own, by statements alone, so that poolers are no hindrance. Who was paused and lost
/// it finds out at gridlight.sync_fence(), in the transaction that would write. All calls on one thread.
class lease {
 public:
  /// \param owner  for people: who has it
  lease(boost::asio::any_io_executor executor, postgres::connect_options connect, std::string owner);
  ~lease();
  lease(const lease&) = delete;
  lease& operator=(const lease&) = delete;

  void start();  ///< tries to get it and keeps it from now on
  void seize();  ///< the same, and takes it from whoever has it: what that one does now fails at its fence
  bool held() const noexcept;
  std::int64_t token() const noexcept;  ///< of the lease held last
  /// Waits until it is held; false when that has not come by `until`.
  boost::asio::awaitable<bool> wait(steady::time_point until);
  /// Whoever else has had it last, as renewals since start() show: its name; empty when nobody is known to.
  const std::string& rival() const noexcept;
  /// Why it could not be asked for; empty when it could.
  const std::string& trouble() const noexcept;
  /// Gives it back, so that another need not wait. May be started again.
  boost::asio::awaitable<void> stop();

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace gridlight::sync
