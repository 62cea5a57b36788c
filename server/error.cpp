#include "server/error.hpp"

#include <array>
#include <boost/throw_exception.hpp>
#include <stdexcept>

namespace gridlight {
namespace {

constexpr std::array table{
    error_entry{errc::bad_parameter, 400, "bad-parameter", "Bad parameter", 0},
    error_entry{errc::bad_request, 400, "bad-request", "Bad request", 0},
    error_entry{errc::unprocessable, 422, "unprocessable", "Unprocessable content", 0},
    error_entry{errc::unauthorized, 401, "unauthorized", "Unauthorized", 0},
    error_entry{errc::forbidden, 403, "forbidden", "Forbidden", 0},
    error_entry{errc::not_found, 404, "not-found", "Not found", 0},
    error_entry{errc::method_not_allowed, 405, "method-not-allowed", "Method not allowed", 0},
    error_entry{errc::body_too_large, 413, "body-too-large", "Body too large", 0},
    error_entry{errc::uri_too_long, 414, "uri-too-long", "URI too long", 0},
    error_entry{errc::head_too_large, 431, "head-too-large", "Request header fields too large", 0},
    error_entry{errc::unsupported_media_type, 415, "unsupported-media-type", "Unsupported media type", 0},
    error_entry{errc::too_many_requests, 429, "too-many-requests", "Too many requests", 1},
    error_entry{errc::request_timeout, 408, "request-timeout", "Request timeout", 0},
    error_entry{errc::not_implemented, 501, "not-implemented", "Not implemented", 0},
    error_entry{errc::http_version, 505, "http-version", "HTTP version not supported", 0},
    error_entry{errc::pool_exhausted, 503, "pool-exhausted", "Too busy", 1},
    error_entry{errc::database_unavailable, 503, "database-unavailable", "Database unavailable", 1},
    error_entry{errc::schema_mismatch, 503, "schema-mismatch", "Schema mismatch", 10},
    error_entry{errc::shutting_down, 503, "shutting-down", "Shutting down", 1},
    error_entry{errc::deadline, 504, "deadline", "Deadline exceeded", 0},
    error_entry{errc::conflict, 409, "conflict", "Conflict", 0},
    error_entry{errc::input, 422, "input", "Wrong input", 0},
    error_entry{errc::internal, 500, "internal", "Internal error", 0},
};

}  // namespace

const error_entry& describe(errc code) noexcept {
  for (const error_entry& entry : table)
    if (entry.code == code) return entry;
  return table.back();
}

std::span<const error_entry> error_table() noexcept {
  return table;
}

void throw_exception_from_error(const failure& f, const boost::source_location& where) {
  boost::throw_exception(std::logic_error{"value() of a failure: " + f.detail + " " + f.log_detail}, where);
}

}  // namespace gridlight
