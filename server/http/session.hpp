#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/http/admission.hpp"
#include "server/http/chunked_body.hpp"
#include "server/http/read_buffer.hpp"
#include "server/http/tls_stream.hpp"

namespace gridlight::http {

/// One connection, plain or through TLS: reads requests, has them handled one after the other, writes the
/// answers. Kept alive by its coroutine and its timer. Never leaves its thread.
class session : public std::enable_shared_from_this<session>, public waiting_hook {
 public:
  using executor = boost::asio::io_context::executor_type;
  using socket_type = boost::asio::ip::tcp::socket::rebind_executor<executor>::other;

  /// \param counted   services.visits let it enter; it leaves with the session
  /// \param services  must outlive all sessions
  static void start(socket_type socket, const boost::asio::ip::address& peer, bool counted,
                    session_services& services);
  session(socket_type socket, const boost::asio::ip::address& peer, bool counted, session_services& services);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// services.draining was set: closes when idle, else after the answer that is under way.
  void drain();
  /// Closes the connection that has waited longest, a second or more, for a request to come whole or for its
  /// client to close after the last answer, for another one to have its place. False when there is none.
  static bool make_room(session_services& services);
  /// Ends the work on a request whose client has hung up in the meantime, and the query with it. A client
  /// that only closed its own direction cannot be told from one that has gone.
  void look_for_hang_up();
  bool handling_since_before(steady::time_point t) const noexcept { return handling_since_ < t; }
  session* next() const noexcept { return next_; }

 private:
  using timer_type = boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>, executor>;
  enum class outcome { good, closed, timed_out };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> shake_hands();
  bool bytes_waiting();
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<outcome> read_head(head& gate);
  boost::asio::awaitable<outcome> read_some();
  boost::asio::awaitable<bool> answer(head gate);
  boost::asio::awaitable<bool> refuse(errc code, std::string_view reason);
  boost::asio::awaitable<std::optional<response>> read_body(exchange& x);
  std::optional<response> take_body(exchange& x, chunked_body& chunks);
  boost::asio::awaitable<response> handle(exchange& x);
  boost::asio::awaitable<bool> reply(exchange& x, response& res);
  boost::asio::awaitable<bool> broadcast(exchange& x, response& res);
  boost::asio::awaitable<bool> send_stream(stream& from, bool chunked, std::size_t& bytes);
  boost::asio::awaitable<bool> send_piece(std::string_view text);
  void watch_reader();
  void end_stream();
  bool drop_incoming();
  boost::asio::awaitable<bool> write_rest(std::array<boost::asio::const_buffer, 2> parts,
                                          std::size_t written);
  void cut_off();
  void done(const exchange& x, int status, std::size_t bytes);
  boost::asio::awaitable<void> linger();
  void set_deadline(deadline until);
  void arm(deadline until);

  session_services& services_;
  socket_type socket_;
  std::unique_ptr<tls_stream> tls_;  // over socket_; null: plain
  timer_type timer_;
  boost::asio::ip::address peer_;
  const bool counted_, from_proxy_;
  const std::size_t max_head_;  // of the settings when it came: the buffer is made for it
  std::string peer_text_;
  read_buffer buffer_;
  std::string head_out_;
  // One timer bounds whatever the session waits for. Moving its deadline further away, which every request
  // does, is a store; the timer finds out when it fires.
  deadline until_ = deadline::max(), armed_ = deadline::max();
  bool timed_out_ = false;
  bool idle_ = true;  // between requests: nothing of the next one has come
  stream* streaming_ = nullptr;
  bool gone_ = false;        // the client, in the middle of its request
  steady::time_point last_;  // end of the last answer, or when the connection came
  steady::time_point handling_since_ = steady::time_point::max();
  boost::asio::cancellation_signal hang_up_;
  session *next_, *previous_ = nullptr;
};

}  // namespace gridlight::http
