#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/error.hpp"

namespace gridlight::http {

struct head_limits {
  std::size_t max_line = 8 * 1024;   ///< of the request line: beyond it 414
  std::size_t max_head = 16 * 1024;  ///< of the whole head: beyond it 431
  std::size_t max_fields = 100;      ///< beyond it 431
};

/// How a request is framed, by its head alone.
struct framing {
  bool http_1_1 = true;
  bool keep_alive = true;         ///< what the client asked for, by version and Connection
  bool expects_continue = false;  ///< Expect: 100-continue, of HTTP/1.1
  bool chunked = false;
  std::optional<std::uint64_t> content_length;

  bool has_body() const noexcept { return chunked || content_length.value_or(0) > 0; }
};

/// What the bytes at the start of a connection's buffer are.
struct head {
  enum class state : std::uint8_t { need_more, complete, refused };
  state is = state::need_more;
  std::size_t skip = 0;    ///< empty lines before the request line, to be left out
  std::size_t length = 0;  ///< of the head after those, with the empty line that ends it
  framing frame;
  errc code = errc::bad_request;  ///< when refused; the connection is of no further use
  std::string_view reason;        ///< when refused: a constant sentence for the client
};

/// Checks a request's head as RFC 9112 has it, strictly: what two servers could read in two ways is refused,
/// so that nothing can be smuggled past a proxy. Refuses bare CR or LF, obs-fold, space before a colon,
/// control characters, a missing, doubled or malformed Host, a Transfer-Encoding other than `chunked`, one
/// with a Content-Length or in HTTP/1.0, a doubled, listed, signed or overflowing Content-Length, CONNECT and
/// Upgrade (501), and versions other than 1.0 and 1.1 (505). Pure; says need_more until the empty line is
/// there, but refuses as early as it can.
///
/// An Upgrade to h2c alone is not refused but ignored, and the request is answered in HTTP/1.1, as RFC 9110,
/// 7.8 allows: clients offer it unasked with whatever they send (Java's HttpClient, curl --http2) and mean
/// what they say in HTTP/1.1. Who offers any other protocol with it, or another one, is refused. In HTTP/1.0
/// the field must be ignored, whatever it names.
head check_head(std::string_view bytes, const head_limits& limits = {}) noexcept;

}  // namespace gridlight::http
