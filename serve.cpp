#include "serve.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <future>
#include <optional>

#include "grid_worker.hpp"
#include "reload.hpp"
#include "server/http/descriptors.hpp"
#include "server/http/handover.hpp"
#include "server/log.hpp"
#include "server/service_manager.hpp"

namespace gridlight {
namespace asio = boost::asio;
namespace {

using identity::authority;

// As main does with a configuration that is wrong.
int refuse(std::string_view why) {
  fmt::print(stderr, "gridlight: {}\n", why);
  return 2;
}

// SIGHUP comes, too, when the terminal that we were started from is closed.
class terminal {
 public:
  terminal() : had_one_(opens()) {}
  bool closed() const { return had_one_ && !opens(); }

 private:
  static bool opens() {
    const int fd = ::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
  }
  const bool had_one_;
};

// Waits for what is done on the first thread, unless the server ends before.
template <class Value>
std::optional<Value> wait_for(std::future<Value>& coming, const http::server& server) {
  while (coming.wait_for(std::chrono::milliseconds{10}) != std::future_status::ready)
    if (server.stopping()) return std::nullopt;
  return coming.get();
}

using catalog_result = result<catalog_keeper::pointer>;

asio::awaitable<void> read_layers(grid_worker& w, std::vector<layer_config> declared,
                                  std::shared_ptr<std::promise<catalog_result>> out) {
  auto made = co_await w.read_layers(std::move(declared));
  out->set_value(std::move(made));
}

// Layers that are served now and would not be any more, though they are declared: rather stay as it is.
std::string lost(const catalog& before, const catalog& now) {
  std::string out;
  for (const catalog::unusable& broken : now.broken())
    if (before.find(broken.name) != nullptr)
      out += fmt::format("{}layer {} would no longer be served: {}", out.empty() ? "" : "; ", broken.name,
                         broken.reason);
  return out;
}

/// Takes configurations that were read anew: first all that can fail, then all that cannot.
class taker {
 public:
  taker(process& shared, http::server& server, http::tls_keeper& tls)
      : shared_(shared), server_(server), tls_(tls) {}

  result<void> operator()(const config_change& change, const std::shared_ptr<const config>& next) {
    auto who = std::make_shared<authority>(*next);
    if (auto tokens = who->load(); !tokens) return tokens.error();
    auto certificate = http::tls_keeper::read(next->http.tls);
    if (!certificate) return certificate.error();
    if (auto kept = sync::keeper::check(*next); !kept) return kept.error();
    catalog_keeper::pointer layers;
    if (change.layers) {
      auto made = layers_of(*next);
      if (!made) return made.error();
      layers = *std::move(made);
    }
    std::unique_ptr<sync::keeper> keeper;
    if (change.sync) {
      auto made = sync::keeper::make(next, shared_.counters);
      if (!made) return made.error();
      keeper = *std::move(made);
    }

    log::adopt(next->log);
    tls_.adopt(next->http.tls, *std::move(certificate));
    // A store of their own for requests by this configuration: no thread may show its layers with the limits
    // of another, whichever takes it first.
    catalog_keeper::store_pointer served;
    if (layers) {
      served = std::make_shared<catalog_store>();
      served->set(layers);
    }
    const bool taken = server_.adopt(next->http, who, [next, layers, served](http::worker& w) {
      auto& worker = static_cast<grid_worker&>(w);
      if (layers && worker.is_first()) worker.adopt(next->layers, layers, served);
      worker.adopt(next, served);
    });
    if (!taken) return failure{errc::shutting_down, "the server ends"};
    who->tell_loaded();
    if (change.sync) shared_.sync.follow(std::move(keeper));
    return {};
  }

 private:
  catalog_result layers_of(const config& next) {
    const auto out = std::make_shared<std::promise<catalog_result>>();
    auto coming = out->get_future();
    server_.post([declared = next.layers, out](http::worker& w) {
      auto& worker = static_cast<grid_worker&>(w);
      asio::co_spawn(worker.executor(), read_layers(worker, declared, out), asio::detached);
    });
    auto made = wait_for(coming, server_);
    if (!made) return failure{errc::shutting_down, "the server ends"};
    if (!*made)
      return failure{
          errc::database_unavailable,
          "the layers differ, and the database does not tell of their tables now: " + made->error().detail};
    const auto before = shared_.layers.get();
    if (auto why = before ? lost(*before, ***made) : std::string{}; !why.empty())
      return failure{errc::input, std::move(why)};
    return *std::move(*made);
  }

  process& shared_;
  http::server& server_;
  http::tls_keeper& tls_;
};

// Where the sockets come from that we do not open ourselves.
struct given_sockets {
  std::vector<int> sockets;
  bool kept = false;  // by the service manager, whatever becomes of us
  http::takeover from_another;
};

result<given_sockets> find_sockets(const config& settings) {
  given_sockets out;
  auto activated = service_manager::take_sockets();
  if (!activated) return activated.error();
  out.sockets = *std::move(activated);
  out.kept = !out.sockets.empty();
  if (!out.sockets.empty() || settings.http.handover.empty()) return out;
  auto taken = http::takeover::from(settings.http.handover);
  if (!taken) return taken.error();
  given_sockets got{taken->sockets(), false, *std::move(taken)};
  if (got.sockets.empty()) return got;
  const auto at = service_manager::look_at(got.sockets.front());
  if (!at) return at.error();
  // It moves: the other ends, but what it listens at is not ours.
  const bool same =
      at->address == settings.http.address && (settings.http.port == 0 || at->port == settings.http.port);
  if (!same) got.sockets.clear();
  return got;
}

}  // namespace

int serve(const config& given, const config_sources& given_sources) {
  config_sources sources = given_sources;
  http::raise_descriptor_limit();
  auto found = find_sockets(given);
  if (!found) return refuse(found.error().detail);
  auto first = std::make_shared<config>(given);
  if (!found->sockets.empty()) {
    // What protects the data is judged by where we really listen.
    const auto at = service_manager::look_at(found->sockets.front());
    if (!at) return refuse(at.error().detail);
    first->http.address = at->address;
    first->http.port = at->port;
    sources.flags["http.address"] = at->address;  // whatever the file says later
    sources.flags["http.port"] = std::to_string(at->port);
  }
  const std::shared_ptr<const config> settings = first;
  if (const auto why = identity::refusal_to_listen(*settings)) return refuse(*why);
  const auto who = std::make_shared<authority>(*settings);
  if (const auto tokens = who->load(); !tokens) return refuse(tokens.error().detail);

  http::tls_keeper tls{settings->http.tls};
  if (const auto certificate = tls.load(); !certificate) return refuse(certificate.error().detail);

  process shared{settings};
  api::add_pool_metrics(shared.counters, [&] { return shared.status(); });
  api::add_tile_metrics(shared.counters, *shared.tiles);
  auto sync = sync::keeper::make(settings, shared.counters);
  if (!sync) return refuse(sync.error().detail);

  http::server server{settings->http, shared.counters, who, &tls};
  server.take(found->sockets, found->kept);
  std::optional<http::handover> offer;
  const terminal from;
  reloader reloads{sources, settings, taker{shared, server, tls}, shared.reloads, shared.counters};
  server.on({.begun =
                 [&] {
                   found->from_another.done();
                   service_manager::notify("READY=1");
                 },
             .hung_up =
                 [&] {
                   if (from.closed()) return server.request_stop();
                   reloads.ask();
                 },
             .stopping =
                 [&] {
                   service_manager::notify("STOPPING=1");
                   if (offer) offer->stop();
                 }});
  const auto served = server.run([&](asio::any_io_executor executor, std::size_t index) {
    if (index == 0 && !settings->http.handover.empty()) {
      offer.emplace(
          executor, [&] { return server.sockets(); },
          [&] {
            spdlog::info("a new process has taken over");
            server.request_stop(true);
          });
      if (const auto offered = offer->offer_at(settings->http.handover); !offered)
        spdlog::error("{}; this process cannot be taken over from", offered.error().detail);
    }
    if (index == 0 && *sync) shared.sync.follow(*std::move(sync));
    return std::make_unique<grid_worker>(std::move(executor), index, shared);
  });
  if (!served) {
    spdlog::error("{}", served.error().detail);
    return 1;
  }
  return 0;
}

}  // namespace gridlight
