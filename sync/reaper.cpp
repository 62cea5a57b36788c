#include "sync/reaper.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;

std::optional<reaper_rule> rule_of(const config& settings) {
  if (settings.sync.reaper == "off") return {};
  reaper_rule out;
  out.idle_for = settings.sync.reaper_after;
  // Other servers on this database may have a somewhat longer limit; those have this time too.
  if (settings.postgres.statement_timeout.count() > 0)
    out.active_for = settings.postgres.statement_timeout + settings.sync.reaper_after;
  out.end = settings.sync.reaper == "end";
  return out;
}

// Found and ended in one statement, so that it is the very session that was judged.
awaitable<result<std::vector<zombie>>> find_zombies(connection& db, reaper_rule rule) {
  std::string sql = fmt::format(
      "SELECT pid, application, state, round(held_s::numeric, 1), began, {} FROM (SELECT * FROM "
      "gridlight.sync_zombies('{} ms', {}) OFFSET 0) z WHERE pid <> ALL (ARRAY[{}]::integer[])",
      rule.end ? "pg_terminate_backend(pid)" : "false", rule.idle_for.count(),
      rule.active_for ? fmt::format("'{} ms'", rule.active_for->count()) : "NULL",
      fmt::join(rule.spared, ","));
  if (rule.spare_runs) sql += " AND application <> 'gridlight sync'";
  const auto rows = co_await db.execute(sql, deadline_in(std::chrono::seconds{5}));
  if (!rows) co_return rows.error();
  std::vector<zombie> out;
  for (int r = 0; r < rows->rows(); ++r) {
    const auto text = [&](int column) { return std::string{rows->text(r, column)}; };
    out.push_back({std::atoi(text(0).c_str()), text(1), text(2), text(4),
                   std::strtod(text(3).c_str(), nullptr), text(5) == "t"});
  }
  co_return out;
}

}  // namespace gridlight::sync
