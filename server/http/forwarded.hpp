#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>
#include <string_view>

#include "server/identity/networks.hpp"

namespace gridlight::http {

/// Who asks, when trusted proxies stand between: the last address of X-Forwarded-For that is no trusted
/// proxy's, for what stands before it anybody may have written. `peer` when the header says nothing usable.
/// \param forwarded  the header's value, a list; several headers joined by commas
/// \pre `peer` is trusted
boost::asio::ip::address client_of(std::string_view forwarded, const boost::asio::ip::address& peer,
                                   const identity::networks& trusted);

/// The same of a request's headers.
boost::asio::ip::address client_of(const boost::beast::http::fields& headers,
                                   const boost::asio::ip::address& peer, const identity::networks& trusted);

}  // namespace gridlight::http
