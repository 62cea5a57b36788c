#include "server/http/loop.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <vector>

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr std::string_view turned_away =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

// A thread of this kind does not interrupt whoever runs when something comes for it. When the cores are busy,
// with Postgres for one, it so finds several requests and answers at each turn, and is woken a sixth as
// often.
void schedule_in_batches() {
  const sched_param none{};
  if (::sched_setscheduler(0, SCHED_BATCH, &none) != 0)
    spdlog::debug("the system does not let this thread be scheduled in batches");
}

}  // namespace

loop::loop(settings_pointer settings, live_counts& live, visitors& visits)
    : settings_(std::move(settings)), live_(live), visits_(visits), all_gone_(io_), force_(io_) {}

void loop::listen(const tcp::endpoint& at) {
  acceptor_type& made = acceptors_.emplace_back(io_);
  made.open(at.protocol());
  made.set_option(asio::socket_base::reuse_address{true});
  made.set_option(reuse_port{true});
  made.bind(at);
  made.listen(4096);
}

void loop::listen(int socket, bool kept) {
  sockaddr_storage at{};
  socklen_t size = sizeof at;
  const int own = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (own < 0 || ::getsockname(own, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    throw boost::system::system_error{errno, boost::system::system_category()};
  acceptors_.emplace_back(io_).assign(at.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), own);
  kept_ = kept;
}

std::vector<int> loop::sockets() {
  std::vector<int> out;
  for (acceptor_type& each : acceptors_)
    out.push_back(each.native_handle());
  return out;
}

void loop::prepare(const worker_factory& make_worker, std::size_t index, metrics& m,
                   std::shared_ptr<const identity::authority> who, const tls_keeper* tls,
                   std::function<void()> begun) {
  worker_ = make_worker(io_.get_executor(), index);
  services_.emplace(std::make_shared<serving>(settings_, worker_->current_routes(), std::move(who), m), live_,
                    visits_, tls);
  asio::co_spawn(io_, begin(std::move(begun)), asio::detached);
  asio::co_spawn(io_, look_around(), asio::detached);
}

void loop::adopt(settings_pointer settings, std::shared_ptr<const identity::authority> who, metrics& m) {
  settings_ = std::move(settings);
  services_->now = std::make_shared<serving>(settings_, worker_->current_routes(), std::move(who), m);
}

// Whoever connects before the worker can answer waits in the kernel's queue.
awaitable<void> loop::begin(std::function<void()> begun) {
  co_await worker_->ready();
  if (!services_->draining)
    for (acceptor_type& each : acceptors_)
      asio::co_spawn(io_, accept(each), asio::detached);
  begun();
}

void loop::run() {
  if (settings_->batch_scheduling) schedule_in_batches();
  io_.run();
}

void loop::finish() {
  if (services_) services_->on_last_gone = nullptr;
  io_.shutdown();
  services_.reset();
  worker_.reset();
}

void loop::drain_soon(bool for_another) {
  asio::post(io_, [this, for_another] { asio::co_spawn(io_, drain(for_another), asio::detached); });
}

awaitable<void> loop::accept(acceptor_type& from) {
  asio::steady_timer pause{io_};
  for (;;) {
    tcp::endpoint peer;
    auto [ec, socket] = co_await from.async_accept(peer, as_result);
    if (!from.is_open()) co_return;
    if (!ec) {
      if (stuck_since_) accept_works();
      admit(std::move(socket), peer.address());
    } else if (ec != asio::error::connection_aborted) {
      // Such as too many open files. The connection waits in the kernel; asking at once again would spin.
      accept_failed(ec);
      session::make_room(*services_);
      pause.expires_after(std::chrono::milliseconds{50});
      co_await pause.async_wait(as_result);
    }
  }
}

// One line when it begins, one when it is over, and not again for a while.
void loop::accept_failed(const error_code& why) {
  if (stuck_since_) return;
  const auto now = steady::now();
  stuck_since_ = now;
  if (told_ != steady::time_point{} && now - told_ < std::chrono::seconds{10}) return;
  told_ = now;
  spdlog::warn("no connection can be accepted: {}; they wait until others are closed", why.message());
}

void loop::accept_works() {
  if (*stuck_since_ == told_)
    spdlog::info("connections are accepted again, after {:.0f} ms", ms_since(told_));
  stuck_since_.reset();
}

// Most requests are answered before anybody could look, so they pay nothing for it.
awaitable<void> loop::look_around() {
  constexpr std::chrono::milliseconds every{250}, worth_a_look{100};
  asio::steady_timer pause{io_};
  std::vector<std::shared_ptr<session>> slow;
  for (;;) {
    pause.expires_after(every);
    co_await pause.async_wait(as_result);
    const auto before = steady::now() - worth_a_look;
    for (session* s = services_->first; s != nullptr; s = s->next())
      if (s->handling_since_before(before)) slow.push_back(s->shared_from_this());
    for (const auto& s : slow)
      s->look_for_hang_up();
    slow.clear();
    services_->failures.settle();
  }
}

bool loop::may_enter(const asio::ip::address& peer, bool& counted) {
  const auto most = static_cast<std::int64_t>(settings_->max_connections);
  if (live_.connections.load(std::memory_order_relaxed) >= most && !session::make_room(*services_))
    return false;
  // A proxy's connections are those of many.
  counted = visits_.limits_connections() && !services_->now->proxies.contains(peer);
  return !counted || visits_.enter(peer);
}

void loop::admit(session::socket_type socket, asio::ip::address peer) {
  error_code ec;
  socket.non_blocking(true, ec);
  socket.set_option(tcp::no_delay{true}, ec);
  if (peer.is_v6() && peer.to_v6().is_v4_mapped())
    peer = asio::ip::make_address_v4(asio::ip::v4_mapped, peer.to_v6());
  bool counted = false;
  if (may_enter(peer, counted)) {
    session::start(std::move(socket), peer, counted, *services_);
    return;
  }
  live_.refused.fetch_add(1, std::memory_order_relaxed);
  if (services_->tls != nullptr) return;
  socket.write_some(asio::buffer(turned_away), ec);
  // Closing on a request that has come but was not read would reset the connection and lose the answer.
  std::array<char, 4096> unread;
  while (!ec && socket.read_some(asio::buffer(unread), ec) == unread.size()) {
  }
}

// Of a socket that is ours alone: who is in the kernel's queue has connected already and would be reset; so
// take them, then close the door.
void loop::close_door(bool for_another) {
  error_code ec;
  for (acceptor_type& each : acceptors_) {
    each.non_blocking(true, ec);
    while (!kept_ && !for_another) {
      tcp::endpoint peer;
      auto socket = each.accept(peer, ec);
      if (ec) break;
      admit(std::move(socket), peer.address());
    }
    each.close(ec);
  }
}

awaitable<void> loop::drain(bool for_another) {
  if (services_->draining) co_return;
  force_.expires_after(settings_->drain_timeout);
  force_.async_wait([this](error_code ec) {
    if (ec) return;
    spdlog::warn("draining took longer than http.drain_timeout; what still runs is cut off");
    io_.stop();
  });
  services_->draining = true;
  services_->idle_until = steady::now() + settings_->drain_timeout / 10;
  close_door(for_another);
  for (session* s = services_->first; s != nullptr; s = s->next())
    s->drain();
  services_->on_last_gone = [this] { all_gone_.cancel(); };
  if (services_->first != nullptr) {
    all_gone_.expires_at(steady::time_point::max());
    co_await all_gone_.async_wait(as_result);
  }
  services_->on_last_gone = nullptr;
  co_await worker_->stop();
  io_.stop();
}

}  // namespace gridlight::http
