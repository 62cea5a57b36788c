#include "sync/load/replaced.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

#include "sync/command.hpp"
#include "sync/progress.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

// Of the layer that a job fills; nothing when there is no such table of ours.
awaitable<result<std::int64_t>> count_rows(connection& db, std::string table) {
  std::string sql = "SELECT relkind FROM pg_class WHERE oid = to_regclass(";
  sql.append(connection::quote_literal(table)).append(") AND relkind IN ('r', 'p')");
  const auto there = co_await db.execute(sql, command_deadline());
  if (!there) co_return there.error();
  if (there->rows() == 0) co_return 0;
  sql = "SELECT count(*) FROM " + table;
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  std::int64_t count = 0;
  const std::string_view text = rows->text(0, 0);
  std::from_chars(text.data(), text.data() + text.size(), count);
  co_return count;
}

std::string files_text(const load_job& job) {
  if (job.files.size() > 1) return fmt::format("those of {} files", job.files.size());
  return "those of " + (job.files[0].path == "-" ? "standard input" : job.files[0].path);
}

}  // namespace

awaitable<result<void>> confirm_replacement(connection& db, const config& settings,
                                            const load_options& options, std::vector<load_job>& jobs) {
  if (options.create) co_return result<void>{};
  std::string what;
  bool may_ask = true;
  for (load_job& job : jobs) {
    for (const load_file& file : job.files)
      may_ask = may_ask && file.path != "-";
    const auto layer = std::find_if(settings.layers.begin(), settings.layers.end(),
                                    [&](const layer_config& l) { return l.name == job.layer; });
    if (layer == settings.layers.end() || layer->mode != layer_mode::managed) continue;
    const std::string table = qualified(layer->schema, layer->table);
    const auto rows = co_await count_rows(db, table);
    if (!rows) co_return rows.error();
    job.rows_before = *rows;
    if (job.rows_before == 0) continue;
    what += fmt::format("all {} rows of layer {} ({}.{}) will be replaced by {}\n", grouped(*rows), job.layer,
                        layer->schema, layer->table, files_text(job));
  }
  if (what.empty()) co_return result<void>{};
  co_return confirm("load", what, options.yes, may_ask);
}

result<void> check_shrink(const load_job& job, std::int64_t stored, bool allowed) {
  if (allowed || stored * 5 >= job.rows_before * 4) return {};
  return failure{
      errc::conflict,
      fmt::format("{}: {} rows would replace {}, which is less than 80 %: nothing was changed; say "
                  "--allow-shrink if that is meant",
                  job.layer, grouped(stored), grouped(job.rows_before))};
}

}  // namespace gridlight::sync
