#include "api/stale.hpp"

#include <chrono>

namespace gridlight::api {
namespace {

std::chrono::milliseconds age_of(const version_store& versions) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - versions.asked_at());
}

}  // namespace

bool database_away(errc code) noexcept {
  return code == errc::database_unavailable || code == errc::pool_exhausted || code == errc::deadline;
}

bool may_be_stale(const services& s) {
  return s.versions != nullptr && age_of(*s.versions) < s.settings.limits.stale_for;
}

void label_stale(const services& s, http::response& out) {
  out.headers.emplace_back("Gridlight-Stale", std::to_string(age_of(*s.versions).count() / 1000));
}

}  // namespace gridlight::api
