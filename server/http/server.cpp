#include "server/http/server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "server/http/descriptors.hpp"
#include "server/http/file_watch.hpp"
#include "server/http/loop.hpp"

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

}  // namespace

// The other half is Postgres' and the kernel's: on 2 cores shared with it, one loop answers some 10 % more
// lookups than two, for each wake-up finds more to do.
std::size_t thread_count(const config::http_settings& settings) {
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  return settings.threads > 0 ? static_cast<std::size_t>(settings.threads) : (cores + 1) / 2;
}

struct server::impl {
  impl(const config::http_settings& s, metrics& m, std::shared_ptr<identity::authority> a, tls_keeper* t)
      : settings(s),
        registry(m),
        who(std::move(a)),
        tls(t != nullptr && t->enabled() ? t : nullptr),
        live(make_live_counts(m)),
        visits(s) {}

  void fit_descriptors();
  result<void> listen();
  void bind();
  void share();
  void begin_to_stop(bool for_another);
  void look_at_files();
  void wait_for_signal();
  void wait_for_hangup();
  void watch_files();
  void reload();

  config::http_settings settings;
  metrics& registry;
  std::shared_ptr<identity::authority> who;  // of the first thread, while they run
  tls_keeper* tls;
  std::shared_ptr<live_counts> live;
  visitors visits;
  std::vector<std::unique_ptr<loop>> loops;
  std::optional<asio::signal_set> signals, hangup;
  std::optional<asio::steady_timer> look;
  file_watch files;
  std::atomic<bool> stopping{false}, ended{false};
  std::atomic<std::size_t> not_begun{0};
  hooks tell;
  std::vector<int> given;
  bool kept = false;
  tcp::endpoint bound;
};

void server::impl::fit_descriptors() {
  const std::size_t fit = connections_that_fit();
  if (settings.max_connections <= fit) return;
  spdlog::warn(
      "http.max_connections is {}, but this process may open so few files (ulimit -n) that only {} "
      "connections "
      "are taken",
      settings.max_connections, fit);
  settings.max_connections = fit;
}

void server::impl::bind() {
  if (settings.port != 0) {
    // Sharing the port is for our own threads: another process that has it, even one like us, is an error.
    asio::io_context io;
    tcp::acceptor probe{io, bound.protocol()};
    probe.set_option(asio::socket_base::reuse_address{true});
    probe.bind(bound);
    probe.listen();
  }
  for (auto& each : loops) {
    each->listen(bound);
    bound = each->endpoint();
  }
}

// Every socket has a queue of its own, so that each has to be served, and each thread wants one.
void server::impl::share() {
  for (std::size_t i = 0; i < std::max(loops.size(), given.size()); ++i)
    loops[i % loops.size()]->listen(given[i % given.size()], kept);
  bound = loops.front()->endpoint();
}

result<void> server::impl::listen() {
  fit_descriptors();
  error_code ec;
  const auto address = asio::ip::make_address(settings.address, ec);
  if (ec) return failure{errc::input, "http.address is no IP address: " + settings.address};
  bound = {address, static_cast<std::uint16_t>(settings.port)};
  const auto shared_settings = std::make_shared<const config::http_settings>(settings);
  try {
    for (std::size_t i = 0; i < thread_count(settings); ++i)
      loops.push_back(std::make_unique<loop>(shared_settings, *live, visits));
    given.empty() ? bind() : share();
  } catch (const boost::system::system_error& e) {
    loops.clear();
    const std::string where = settings.address + " port " + std::to_string(settings.port);
    if (e.code() == asio::error::address_in_use)
      return failure{errc::input, "http.port: " + where + " is taken by another process"};
    return failure{errc::input, "cannot listen on " + where + ": " + e.code().message()};
  }
  return {};
}

server::server(const config::http_settings& settings, metrics& m, std::shared_ptr<identity::authority> who,
               tls_keeper* tls)
    : impl_(std::make_unique<impl>(settings, m, std::move(who), tls)) {}
server::~server() = default;

void server::on(hooks h) {
  impl_->tell = std::move(h);
}
void server::take(std::vector<int> sockets, bool kept) {
  impl_->given = std::move(sockets);
  impl_->kept = kept;
}
bool server::stopping() const noexcept {
  return impl_->stopping;
}
std::vector<int> server::sockets() const {
  std::vector<int> out;
  for (auto& l : impl_->loops)
    for (const int socket : l->sockets())
      out.push_back(socket);
  return out;
}

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

void server::impl::begin_to_stop(bool for_another) {
  if (tell.stopping) tell.stopping();
  for (auto& l : loops)
    l->drain_soon(for_another);
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
    begin_to_stop(false);
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
    // Files that changed, too, are looked at in any case: the configuration may be refused for another
    // reason.
    if (tell.hung_up) {
      tell.hung_up();
    } else {
      files.changed();
      reload();
    }
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

void server::impl::look_at_files() {
  std::vector<std::string> paths;
  if (who != nullptr) paths.push_back(who->file());
  if (tls != nullptr) {
    const auto now = tls->settings();
    paths.push_back(now.certificate);
    paths.push_back(now.key);
  }
  files.follow(paths);
}

void server::request_stop(bool for_another) {
  if (!impl_->stopping.exchange(true)) impl_->begin_to_stop(for_another);
}

void server::post(std::function<void(worker&)> work) {
  loop& first = *impl_->loops.front();
  asio::post(first.io(), [&first, work = std::move(work)] { work(first.own_worker()); });
}

bool server::adopt(const config::http_settings& settings, std::shared_ptr<identity::authority> who,
                   std::function<void(worker&)> each) {
  impl& self = *impl_;
  auto next = std::make_shared<config::http_settings>(settings);
  next->max_connections = std::min(next->max_connections, connections_that_fit());
  self.visits.adopt(*next);
  const auto left = std::make_shared<std::atomic<std::size_t>>(self.loops.size());
  for (auto& l : self.loops)
    asio::post(l->io(), [&self, l = l.get(), next, who, each, left] {
      if (each) each(l->own_worker());
      l->adopt(next, who, self.registry);
      if (l == self.loops.front().get()) {
        self.who = who;
        self.look_at_files();
      }
      left->fetch_sub(1);
    });
  // The threads are not kept waiting for each other.
  while (left->load() > 0) {
    if (self.ended) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

result<void> server::run(const worker_factory& make_worker) {
  impl& self = *impl_;
  if (self.loops.empty())
    if (auto listening = self.listen(); !listening) return listening;
  self.not_begun = self.loops.size();
  const auto begun = [&self] {
    if (--self.not_begun == 0 && self.tell.begun) self.tell.begun();
  };
  for (std::size_t i = 0; i < self.loops.size(); ++i)
    self.loops[i]->prepare(make_worker, i, self.registry, self.who, self.tls, begun);
  self.signals.emplace(self.loops[0]->io(), SIGTERM, SIGINT);
  self.wait_for_signal();
  self.look_at_files();
  // With nothing to read anew SIGHUP ends the process, as when a terminal closes.
  if (!self.files.empty() || self.tell.hung_up) {
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
  self.ended = true;
  self.signals.reset();
  self.hangup.reset();
  self.look.reset();
  for (auto& l : self.loops)
    l->finish();
  return {};
}

}  // namespace gridlight::http
