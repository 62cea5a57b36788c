#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <functional>

#include "server/deadline.hpp"

namespace gridlight::postgres {

/// libpq's blocking calls run on a few threads that the process shares: connecting (names are resolved,
/// service and key files read, TLS shaken hands) and cancelling. Two groups, so that no cancel waits behind a
/// host that is dead.
enum class chore { connect, cancel };

/// Queues `work`, which must own all it touches: nothing waits for it, and it may end after its asker has
/// gone.
void run_off_thread(chore kind, std::function<void()> work);

/// Some work is queued or runs. Asked before the process ends: the libraries that such a thread is in
/// (OpenSSL) are taken down by exit().
bool chores_running() noexcept;

/// The same as run_off_thread, and waits for its end, but not beyond `until` (or a cancellation); then false,
/// and it goes on alone.
boost::asio::awaitable<bool> await_off_thread(boost::asio::any_io_executor executor, chore kind,
                                              std::function<void()> work, deadline until);

}  // namespace gridlight::postgres
