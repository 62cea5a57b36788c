#pragma once

#include <string>
#include <string_view>

#include "server/config.hpp"

namespace gridlight::log {

/// Sets level and format (text or one JSON object a line, to stderr) for the whole process; call it before
/// threads start. Messages pass through spdlog's default logger (spdlog::info …); control characters of every
/// message are escaped by the formatter, so that none forges a line or moves a terminal's cursor. A message
/// is written at once; access lines are collected for at most a second, or until the next message.
void start(const config::log_settings& settings);
/// Another level, and whether access and audit lines are written. Any thread.
void adopt(const config::log_settings& settings);

/// What the access log says of one request.
struct access_entry {
  std::string_view request_id, peer, method, target;  ///< target as sent; escaped here
  int status = 0;
  std::size_t bytes = 0;
  double total_ms = 0, queue_ms = 0, db_ms = 0;
  std::string_view user_agent;
};
/// One line at level info; nothing before start(), with log.access off, or with a level above info. Any
/// thread.
void access(const access_entry& entry);

/// What the audit log says of one request.
struct audit_entry {
  std::string_view request_id, peer;
  std::string_view token, user;  ///< names; empty: none
  std::string_view scope;        ///< that was used; empty: the request was refused
  std::string_view method, route, layer;
  int status = 0;
  std::int64_t count = -1;  ///< rows answered; -1: unknown
};
/// One line, written at once, whatever the level; nothing before start() or with log.audit off. Any thread.
void audit(const audit_entry& entry);

/// `text` with control characters, DEL, quotes, backslashes and bytes that are no UTF-8 as \xHH escapes.
std::string escape(std::string_view text);

}  // namespace gridlight::log
