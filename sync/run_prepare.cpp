#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "sync/command.hpp"
#include "sync/table_run.hpp"

// What a run looks at before it reads a row: the table, the source, and how one goes into the other.
namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;

awaitable<result<void>> table_run::prepare() {
  show("looking");
  auto step = co_await read_table();
  if (step) step = check_key();
  if (!step) co_return step;
  auto has = co_await describe(from_, relation_of(plan_), command_deadline());
  if (!has) co_return has.error();
  has_ = std::move(*has);
  auto read = make_reading(plan_, from_, has_, columns_);
  if (!read) co_return read.error();
  reading_ = std::move(*read);
  if (options_.dry_run) co_return result<void>{};
  if (!reading_.added.empty()) {
    step = co_await add_columns();
    if (!step) co_return step;
  }
  co_return co_await watch_layers();
}

awaitable<result<void>> table_run::read_table() {
  auto shape = co_await read_shape(db_, plan_.schema, plan_.table, obstacles::ignore);
  if (!shape) co_return shape.error();
  shape_ = std::move(*shape);
  auto columns = co_await read_target(db_, plan_.schema, plan_.table);
  if (!columns) co_return columns.error();
  columns_ = std::move(*columns);
  for (target_column& c : columns_)
    if (std::find(plan_.key.begin(), plan_.key.end(), c.name) != plan_.key.end()) c.not_null = true;
  co_return result<void>{};
}

// Rows are found again by their key: without a unique index one could be there twice.
result<void> table_run::check_key() const {
  std::vector<std::string> key = plan_.key;
  std::sort(key.begin(), key.end());
  for (const index_shape& index : shape_.indexes) {
    std::vector<std::string> columns = index.columns;
    std::sort(columns.begin(), columns.end());
    if (index.unique && columns == key) return {};
  }
  return failure{errc::schema_mismatch,
                 fmt::format("sync.tables.{}: {} has no primary key or unique index over {}", plan_.name(),
                             live(), fmt::join(plan_.key, ", "))};
}

// Layers of tables that gridlight did not make tell of no change until they are watched.
awaitable<result<void>> table_run::watch_layers() {
  for (const layer_config& layer : plan_.layers) {
    const std::string name = connection::quote_literal(layer.name);
    const auto there = co_await db_.execute(
        "SELECT FROM gridlight.watched w JOIN pg_trigger t ON t.tgrelid = to_regclass(w.relation) AND "
        "t.tgname = "
        "'gridlight_insert' WHERE t.tgrelid = " +
            connection::quote_literal(live()) + "::regclass AND w.layer = " + name,
        command_deadline());
    if (!there) co_return there.error();
    if (there->rows() > 0) continue;
    const std::string place = place_sql(layer, columns_);
    const auto made = co_await execute(fmt::format(
        "SELECT gridlight.watch({}, {}, {}, ARRAY[{}]::text[])", name, connection::quote_literal(live()),
        place.empty() ? "NULL" : connection::quote_literal(place),
        layer.circuit.empty() ? "" : connection::quote_literal(layer.circuit)));
    if (!made) co_return made.error();
  }
  co_return result<void>{};
}

// Readers queue behind whoever waits for the table: tries are short.
awaitable<result<void>> table_run::add_columns() {
  std::string sql = "BEGIN; SET LOCAL lock_timeout = '5ms'; ALTER TABLE " + live();
  for (std::size_t i = 0; i < reading_.added.size(); ++i) {
    std::string column = reading_.added[i].name;
    std::transform(column.begin(), column.end(), column.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    sql += fmt::format("{} ADD COLUMN {} {}", i == 0 ? "" : ",", connection::quote_identifier(column),
                       reading_.added[i].definition);
    spdlog::info("sync of {}: the source has a new column {}, which comes into the table", plan_.name(),
                 column);
  }
  sql += "; " + fence_sql(options_.token) + "; COMMIT";
  const auto end = steady::now() + std::chrono::seconds{60};
  for (;;) {
    const auto done = co_await execute(sql);
    if (done) break;
    if (!db_.broken() && !db_.idle()) co_await execute("ROLLBACK");
    if (!is_sqlstate(done.error(), "55P03") || steady::now() > end) co_return done.error();
    boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor,
                                    std::chrono::milliseconds{250}};
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
  auto step = co_await read_table();
  if (!step) co_return step;
  auto read = make_reading(plan_, from_, has_, columns_);
  if (!read) co_return read.error();
  reading_ = std::move(*read);
  co_return result<void>{};
}

}  // namespace gridlight::sync
