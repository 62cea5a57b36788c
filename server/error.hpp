#pragma once

#include <boost/system/result.hpp>
#include <span>
#include <string>
#include <string_view>

namespace gridlight {

// g++ 12 says that the scoped `deadline` hides the type of that name, when it has seen the type before.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
/// Everything that can go wrong with a request. Starts at 1: 0 would read as success in an error_code.
/// Each value has one line in the table of error.cpp, which is where an error becomes an HTTP status.
enum class errc {
  bad_parameter = 1,   ///< a query or path parameter: missing, doubled, unknown, malformed, out of range
  bad_request,         ///< malformed HTTP or body that is no JSON
  unprocessable,       ///< a well-formed body that cannot be used (an invalid geometry)
  unauthorized,        ///< a token is needed
  forbidden,           ///< the token does not allow it
  not_found,           ///< no such path, layer or feature
  method_not_allowed,  ///< the path exists, the method does not
  body_too_large,      ///< beyond the route's cap
  uri_too_long,        ///< request line beyond the cap
  head_too_large,      ///< header section beyond the cap
  unsupported_media_type,
  too_many_requests,     ///< beyond http.rate_limit: 429 + Retry-After
  request_timeout,       ///< the client was too slow in sending
  not_implemented,       ///< a method or transfer coding this server does not know
  http_version,          ///< neither HTTP/1.0 nor HTTP/1.1
  pool_exhausted,        ///< no Postgres connection came free in time: 503 + Retry-After
  database_unavailable,  ///< Postgres cannot be reached or is starting up: 503 + Retry-After
  schema_mismatch,       ///< tables or columns are not what the catalog says: 503
  shutting_down,         ///< the server drains: 503
  deadline,              ///< the request's time is up, or SQLSTATE 57014: 504
  conflict,              ///< a command refused because of the state it found (never sent by HTTP lookups)
  input,                 ///< a command's input is wrong (files, configuration)
  internal,              ///< a bug or an unexpected SQLSTATE: 500
};
#pragma GCC diagnostic pop

/// One line of the table.
struct error_entry {
  errc code;
  int status;              ///< HTTP status
  std::string_view slug;   ///< last segment of the problem's type, and the label `kind` of the metric
  std::string_view title;  ///< RFC 9457 title
  int retry_after_s;       ///< seconds for Retry-After; 0: no such header
};

/// \throws never; every errc is in the table (a test walks it).
const error_entry& describe(errc code) noexcept;
std::span<const error_entry> error_table() noexcept;

/// An expected failure. `detail` and `parameter` may be shown to a client; `log_detail` (SQL text, server
/// messages, file names) goes to the log alone.
struct failure {
  errc code;
  std::string detail;
  std::string parameter = {};  ///< name of the parameter at fault, or empty
  std::string log_detail = {};
};

/// A value or a failure; what may fail in an expected way returns this instead of throwing.
template <class T>
using result = boost::system::result<T, failure>;

/// Called by result<T>::value() on a failure: asking a failure for its value is a bug.
[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

}  // namespace gridlight
