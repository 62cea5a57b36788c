#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "server/http/server.hpp"
#include "server/http/session.hpp"

namespace gridlight::http {

/// One thread's event loop, listening socket, sessions and worker.
class loop {
 public:
  using settings_pointer = std::shared_ptr<const config::http_settings>;

  loop(settings_pointer settings, live_counts& live, visitors& visits);
  ~loop() { finish(); }
  loop(const loop&) = delete;
  loop& operator=(const loop&) = delete;

  /// \throws boost::system::system_error
  void listen(const boost::asio::ip::tcp::endpoint& at);
  /// Takes a copy of a listening socket. \param kept  by somebody else when this ends
  /// \throws boost::system::system_error
  void listen(int socket, bool kept);
  boost::asio::ip::tcp::endpoint endpoint() const { return acceptors_.front().local_endpoint(); }
  std::vector<int> sockets();
  boost::asio::io_context& io() noexcept { return io_; }

  /// \param begun  called on the loop's thread when connections are taken
  void prepare(const worker_factory& make_worker, std::size_t index, metrics& m,
               std::shared_ptr<const identity::authority> who, const tls_keeper* tls,
               std::function<void()> begun);
  /// Serves what begins from now on by these, and by the worker's routes as they are then. On its thread.
  void adopt(settings_pointer settings, std::shared_ptr<const identity::authority> who, metrics& m);
  worker& own_worker() noexcept { return *worker_; }
  void run();
  /// After run(): ends what was cut off, then the worker.
  void finish();
  /// Any thread. \param for_another  somebody else goes on with the sockets, and takes what waits at them
  void drain_soon(bool for_another = false);

 private:
  // What is left when a loop is forced to stop are suspended coroutines; shutdown destroys them while the
  // worker that they use still lives.
  struct stoppable_context : boost::asio::io_context {
    stoppable_context() : boost::asio::io_context{1} {}
    using boost::asio::io_context::shutdown;
  };
  using acceptor_type = boost::asio::ip::tcp::acceptor::rebind_executor<session::executor>::other;

  boost::asio::awaitable<void> begin(std::function<void()> begun);
  boost::asio::awaitable<void> accept(acceptor_type& from);
  void close_door(bool for_another);
  void accept_failed(const boost::system::error_code& why);
  void accept_works();
  boost::asio::awaitable<void> look_around();
  boost::asio::awaitable<void> drain(bool for_another);
  void admit(session::socket_type socket, boost::asio::ip::address peer);
  bool may_enter(const boost::asio::ip::address& peer, bool& counted);

  settings_pointer settings_;
  live_counts& live_;
  visitors& visits_;
  stoppable_context io_;
  std::list<acceptor_type> acceptors_;
  bool kept_ = false;  // the sockets are somebody else's, too
  boost::asio::steady_timer all_gone_, force_;
  std::unique_ptr<worker> worker_;
  std::optional<session_services> services_;
  steady::time_point told_{};                      // of the last line about accepting
  std::optional<steady::time_point> stuck_since_;  // no descriptor is to be had
};

}  // namespace gridlight::http
