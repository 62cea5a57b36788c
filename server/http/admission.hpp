#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/intrusive/list.hpp>
#include <functional>
#include <optional>
#include <string_view>

#include "server/config.hpp"
#include "server/http/failure_log.hpp"
#include "server/http/head_gate.hpp"
#include "server/http/request_id.hpp"
#include "server/http/request_metrics.hpp"
#include "server/http/serving.hpp"
#include "server/http/tls.hpp"
#include "server/http/visitors.hpp"

namespace gridlight::http {

class session;
struct waiting_tag;
using waiting_hook =
    boost::intrusive::list_base_hook<boost::intrusive::tag<waiting_tag>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using waiting_list = boost::intrusive::list<waiting_hook, boost::intrusive::base_hook<waiting_hook>,
                                            boost::intrusive::constant_time_size<false>>;

/// What the sessions of one thread share.
struct session_services {
  session_services(std::shared_ptr<serving> by, live_counts& l, visitors& v, const tls_keeper* t)
      : now(std::move(by)), live(l), visits(v), tls(t) {}

  std::shared_ptr<serving> now;  ///< by which requests that begin are served
  live_counts& live;
  visitors& visits;
  const tls_keeper* tls;  ///< nullptr: plain HTTP is spoken
  request_id_maker ids;
  failure_log failures;
  bool draining = false;
  deadline idle_until = deadline::max();  ///< while it drains: for the next request of who has asked before
  session* first = nullptr;               ///< the open ones, as a list through them
  waiting_list waiting;                   ///< without a whole request, or lingering; the longest first
  std::function<void()> on_last_gone;     ///< called when a session ends and none is left
};

/// One request on its way through a session.
struct exchange {
  explicit exchange(std::shared_ptr<serving> b) : by(std::move(b)) {}

  std::shared_ptr<serving> by;
  framing frame;
  request req;
  std::string_view method = "-";  ///< as sent, for the log
  const route* found = nullptr;
  boost::asio::ip::address client;  ///< req.peer, or whom a trusted proxy names
  answer_terms terms;
  steady::time_point started = steady::now();
  bool from_proxy = false;     ///< a trusted one
  bool unread = false;         ///< a body was not read, so the connection cannot go on
  bool gone = false;           ///< the client left
  bool token_refused = false;  ///< or a user
  bool handled = false;        ///< a handler was called
};

/// Fills x.req from a head that passed the gate, finds its route and who asks. Returns the answer when it
/// cannot go on to the body and a handler: 400, 401, 403, 404, 405, 413 by Content-Length, 429, 501, and that
/// of OPTIONS.
std::optional<response> admit(exchange& x, std::string_view head_text, session_services& services);

/// The longest body that the request's route takes.
inline std::size_t body_cap(const exchange& x) {
  return std::min(x.found->max_body, x.by->settings.max_body_bytes);
}

}  // namespace gridlight::http
