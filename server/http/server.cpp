#include "server/http/server.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "server/http/file_watch.hpp"
#include "server/http/session.hpp"

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using acceptor_type = tcp::acceptor::rebind_executor<session::executor>::other;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr std::string_view turned_away =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n";

// What is left when a loop is forced to stop are suspended coroutines; shutdown destroys them while the
// worker that they use still lives.
struct stoppable_context : asio::io_context {
  stoppable_context() : asio::io_context{1} {}
  using asio::io_context::shutdown;
};

// One thread's event loop, listening socket, sessions and worker.
class loop {
 public:
  loop(const config::http_settings& settings, live_counts& live)
      : settings_(settings), live_(live), acceptor_(io_), all_gone_(io_), force_(io_) {}
  ~loop() { finish(); }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  void listen(const tcp::endpoint& at) {
    acceptor_.open(at.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address{true});
    acceptor_.set_option(reuse_port{true});
    acceptor_.bind(at);
    acceptor_.listen(4096);
  }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  asio::io_context& io() noexcept { return io_; }

  void prepare(const worker_factory& make_worker, std::size_t index, metrics& m,
               const identity::authority* who, const tls_keeper* tls) {
    worker_ = make_worker(io_.get_executor(), index);
    services_.emplace(settings_, worker_->routes, m, live_, who, tls);
    asio::co_spawn(io_, accept(), asio::detached);
    asio::co_spawn(io_, watch_for_hang_ups(), asio::detached);
  }
  void run() { io_.run(); }

  // After run(): ends what was cut off, then the worker.
  void finish() {
    if (services_) services_->on_last_gone = nullptr;
    io_.shutdown();
    services_.reset();
    worker_.reset();
  }

  void drain_soon() {
    asio::post(io_, [this] { asio::co_spawn(io_, drain(), asio::detached); });
  }

 private:
  awaitable<void> accept();
  awaitable<void> watch_for_hang_ups();
  awaitable<void> drain();
  void admit(session::socket_type socket, const asio::ip::address& peer);

  const config::http_settings& settings_;
  live_counts& live_;
  stoppable_context io_;
  acceptor_type acceptor_;
  asio::steady_timer all_gone_, force_;
  std::unique_ptr<worker> worker_;
  std::optional<session_services> services_;
};

awaitable<void> loop::accept() {
  asio::steady_timer pause{io_};
  for (;;) {
    tcp::endpoint peer;
    auto [ec, socket] = co_await acceptor_.async_accept(peer, as_result);
    if (!acceptor_.is_open()) co_return;
    if (!ec) {
      admit(std::move(socket), peer.address());
    } else if (ec != asio::error::connection_aborted) {
      spdlog::warn("accepting a connection: {}",
                   ec.message());  // such as too many open files: let some close
      pause.expires_after(std::chrono::milliseconds{100});
      co_await pause.async_wait(as_result);
    }
  }
}

// Most requests are answered before anybody could look, so they pay nothing for it.
awaitable<void> loop::watch_for_hang_ups() {
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
  }
}

void loop::admit(session::socket_type socket, const asio::ip::address& peer) {
  error_code ec;
  socket.non_blocking(true, ec);
  socket.set_option(tcp::no_delay{true}, ec);
  if (live_.connections.load(std::memory_order_relaxed) >=
      static_cast<std::int64_t>(settings_.max_connections)) {
    live_.refused.fetch_add(1, std::memory_order_relaxed);
    if (services_->tls == nullptr) socket.write_some(asio::buffer(turned_away), ec);
    return;
  }
  const bool mapped = peer.is_v6() && peer.to_v6().is_v4_mapped();
  session::start(std::move(socket),
                 mapped ? asio::ip::make_address_v4(asio::ip::v4_mapped, peer.to_v6()) : peer, *services_);
}

awaitable<void> loop::drain() {
  force_.expires_after(settings_.drain_timeout);
  force_.async_wait([this](error_code ec) {
    if (ec) return;
    spdlog::warn("draining took longer than http.drain_timeout; what still runs is cut off");
    io_.stop();
  });
  services_->draining = true;
  // Whoever is in the kernel's queue has connected already: take them, then close the door.
  error_code ec;
  acceptor_.non_blocking(true, ec);
  for (;;) {
    tcp::endpoint peer;
    auto socket = acceptor_.accept(peer, ec);
    if (ec) break;
    admit(std::move(socket), peer.address());
  }
  acceptor_.close(ec);
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

}  // namespace

// The other half is Postgres' and the kernel's: on 2 cores shared with it, one loop answers some 10 % more
// lookups than two, for each wake-up finds more to do.
std::size_t thread_count(const config::http_settings& settings) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return settings.threads > 0 ? static_cast<std::size_t>(settings.threads) : (cores + 1) / 2;
}

struct server::impl {
  impl(const config::http_settings& s, metrics& m, identity::authority* a, tls_keeper* t)
      : settings(s),
        registry(m),
        who(a),
        tls(t != nullptr && t->enabled() ? t : nullptr),
        live(make_live_counts(m)) {}

  result<void> listen();
  void wait_for_signal();
  void wait_for_hangup();
  void watch_files();
  void reload();

  config::http_settings settings;
  metrics& registry;
  identity::authority* who;
  tls_keeper* tls;
  std::shared_ptr<live_counts> live;
  std::vector<std::unique_ptr<loop>> loops;
  std::optional<asio::signal_set> signals, hangup;
  std::optional<asio::steady_timer> look;
  file_watch files;
  std::atomic<bool> stopping{false};
  tcp::endpoint bound;
};

result<void> server::impl::listen() {
  error_code ec;
  const auto address = asio::ip::make_address(settings.address, ec);
  if (ec) return failure{errc::input, "http.address is no IP address: " + settings.address};
  bound = {address, static_cast<std::uint16_t>(settings.port)};
  const std::size_t count = thread_count(settings);
  try {
    if (settings.port != 0) {
      // Sharing the port is for our own threads: another process that has it, even one like us, is an error.
      asio::io_context io;
      tcp::acceptor probe{io, bound.protocol()};
      probe.set_option(asio::socket_base::reuse_address{true});
      probe.bind(bound);
      probe.listen();
    }
    for (std::size_t i = 0; i < count; ++i) {
      auto& made = loops.emplace_back(std::make_unique<loop>(settings, *live));
      made->listen(bound);
      bound = made->endpoint();
    }
  } catch (const boost::system::system_error& e) {
    loops.clear();
    const std::string where = settings.address + " port " + std::to_string(settings.port);
    if (e.code() == asio::error::address_in_use)
      return failure{errc::input, "http.port: " + where + " is taken by another process"};
    return failure{errc::input, "cannot listen on " + where + ": " + e.code().message()};
  }
  return {};
}

server::server(const config::http_settings& settings, metrics& m, identity::authority* who, tls_keeper* tls)
    : impl_(std::make_unique<impl>(settings, m, who, tls)) {}
server::~server() = default;

result<void> server::listen() {
  return impl_->listen();
}
std::uint16_t server::port() const noexcept {
  return impl_->bound.port();
}

std::string server::url() const {
  const auto& address = impl_->bound.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return (impl_->tls != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port());
}

void server::impl::wait_for_signal() {
  signals->async_wait([this](error_code ec, int) {
    if (ec) return;
    if (stopping.exchange(true)) {
      for (auto& l : loops)
        l->io().stop();
      return;
    }
    spdlog::info("stopping: finishing what runs");
    for (auto& l : loops)
      l->drain_soon();
    wait_for_signal();
  });
}

void server::impl::reload() {
  if (who != nullptr) who->reload();
  if (tls != nullptr) tls->reload();
}

void server::impl::wait_for_hangup() {
  hangup->async_wait([this](error_code ec, int) {
    if (ec) return;
    files.changed();
    reload();
    wait_for_hangup();
  });
}

void server::impl::watch_files() {
  look->expires_after(std::chrono::seconds{2});
  look->async_wait([this](error_code ec) {
    if (ec) return;
    if (files.changed()) reload();
    watch_files();
  });
}

void server::request_stop() {
  if (impl_->stopping.exchange(true)) return;
  for (auto& l : impl_->loops)
    l->drain_soon();
}

result<void> server::run(const worker_factory& make_worker) {
  impl& self = *impl_;
  if (self.loops.empty())
    if (auto listening = self.listen(); !listening) return listening;
  for (std::size_t i = 0; i < self.loops.size(); ++i)
    self.loops[i]->prepare(make_worker, i, self.registry, self.who, self.tls);
  self.signals.emplace(self.loops[0]->io(), SIGTERM, SIGINT);
  self.wait_for_signal();
  if (self.who != nullptr) self.files.add(self.who->file());
  if (self.tls != nullptr) {
    self.files.add(self.tls->settings().certificate);
    self.files.add(self.tls->settings().key);
  }
  // With nothing to read anew SIGHUP ends the process, as when a terminal closes.
  if (!self.files.empty()) {
    self.hangup.emplace(self.loops[0]->io(), SIGHUP);
    self.wait_for_hangup();
    self.look.emplace(self.loops[0]->io());
    self.watch_files();
  }
  spdlog::info("listening on {}", url());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < self.loops.size(); ++i)
      threads.emplace_back([l = self.loops[i].get()] { l->run(); });
    self.loops[0]->run();
  }
  self.signals.reset();
  self.hangup.reset();
  self.look.reset();
  for (auto& l : self.loops)
    l->finish();
  return {};
}

}  // namespace gridlight::http
