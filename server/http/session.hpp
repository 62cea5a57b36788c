#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "server/config.hpp"
#include "server/http/head_gate.hpp"
#include "server/http/read_buffer.hpp"
#include "server/http/request_id.hpp"
#include "server/http/request_metrics.hpp"
#include "server/http/response_writer.hpp"
#include "server/http/router.hpp"

namespace gridlight::http {

class session;

/// What the sessions of one thread share.
struct session_services {
  session_services(const config::http_settings& s, const router& r, metrics& m, live_counts& l)
      : settings(s), routes(r), live(l), counted(m, r.routes()), writer(s) {}

  const config::http_settings& settings;
  const router& routes;
  live_counts& live;
  request_metrics counted;
  response_writer writer;
  request_id_maker ids;
  bool draining = false;
  session* first = nullptr;            ///< the open ones, as a list through them
  std::function<void()> on_last_gone;  ///< called when a session ends and none is left
};

/// One connection: reads requests, has them handled one after the other, writes the answers. Kept alive by
/// its coroutine and its timer. Never leaves its thread.
class session : public std::enable_shared_from_this<session> {
 public:
  using executor = boost::asio::io_context::executor_type;
  using socket_type = boost::asio::ip::tcp::socket::rebind_executor<executor>::other;

  /// \param services  must outlive all sessions
  static void start(socket_type socket, const boost::asio::ip::address& peer, session_services& services);
  session(socket_type socket, const boost::asio::ip::address& peer, session_services& services);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// services.draining was set: closes when idle, else after the answer that is under way.
  void drain();
  session* next() const noexcept { return next_; }

 private:
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using timer_type = boost::asio::basic_waitable_timer<steady, boost::asio::wait_traits<steady>, executor>;
  enum class outcome { good, closed, timed_out };

  // One request on its way through.
  struct exchange {
    framing frame;
    request req;
    std::string_view method = "-";  // as sent, for the log
    const route* found = nullptr;
    answer_terms terms;
    steady::time_point started = steady::now();
    bool unread = false;  // a body was not read, so the connection cannot go on
    bool gone = false;    // the client left
  };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<void> serve();
  boost::asio::awaitable<outcome> read_head(head& gate);
  boost::asio::awaitable<outcome> read_some();
  boost::asio::awaitable<bool> answer(head gate);
  boost::asio::awaitable<bool> refuse(errc code, std::string_view reason);
  std::optional<response> admit(exchange& x, parser& p, std::string_view head_text);
  std::optional<response> route_request(exchange& x, std::string_view path);
  std::optional<response> check_body(exchange& x);
  boost::asio::awaitable<std::optional<response>> read_body(exchange& x, parser& p);
  boost::asio::awaitable<response> handle(exchange& x);
  boost::asio::awaitable<bool> reply(exchange& x, response& res);
  boost::asio::awaitable<bool> write_rest(std::array<boost::asio::const_buffer, 2> parts,
                                          std::size_t written);
  void account(const exchange& x, int status, std::size_t bytes);
  boost::asio::awaitable<void> linger();
  void set_deadline(deadline until);
  void arm(deadline until);

  session_services& services_;
  socket_type socket_;
  timer_type timer_;
  boost::asio::ip::address peer_;
  std::string peer_text_;
  read_buffer buffer_;
  std::string head_out_;
  // One timer bounds whatever the session waits for. Moving its deadline further away, which every request
  // does, is a store; the timer finds out when it fires.
  deadline until_ = deadline::max(), armed_ = deadline::max();
  bool timed_out_ = false;
  bool idle_ = true;         // between requests: nothing of the next one has come
  steady::time_point last_;  // end of the last answer
  session *next_, *previous_ = nullptr;
};

}  // namespace gridlight::http
