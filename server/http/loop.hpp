#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "server/http/server.hpp"
#include "server/http/session.hpp"

namespace gridlight::http {

/// One thread's event loop, listening socket, sessions and worker.
class loop {
 public:
  loop(const config::http_settings& settings, live_counts& live, visitors& visits);
  ~loop() { finish(); }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  /// \throws boost::system::system_error
  void listen(const boost::asio::ip::tcp::endpoint& at);
  boost::asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  boost::asio::io_context& io() noexcept { return io_; }

  void prepare(const worker_factory& make_worker, std::size_t index, metrics& m,
               const identity::authority* who, const tls_keeper* tls);
  void run();
  /// After run(): ends what was cut off, then the worker.
  void finish();
  /// Any thread.
  void drain_soon();

 private:
  // What is left when a loop is forced to stop are suspended coroutines; shutdown destroys them while the
  // worker that they use still lives.
  struct stoppable_context : boost::asio::io_context {
    stoppable_context() : boost::asio::io_context{1} {}
    using boost::asio::io_context::shutdown;
  };
  using acceptor_type = boost::asio::ip::tcp::acceptor::rebind_executor<session::executor>::other;

  boost::asio::awaitable<void> accept();
  void accept_failed(const boost::system::error_code& why);
  void accept_works();
  boost::asio::awaitable<void> look_around();
  boost::asio::awaitable<void> drain();
  void admit(session::socket_type socket, boost::asio::ip::address peer);
  bool may_enter(const boost::asio::ip::address& peer, bool& counted);

  const config::http_settings& settings_;
  live_counts& live_;
  visitors& visits_;
  stoppable_context io_;
  acceptor_type acceptor_;
  boost::asio::steady_timer all_gone_, force_;
  std::unique_ptr<worker> worker_;
  std::optional<session_services> services_;
  steady::time_point told_{};                      // of the last line about accepting
  std::optional<steady::time_point> stuck_since_;  // no descriptor is to be had
};

}  // namespace gridlight::http
