#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace gridlight::bench {

/// What the user gave is wrong, or the server is not what it should be; the text says what and what to do.
struct usage_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The server under load.
struct target {
  bool tls = false;
  std::string host, port;  ///< host without the brackets of an IPv6 address
  std::string prefix;      ///< path in front of every request's, without a slash at its end
  std::string authority;   ///< as in the Host field

  std::string url() const { return (tls ? "https://" : "http://") + authority + prefix; }
};

/// \throws usage_error  no http(s) URL, or one with a query, fragment or user
target parse_target(std::string_view url);

/// "500ms", "20s", "2m" or a plain number of seconds. \throws usage_error naming `what`
double parse_seconds(std::string_view text, std::string_view what);

}  // namespace gridlight::bench
