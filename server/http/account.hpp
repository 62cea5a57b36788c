#pragma once

#include <boost/asio/ip/address.hpp>
#include <string_view>

#include "server/deadline.hpp"
#include "server/http/admission.hpp"

namespace gridlight::http {

/// What became of a request, and over which connection. Refers to what the session keeps.
struct answered {
  int status;
  std::size_t bytes;  ///< of the body, as sent
  const boost::asio::ip::address& peer;
  std::string_view peer_text;
  steady::time_point at;
  steady::time_point begun;  ///< of a stream: when its head was sent; else as `at`
};

/// Tells metrics and access log of a request that is over, and the audit log when it concerns it: personal
/// data was seen, something was to be written, or a token was refused. Values of queries that no handler has
/// seen, or that are personal, stay out of the log.
void account(const exchange& x, const answered& a, request_metrics& counted);

}  // namespace gridlight::http
