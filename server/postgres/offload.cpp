#include "server/postgres/offload.hpp"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <memory>

namespace gridlight::postgres {
namespace asio = boost::asio;
namespace {

// Never destroyed: a thread may sit in a name lookup for a minute, and the process's end does not wait for
// it.
asio::thread_pool& threads(chore kind) {
  static auto* const connecting = new asio::thread_pool{4};
  static auto* const cancelling = new asio::thread_pool{2};
  return kind == chore::connect ? *connecting : *cancelling;
}

// The end is told through an eventfd and not by posting to the asker's executor, whose context may be gone by
// then.
struct signal {
  int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<bool> raised{false};  // orders memory too, which the language does not know of a descriptor
  signal() = default;
  signal(const signal&) = delete;
  signal& operator=(const signal&) = delete;
  ~signal() {
    if (fd >= 0) ::close(fd);
  }
  void raise() {
    raised.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
  }
};

std::atomic<int> running{0};

}  // namespace

void run_off_thread(chore kind, std::function<void()> work) {
  running.fetch_add(1);
  asio::post(threads(kind), [work = std::move(work)]() mutable {
    work();
    work = nullptr;
    running.fetch_sub(1);
  });
}

bool chores_running() noexcept {
  return running.load() != 0;
}

asio::awaitable<bool> await_off_thread(asio::any_io_executor executor, chore kind, std::function<void()> work,
                                       deadline until) {
  const auto ended = std::make_shared<signal>();
  const int own = ended->fd < 0 ? -1 : ::fcntl(ended->fd, F_DUPFD_CLOEXEC, 0);
  if (own < 0) co_return false;  // out of descriptors: nothing was begun
  const auto waiter = std::make_shared<asio::posix::stream_descriptor>(executor, own);
  asio::steady_timer timer{executor, until};
  timer.async_wait([late = std::weak_ptr{waiter}](const boost::system::error_code& ec) {
    if (const auto w = late.lock(); w && !ec) w->cancel();
  });
  run_off_thread(kind, [ended, work = std::move(work)]() mutable {
    work();
    work = nullptr;
    ended->raise();
  });
  const auto [ec] = co_await waiter->async_wait(asio::posix::stream_descriptor::wait_read,
                                                asio::as_tuple(asio::use_awaitable));
  co_return !ec && ended->raised.load(std::memory_order_acquire);
}

}  // namespace gridlight::postgres
