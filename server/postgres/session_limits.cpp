// Whether a session is limited as it was to be.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <mutex>
#include <set>

#include "server/postgres/connection.hpp"

namespace gridlight::postgres {
namespace {

std::string shown(std::chrono::milliseconds time) {
  if (time.count() == 0) return "0 (none)";
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000)
                                  : fmt::format("{} ms", time.count());
}

}  // namespace

std::string difference(const connect_options& wanted, const session_limits& found) {
  std::string out;
  const auto compare = [&](std::string_view name, std::chrono::milliseconds meant,
                           std::chrono::milliseconds is) {
    const bool looser = meant.count() > 0 && (is.count() == 0 || is > meant);
    if (wanted.pooled ? !looser : is == meant) return;
    out += fmt::format("{}{} is {}, not {}", out.empty() ? "" : ", ", name, shown(is), shown(meant));
  };
  compare("statement_timeout", wanted.statement_timeout, found.statement);
  compare("idle_in_transaction_session_timeout", wanted.idle_in_transaction_timeout,
          found.idle_in_transaction);
  compare("lock_timeout", wanted.lock_timeout, found.lock);
  if (out.empty()) return out;
  return "sessions are not limited as configured: " + out +
         (wanted.pooled ? "; behind a pooler the role has to set them" : "; the connection's options do");
}

void warn_of_limits(std::string_view whose, const std::string& sentence) {
  if (sentence.empty()) return;
  static std::mutex lock;
  static std::set<std::string> told;
  const std::string line = fmt::format("{}: {}", whose, sentence);
  {
    const std::lock_guard guard{lock};
    if (!told.insert(line).second) return;
  }
  spdlog::warn("{}", line);
}

}  // namespace gridlight::postgres
