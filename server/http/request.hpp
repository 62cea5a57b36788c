#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/verb.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "server/deadline.hpp"
#include "server/identity/scope.hpp"
#include "server/postgres/pool.hpp"

namespace gridlight::http {

/// Where a request's time went, in milliseconds; becomes Server-Timing.
struct request_timing {
  postgres::query_timing postgres;  ///< queue, db
  double encode_ms = 0;
  double cache_ms = 0;
};

struct query_parameter {
  std::string name, value;  ///< percent-decoded, valid UTF-8
};

/// What of a request the audit log tells, and what the access log leaves out. Filled by the handler.
struct request_audit {
  std::string layer;          ///< the layer asked about
  bool saw_personal = false;  ///< the answer holds what only scope personal sees
  bool hide_values = false;   ///< the layer has personal data: the log gets no values of the query
  std::int64_t count = -1;    ///< rows answered; -1: unknown
};

/// One request as handlers see it. Made by the session, which has checked framing, encoding and sizes.
struct request {
  boost::beast::http::verb method =
      boost::beast::http::verb::get;     ///< HEAD comes as get; the session drops the body
  std::string target;                    ///< as sent, for logs
  std::string path;                      ///< percent-decoded, no query
  std::vector<query_parameter> query;    ///< in order, duplicates kept
  std::vector<std::string> path_values;  ///< what stood at the route's {names}, in order, decoded
  boost::beast::http::fields headers;
  std::string body;
  std::string id;  ///< X-Request-ID: taken over when well-formed, else made
  boost::asio::ip::address peer;
  bool secure = false;      ///< came through TLS of ours
  bool from_proxy = false;  ///< a trusted one: its X-Forwarded-* count
  identity::caller who;
  postgres::urgency rank() const noexcept {
    return who.priority ? postgres::urgency::priority : postgres::urgency::ordinary;
  }
  deadline until{};
  request_timing timing;  ///< filled by the handler
  /// A hash of what is configured and decides the answer; for its ETag. Filled by the handler.
  std::uint64_t configured = 0;
  /// version_store::mark(), for the same. Filled before the handler.
  std::uint64_t mark = 0;
  request_audit audit;
};

}  // namespace gridlight::http
