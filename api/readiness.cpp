#include "api/readiness.hpp"

#include <algorithm>

#include "server/schema_version.hpp"

namespace gridlight::api {
namespace {

constexpr std::chrono::seconds patience{1};

const postgres::statement& newest_migration() {
  static const postgres::statement s{
      "SELECT max(version) FROM gridlight.schema_migration", {}, {postgres::oid::int4}};
  return s;
}

// Attached layers need nothing of ours in the database.
bool needs_schema(const config& settings) {
  return std::any_of(settings.layers.begin(), settings.layers.end(),
                     [](const layer_config& l) { return l.mode != layer_mode::attached; });
}

void judge(readiness& out, int wanted) {
  using kind = schema_verdict::kind;
  schema_verdict schema = judge_schema(out.schema_version, wanted);
  const bool served = schema.is == kind::right || schema.is == kind::older || schema.is == kind::newer;
  (served ? out.warning : out.reason) = std::move(schema.text);
}

}  // namespace

boost::asio::awaitable<readiness> check_readiness(services& s, deadline until) {
  readiness out;
  const auto start = steady::now();
  postgres::query_timing timing;
  const postgres::arguments none;
  const auto rows = co_await s.pool.query(postgres::lane::admin, newest_migration(), none,
                                          std::min(until, start + patience), timing, postgres::share::yes);
  out.database_ms = ms_since(start);
  const bool refused = !rows && rows.error().log_detail.starts_with("42501");
  if (!rows && rows.error().code != errc::schema_mismatch) {
    out.reason = rows.error().code == errc::deadline || rows.error().code == errc::pool_exhausted
                     ? "the database did not answer within a second"
                     : "the database cannot be reached";
    out.retry_after_s = describe(errc::database_unavailable).retry_after_s;
    co_return out;
  }
  out.database = true;
  if (rows && rows->rows() > 0 && !rows->is_null(0, 0))
    out.schema_version = static_cast<int>(rows->integer(0, 0));
  if (refused && needs_schema(s.settings))
    out.reason = "this program's role may not read the gridlight schema; see gridlight check";
  else if (out.schema_version || needs_schema(s.settings))
    judge(out, s.schema_version);
  out.retry_after_s = describe(errc::schema_mismatch).retry_after_s;
  if (out.reason.empty() && !s.layers.get()) {
    out.reason = "the layers have not been read from the database yet";
    out.retry_after_s = describe(errc::database_unavailable).retry_after_s;
  }
  out.ready = out.reason.empty();
  co_return out;
}

}  // namespace gridlight::api
