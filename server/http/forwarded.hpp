#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>
#include <string>
#include <string_view>

#include "server/config.hpp"
#include "server/http/request.hpp"
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

/// What stands before a path of ours in an absolute URL: scheme, host and base path, as the client sees them.
/// A trusted proxy's X-Forwarded-Proto, -Host and -Prefix count; a value that could not stand in a URL does
/// not.
std::string base_url(const request& req, const config::http_settings& settings);

}  // namespace gridlight::http
