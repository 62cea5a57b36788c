#pragma once

#include <boost/beast/http/fields.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace gridlight::http {

enum class coding : std::uint8_t { identity, gzip, brotli };

/// What stands after an entity tag's text in each coding, so that a strong tag is one of bytes.
constexpr std::string_view etag_suffix(coding c) noexcept {
  return c == coding::gzip ? "-gzip" : c == coding::brotli ? "-br" : "";
}

/// The coding that Accept-Encoding prefers of those we have; identity when absent, malformed, or when nothing
/// else is acceptable (RFC 9110, 12.5.3). Brotli wins a draw, then gzip.
/// \param has_brotli  we have that, too
coding preferred_coding(const boost::beast::http::fields& headers, bool has_brotli = false);

/// Which of `offered` media types Accept prefers: by weight, then by how exactly it is named, then by its
/// place. The first when Accept is absent or takes none of them (RFC 9110, 12.5.1). \pre offered is not empty
std::size_t preferred_type(const boost::beast::http::fields& headers,
                           std::span<const std::string_view> offered);

/// If-None-Match is there.
bool asks_whether_changed(const boost::beast::http::fields& headers);

/// The coding whose tag of `etag` (without quotes) If-None-Match lists, compared weakly; "*" matches any.
std::optional<coding> none_match(const boost::beast::http::fields& headers, std::string_view etag);

}  // namespace gridlight::http
