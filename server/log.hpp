#pragma once

#include <string>
#include <string_view>

#include "server/config.hpp"

namespace gridlight::log {

/// Sets level and format (text or one JSON object a line, to stderr) for the whole process. Messages pass through
/// spdlog's default logger (spdlog::info …); control characters of every message are escaped by the formatter.
void start(const config::log_settings& settings);

/// What the access log says of one request.
struct access_entry {
  std::string_view request_id, peer, method, target;   ///< target as sent; escaped here
  int status = 0;
  std::size_t bytes = 0;
  double total_ms = 0, queue_ms = 0, db_ms = 0;
  std::string_view user_agent;
};
void access(const access_entry& entry);

/// `text` with control characters, DEL, quotes, backslashes and bytes that are no UTF-8 as \xHH escapes.
std::string escape(std::string_view text);

}  // namespace gridlight::log
