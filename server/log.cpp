#include "server/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <iterator>
#include <memory>
#include <mutex>

#include "server/log_text.hpp"

namespace gridlight::log {
namespace {

constexpr std::string_view access_logger_name = "access", audit_logger_name = "audit";

std::string_view level_name(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace:
      return "trace";
    case spdlog::level::debug:
      return "debug";
    case spdlog::level::info:
      return "info";
    case spdlog::level::warn:
      return "warn";
    default:
      return "error";
  }
}

// "2026-11-20T13:00:00.123Z"; the seconds' text is kept from line to line.
class clock_text {
 public:
  void append_to(std::string& out, spdlog::log_clock::time_point at) {
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
    if (ms / 1000 != second_) {
      second_ = ms / 1000;
      const std::time_t t = second_;
      std::tm utc{};
      ::gmtime_r(&t, &utc);
      text_ = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", utc.tm_year + 1900, utc.tm_mon + 1,
                          utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
    }
    fmt::format_to(std::back_inserter(out), "{}.{:03}Z", text_, ms % 1000);
  }

 private:
  std::int64_t second_ = -1;
  std::string text_;
};

// An access or audit line comes as the finished inside of its line, all else as a message to be escaped.
class line_writer {
 public:
  explicit line_writer(bool json) : json_(json) {}

  void append_to(std::string& out, const spdlog::details::log_msg& msg, bool finished) {
    const std::string_view payload{msg.payload.data(), msg.payload.size()}, level = level_name(msg.level);
    if (json_) out += "{\"time\":\"";
    time_.append_to(out, msg.time);
    out += json_ ? "\",\"level\":\"" : " ";
    out += level;
    if (json_) {
      out += "\",";
    } else {
      out.append(6 - level.size(), ' ');
    }
    if (finished) {
      out += payload;
    } else if (json_) {
      out += "\"message\":\"";
      append_escaped(out, payload, escaping::json);
      out += "\"";
    } else {
      append_escaped(out, payload, escaping::message);
    }
    out += json_ ? "}\n" : "\n";
  }

 private:
  bool json_;
  clock_text time_;
};

// One write to stderr for many access lines; any other message goes out at once, and they before it.
class stderr_sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit stderr_sink(bool json) : writer_(json) {}
  stderr_sink(const stderr_sink&) = delete;
  stderr_sink& operator=(const stderr_sink&) = delete;
  ~stderr_sink() override { write_out(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    const bool access =
        std::string_view{msg.logger_name.data(), msg.logger_name.size()} == access_logger_name;
    const bool audit = std::string_view{msg.logger_name.data(), msg.logger_name.size()} == audit_logger_name;
    writer_.append_to(buffer_, msg, access || audit);
    if (!access || buffer_.size() >= full) write_out();
  }
  void flush_() override { write_out(); }

 private:
  static constexpr std::size_t full = 32 * 1024;

  // What cannot be written for a second, or at all, is dropped: the log must not stop the server.
  void write_out() noexcept {
    const char* at = buffer_.data();
    std::size_t left = buffer_.size();
    while (left > 0) {
      const ssize_t n = ::write(STDERR_FILENO, at, left);
      if (n > 0) {
        at += n;
        left -= static_cast<std::size_t>(n);
      } else if (n < 0 && errno == EAGAIN) {
        pollfd wait{STDERR_FILENO, POLLOUT, 0};
        if (::poll(&wait, 1, 1000) <= 0) break;
      } else if (!(n < 0 && errno == EINTR)) {
        break;
      }
    }
    buffer_.clear();
  }

  line_writer writer_;
  std::string buffer_;
};

struct access_log {
  std::shared_ptr<spdlog::logger> logger;  // null before start()
  bool json = false;
};
access_log& current() {
  static access_log one;
  return one;
}
access_log& current_audit() {
  static access_log one;
  return one;
}

void json_field(std::string& out, std::string_view name, std::string_view value) {
  fmt::format_to(std::back_inserter(out), "\"{}\":\"", name);
  append_escaped(out, value, escaping::json);
  out += "\",";
}

void json_line(std::string& out, const access_entry& e) {
  out += "\"message\":\"access\",";
  json_field(out, "request_id", e.request_id);
  json_field(out, "peer", e.peer);
  json_field(out, "method", e.method);
  json_field(out, "target", e.target);
  json_field(out, "user_agent", e.user_agent);
  fmt::format_to(std::back_inserter(out),
                 "\"status\":{},\"bytes\":{},\"total_ms\":{:.3f},\"queue_ms\":{:.3f},\"db_ms\":{:.3f}",
                 e.status, e.bytes, e.total_ms, e.queue_ms, e.db_ms);
}

void text_line(std::string& out, const access_entry& e) {
  out += "access ";
  append_escaped(out, e.peer, escaping::quoted);
  out += " \"";
  append_escaped(out, e.method, escaping::quoted);
  out += " ";
  append_escaped(out, e.target, escaping::quoted);
  fmt::format_to(std::back_inserter(out), "\" {} {} B total={:.3f} queue={:.3f} db={:.3f} ms id=", e.status,
                 e.bytes, e.total_ms, e.queue_ms, e.db_ms);
  append_escaped(out, e.request_id, escaping::quoted);
  out += " agent=\"";
  append_escaped(out, e.user_agent, escaping::quoted);
  out += "\"";
}

void json_line(std::string& out, const audit_entry& e) {
  out += "\"message\":\"audit\",";
  for (const auto& [name, value] : {std::pair{"request_id", e.request_id},
                                    {"peer", e.peer},
                                    {"token", e.token},
                                    {"user", e.user},
                                    {"scope", e.scope},
                                    {"method", e.method},
                                    {"route", e.route},
                                    {"layer", e.layer}})
    json_field(out, name, value);
  fmt::format_to(std::back_inserter(out), "\"status\":{}", e.status);
  if (e.count >= 0) fmt::format_to(std::back_inserter(out), ",\"count\":{}", e.count);
}

void text_line(std::string& out, const audit_entry& e) {
  out += e.scope.empty() ? "audit refused" : "audit";
  for (const auto& [name, value] : {std::pair{"token", e.token},
                                    {"user", e.user},
                                    {"scope", e.scope},
                                    {"peer", e.peer},
                                    {"method", e.method},
                                    {"route", e.route},
                                    {"layer", e.layer}}) {
    if (value.empty()) continue;
    fmt::format_to(std::back_inserter(out), " {}=\"", name);
    append_escaped(out, value, escaping::quoted);
    out += '"';
  }
  fmt::format_to(std::back_inserter(out), " status={}", e.status);
  if (e.count >= 0) fmt::format_to(std::back_inserter(out), " count={}", e.count);
  out += " id=";
  append_escaped(out, e.request_id, escaping::quoted);
}

template <class Entry>
void write(const access_log& to, const Entry& entry) {
  if (!to.logger || !to.logger->should_log(spdlog::level::info)) return;
  std::string line;
  if (to.json) {
    json_line(line, entry);
  } else {
    text_line(line, entry);
  }
  to.logger->log(spdlog::level::info, spdlog::string_view_t{line.data(), line.size()});
}

}  // namespace

void adopt(const config::log_settings& settings) {
  const auto level = settings.level == "error" ? spdlog::level::err : spdlog::level::from_str(settings.level);
  spdlog::default_logger_raw()->set_level(level);
  const bool access = settings.access && level <= spdlog::level::info;
  current().logger->set_level(access ? spdlog::level::info : spdlog::level::off);
  current_audit().logger->set_level(settings.audit ? spdlog::level::info : spdlog::level::off);
}

void start(const config::log_settings& settings) {
  const bool json = settings.format == "json";
  const auto sink = std::make_shared<stderr_sink>(json);

  const auto messages = std::make_shared<spdlog::logger>("gridlight", sink);
  spdlog::set_default_logger(messages);

  spdlog::drop(std::string{access_logger_name});
  current() = {std::make_shared<spdlog::logger>(std::string{access_logger_name}, sink), json};
  spdlog::register_logger(current().logger);
  spdlog::drop(std::string{audit_logger_name});
  current_audit() = {std::make_shared<spdlog::logger>(std::string{audit_logger_name}, sink), json};
  spdlog::register_logger(current_audit().logger);
  adopt(settings);  // register_logger sets the global level
  spdlog::flush_every(std::chrono::seconds{1});
}

void access(const access_entry& entry) {
  write(current(), entry);
}

void audit(const audit_entry& entry) {
  write(current_audit(), entry);
}

std::string escape(std::string_view text) {
  std::string out;
  append_escaped(out, text, escaping::quoted);
  return out;
}

}  // namespace gridlight::log
