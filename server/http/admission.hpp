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
#include "server/http/response_writer.hpp"
#include "server/http/router.hpp"
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
  session_services(const config::http_settings& s, const router& r, metrics& m, live_counts& l, visitors& v,
                   const identity::authority* a, const tls_keeper* t)
      : settings(s),
        routes(r),
        live(l),
        visits(v),
        who(a),
        tls(t),
        proxies(s.trusted_proxies),
        counted(m, r.routes()),
        writer(s, a) {}

  const config::http_settings& settings;
  const router& routes;
  live_counts& live;
  visitors& visits;
  const identity::authority* who;    ///< nullptr: everybody may read
  const tls_keeper* tls;             ///< nullptr: plain HTTP is spoken
  const identity::networks proxies;  ///< http.trusted_proxies
  request_metrics counted;
  response_writer writer;
  request_id_maker ids;
  failure_log failures;
  bool draining = false;
  session* first = nullptr;            ///< the open ones, as a list through them
  waiting_list waiting;                ///< without a whole request, or lingering; the longest first
  std::function<void()> on_last_gone;  ///< called when a session ends and none is left
};

/// One request on its way through a session.
struct exchange {
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
inline std::size_t body_cap(const exchange& x, const config::http_settings& settings) {
  return std::min(x.found->max_body, settings.max_body_bytes);
}

}  // namespace gridlight::http
