#include "server/http/failure_log.hpp"

#include <spdlog/spdlog.h>

namespace gridlight::http {
namespace {

constexpr auto window = std::chrono::seconds{1};

}  // namespace

void failure_log::tell(const failure& f, std::string_view request_id, steady::time_point now) {
  const error_entry& entry = describe(f.code);
  if (entry.status < 500 || f.code == errc::shutting_down) return;
  if (f.code == errc::internal) {
    spdlog::error("request {}: {}: {} {}", request_id, entry.slug, f.detail, f.log_detail);
    return;
  }
  kind& k = kinds_.at(static_cast<std::size_t>(f.code));
  if (now - k.since >= window) {
    close(k, entry.slug);
    k.since = now;
  }
  if (++k.lines <= lines_a_second)
    spdlog::warn("request {}: {}: {} {}", request_id, entry.slug, f.detail, f.log_detail);
}

void failure_log::settle(steady::time_point now) {
  for (std::size_t i = 1; i < kinds_.size(); ++i)
    if (kinds_[i].lines > lines_a_second && now - kinds_[i].since >= window)
      close(kinds_[i], describe(static_cast<errc>(i)).slug);
}

void failure_log::close(kind& k, std::string_view slug) {
  if (k.lines > lines_a_second)
    spdlog::warn("requests: {}: {} more within a second", slug, k.lines - lines_a_second);
  k.lines = 0;
}

}  // namespace gridlight::http
