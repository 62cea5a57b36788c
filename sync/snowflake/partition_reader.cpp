#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "sync/snowflake/client_impl.hpp"

namespace gridlight::sync::snowflake {
namespace asio = boost::asio;
using asio::awaitable;

struct partition_reader::impl : std::enable_shared_from_this<impl> {
  impl(std::shared_ptr<client::impl> c, execution e, std::size_t n, deadline until)
      : from(std::move(c)),
        head(std::move(e.head)),
        first(std::move(e.first)),
        ahead(std::max<std::size_t>(n, 1)),
        by(until) {}

  // Keeps `ahead` of them in flight or in hand; the count is what bounds memory.
  void fetch_more(const asio::any_io_executor& executor) {
    while (!given_up && asked < head.partitions.size() && asked - taken < ahead)
      asio::co_spawn(executor, fetch(shared_from_this(), asked++), asio::detached);
  }

  // The reader that asked may be gone: what comes then is dropped.
  static awaitable<void> fetch(std::shared_ptr<impl> self, std::size_t n) {
    const std::uint64_t rows = self->head.partitions[n].rows;
    std::string handle = self->head.handle;
    auto got = co_await self->from->partition(std::move(handle), n, rows, self->by);
    if (self->given_up) co_return;
    self->got.emplace(n, std::move(got));
    if (self->waker != nullptr && n == self->taken) self->waker->cancel();
  }

  std::shared_ptr<client::impl> from;
  answer head;
  std::optional<partition_body> first;
  std::size_t ahead, asked = 1, taken = 0;
  deadline by;
  std::map<std::size_t, result<partition_body>> got;
  asio::steady_timer* waker = nullptr;
  bool given_up = false;
};

partition_reader::partition_reader(const client& c, execution e, std::size_t ahead, deadline until)
    : impl_(std::make_shared<impl>(c.impl_, std::move(e), ahead, until)) {}
partition_reader::partition_reader(partition_reader&&) noexcept = default;
partition_reader::~partition_reader() {
  if (impl_) impl_->given_up = true;
}

const answer& partition_reader::head() const noexcept {
  return impl_->head;
}

awaitable<result<std::optional<partition_body>>> partition_reader::next() {
  using out = result<std::optional<partition_body>>;
  const auto self = impl_;
  const auto executor = co_await asio::this_coro::executor;
  if (self->taken >= self->head.partitions.size()) co_return out{std::optional<partition_body>{}};
  if (self->first) {
    auto body = std::move(*self->first);
    self->first.reset();
    self->taken = 1;
    self->fetch_more(executor);
    co_return out{std::optional{std::move(body)}};
  }
  self->fetch_more(executor);
  while (!self->got.contains(self->taken)) {
    asio::steady_timer timer{executor, steady::time_point::max()};
    self->waker = &timer;
    boost::system::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    self->waker = nullptr;
  }
  auto body = std::move(self->got.extract(self->taken).mapped());
  if (!body) {
    self->given_up = true;
    co_return body.error();
  }
  ++self->taken;
  self->fetch_more(executor);
  co_return out{std::optional{std::move(*body)}};
}

}  // namespace gridlight::sync::snowflake
