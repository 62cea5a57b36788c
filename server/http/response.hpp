#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/error.hpp"
#include "server/http/stream.hpp"

namespace gridlight::http {

namespace content_type {
inline constexpr std::string_view json = "application/json", geojson = "application/geo+json",
                                  columns = "application/vnd.gridlight.columns+json",
                                  tile = "application/vnd.mapbox-vector-tile",
                                  problem = "application/problem+json", html = "text/html; charset=utf-8",
                                  text = "text/plain; charset=utf-8",
                                  prometheus = "text/plain; version=0.0.4; charset=utf-8",
                                  events = "text/event-stream";
}

/// What a handler gives back. The session adds Content-Length, Date, X-Request-ID, Server-Timing, CORS, Vary,
/// compression, and turns it into 304 when `etag` matches If-None-Match.
struct response {
  int status = 200;
  std::string_view type = content_type::json;  ///< a constant
  std::string body;
  std::shared_ptr<const std::string> shared;  ///< when set, sent instead of `body` (cached bytes)
  /// The body with gzip, for clients that take it; null: none. Without `shared` it is unpacked for others.
  std::shared_ptr<const std::string> packed;
  std::shared_ptr<const std::string> brotli;  ///< the same with brotli, which is never made here; null: none
  std::shared_ptr<stream> live;               ///< when set, sent instead of a body for as long as it is open
  std::string etag;                           ///< without quotes; empty: none. Strong per encoding
  bool varies_by_accept = false;              ///< another Accept may get another form
  std::string cache_control = "no-cache";
  std::vector<std::pair<std::string, std::string>> headers;  ///< anything else, such as Gridlight-Version

  std::string_view bytes() const noexcept {
    return shared ? std::string_view{*shared} : std::string_view{body};
  }
};

/// RFC 9457 answer of a failure: type, title, status, detail, parameter, request_id; Retry-After from the
/// table.
response problem(const failure& f, std::string_view request_id);

}  // namespace gridlight::http
