#pragma once

#include <chrono>
#include <string>

#include "server/config.hpp"

namespace gridlight::http {

/// The subcommand `health`, for containers and watchdogs that have no curl.
struct health_options {
  std::string url;     ///< empty: the server of this configuration, on this machine
  bool ready = false;  ///< ask /ready, not /live, where the URL names no path
  double timeout_s = 3;
};

/// The URL at which `settings` serve on this machine; errc::input when the port is any free one.
result<std::string> own_url(const config& settings);

/// Asks once, prints what came; 0: the answer was 200, 1: another or none, 2: the question makes no sense.
/// A certificate is not verified: own servers show one for the name they have outside, and no secret is sent.
int run_health(const std::string& url, const health_options& options);

}  // namespace gridlight::http
