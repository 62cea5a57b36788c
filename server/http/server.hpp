#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/error.hpp"
#include "server/http/router.hpp"
#include "server/http/tls.hpp"
#include "server/metrics.hpp"

namespace gridlight::http {

/// One thread's routes and what their handlers use (a pool, …), made on that thread's executor. Derive from
/// it, add the services as members and the routes to `routes` in the constructor. It outlives every request
/// of its thread.
class worker {
 public:
  worker() = default;
  virtual ~worker() = default;
  worker(const worker&) = delete;
  worker& operator=(const worker&) = delete;

  /// Awaited before the thread takes its first connection: until the worker can answer, or has tried for a
  /// while. Whoever connects meanwhile waits.
  virtual boost::asio::awaitable<void> ready() { co_return; }

  /// The routes of what begins from now on. Whoever took them earlier keeps those, which live as long.
  virtual std::shared_ptr<const router> current_routes() { return {std::shared_ptr<void>{}, &routes}; }

  /// Awaited when the server drains, after the thread's last request: ends what the services run in the
  /// background.
  virtual boost::asio::awaitable<void> stop() { co_return; }

  router routes;
};

/// Called once a thread, on the thread that calls run(), before any is served.
using worker_factory =
    std::function<std::unique_ptr<worker>(boost::asio::any_io_executor executor, std::size_t index)>;

/// Threads, each with an event loop, that a server of these settings runs.
std::size_t thread_count(const config::http_settings& settings);

/// The HTTP server: one io_context and one thread a core, each with a listening socket of its own on the same
/// port.
class server {
 public:
  /// \param who  says who asks; nullptr: everybody may read
  /// \param tls  loaded, when it is enabled; nullptr: plain HTTP. It must outlive the server
  server(const config::http_settings& settings, metrics& m,
         std::shared_ptr<identity::authority> who = nullptr, tls_keeper* tls = nullptr);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// What to do when something happens, on a thread that serves. Before run().
  struct hooks {
    std::function<void()> begun;     ///< all threads take connections
    std::function<void()> hung_up;   ///< SIGHUP, instead of reading certificate and tokens anew
    std::function<void()> stopping;  ///< it has been asked to end
  };
  void on(hooks h);

  /// Listening sockets to serve, instead of binding one by the settings. Before listen(), which makes copies.
  /// \param kept  somebody else keeps them, and with them who waits there, when this server ends
  void take(std::vector<int> sockets, bool kept);
  std::vector<int> sockets() const;  ///< after listen(), as long as it has not been asked to end

  /// Binds and listens, so that the port is known and connections queue. run() does it when it was not done.
  /// Fails with errc::input when the address is none or the port is taken.
  result<void> listen();
  std::uint16_t port() const noexcept;  ///< after listen()
  std::string url() const;              ///< "http://127.0.0.1:8080", or https; after listen()

  /// With a certificate or tokens, SIGHUP has them read anew, as has a change of their files, within seconds.
  /// With hooks.hung_up that decides what is done on SIGHUP.
  /// Serves until SIGTERM, SIGINT or request_stop(), then drains: accepts no more, finishes what runs, closes
  /// idle connections, awaits each worker's stop(); a second signal, or http.drain_timeout passed, ends it at
  /// once. Workers are destroyed before it returns. Call it once. What make_worker throws comes through.
  result<void> run(const worker_factory& make_worker);

  /// Begins to drain. Any thread, any number of times, from listen() on.
  /// \param for_another  who has the sockets, too, and takes what waits at them
  void request_stop(bool for_another = false);

  /// Serves by other settings from now on: whatever begins goes by them and by the workers' current_routes();
  /// what is under way keeps what it began with. Address, port and threads stay as they are. Any thread but
  /// those that serve, while run() runs.
  /// \param each  called for each worker on its thread, before; may be empty
  /// Returns when all threads have taken them; false when the server ends instead.
  bool adopt(const config::http_settings& settings, std::shared_ptr<identity::authority> who,
             std::function<void(worker&)> each);

  /// Has `work` run on the first thread, with its worker; not when the server ends before. While run() runs.
  void post(std::function<void(worker&)> work);
  bool stopping() const noexcept;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace gridlight::http
