#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sync/command.hpp"
#include "sync/load/mapping.hpp"
#include "sync/load/values.hpp"
#include "sync/progress.hpp"
#include "sync/snowflake/client.hpp"
#include "sync/swap.hpp"
#include "sync/table_run.hpp"

// All rows: read, staged, checked, compared, and only then merged or swapped in.
namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;
namespace {

// Up to this part of the rows is changed in place: beyond it new indexes are cheaper than the old ones'
// upkeep.
constexpr double most_merged = 0.2;
constexpr std::int64_t always_merged = 1000;

constexpr std::string_view begin_sql =
    "BEGIN; SET LOCAL statement_timeout = 0; SELECT set_config('maintenance_work_mem', '256MB', true) WHERE "
    "pg_size_bytes(current_setting('maintenance_work_mem')) < 268435456; SELECT set_config('work_mem', "
    "'64MB', "
    "true) WHERE pg_size_bytes(current_setting('work_mem')) < 67108864";

std::optional<std::int64_t> offset_of(const std::string& zone) {
  if (zone.empty()) return std::nullopt;
  return is_named_zone(zone) ? 0 : read_offset(zone);
}

}  // namespace

awaitable<result<void>> table_run::stage(batch_reader& rows, bool with_action) {
  const auto kinds = check_kinds(plan_, reading_, rows.columns(), columns_);
  if (!kinds) co_return kinds.error();
  auto step = co_await execute(std::string{begin_sql});
  // Publications of all tables would tell of one that is dropped again, if it was logged.
  table_shape like = shape_;
  if (with_action || plan_.config.swap == swap_rule::merge || !reading_.covers_table)
    like.persistence = "UNLOGGED ";
  if (step) step = co_await create_staging(db_, like, record_.id);
  if (step && with_action)
    step = co_await execute("ALTER TABLE " + staged() + " ADD COLUMN gridlight_deleted boolean NOT NULL");
  if (!step) co_return step;
  co_return co_await fill_staged(rows, with_action, rows_);
}

awaitable<result<void>> table_run::fill_staged(batch_reader& rows, bool with_action, filled& counted) {
  std::vector<target_column> targets = columns_;
  std::vector<std::string> names;
  for (const reading::column& c : reading_.columns)
    names.push_back(c.target);
  if (with_action) {
    target_column action;
    action.name = "gridlight_deleted";
    action.type = "boolean";
    action.kind = column_kind::boolean;
    action.not_null = true;
    targets.push_back(action);
    names.push_back(action.name);
  }
  auto mapping = map_columns(targets, names, plan_.key, false, {});
  if (!mapping) co_return mapping.error();
  row_encoder encoder{targets, offset_of(plan_.config.timezone)};
  fill_request request;
  std::string list;
  for (const binding& b : mapping->bindings)
    list.append(list.empty() ? "" : ", ").append(connection::quote_identifier(targets[b.target].name));
  encoder.bind(std::move(*mapping));
  request.copy_sql = "COPY " + staged() + " (" + list + ") FROM STDIN (FORMAT binary, FREEZE)";
  request.columns = names;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (std::find(plan_.key.begin(), plan_.key.end(), names[i]) != plan_.key.end()) request.key.push_back(i);
  request.max_errors = plan_.config.max_errors;
  if (options_.progress) request.progress = [this](std::int64_t n) { options_.progress("rows read", n); };
  co_return co_await fill(db_, rows, encoder, std::move(request), counted);
}

// Duplicates and rows that violate a constraint are bad rows like those that could not be read.
awaitable<result<void>> table_run::check_staged() {
  show("checking");
  auto removed = co_await check_staging(db_, shape_, record_.id, duplicate_rule::reject);
  if (!removed) co_return removed.error();
  for (const removed_rows& r : *removed) {
    for (const removed_rows::row& row : r.first)
      rows_.reject({row.key, r.reason, {}});
    rows_.rejected += r.count - std::ssize(r.first);
    rows_.stored -= r.count;
  }
  if (rows_.rejected > plan_.config.max_errors) {
    const rejected_row& first = rows_.rejects.front();
    co_return failure{errc::input,
                      fmt::format("{} bad rows where at most {} may be (max_errors); the first, {}: {}",
                                  rows_.rejected, plan_.config.max_errors, first.key, first.reason)};
  }
  co_return co_await execute("ANALYZE " + staged());
}

awaitable<result<void>> table_run::confirm_empty() {
  source_query q{"SELECT COUNT(*) AS N FROM (" + reading_.sql() + ") AS gridlight_counted"};
  const auto row = co_await first_row(from_, std::move(q), command_deadline());
  if (!row) co_return row.error();
  if (row->at(0) == "0") co_return result<void>{};
  co_return failure{errc::conflict, fmt::format("the source gave no row, but counts {}: nothing was changed",
                                                row->at(0).value_or("nothing"))};
}

awaitable<result<void>> table_run::guard(const difference& d) {
  const double share = plan_.config.min_share;
  const bool shrinks = static_cast<double>(d.staged) < share * static_cast<double>(d.live);
  if (shrinks && !options_.allow_shrink)
    co_return failure{
        errc::conflict,
        fmt::format("{} rows would be left of {}, which is less than {} % (min_share): nothing was "
                    "changed; say --allow-shrink if that is meant",
                    grouped(d.staged), grouped(d.live), share * 100)};
  if (d.staged == 0 && d.live > 0) co_return co_await confirm_empty();
  co_return result<void>{};
}

bool table_run::shall_merge(const difference& d) const {
  if (plan_.config.swap == swap_rule::merge || !reading_.covers_table) return true;
  return d.all() <= always_merged ||
         static_cast<double>(d.all()) <= most_merged * static_cast<double>(d.live);
}

awaitable<result<void>> table_run::swap(const difference& d) {
  auto shape = co_await read_shape(db_, plan_.schema, plan_.table);
  if (!shape && shape.error().code == errc::conflict)
    co_return failure{errc::conflict, shape.error().detail + "; drop them, or set swap: merge"};
  if (!shape) co_return shape.error();
  bool same = shape->oid == shape_.oid && shape->checks == shape_.checks &&
              shape->indexes.size() == shape_.indexes.size();
  for (std::size_t n = 0; same && n < shape_.indexes.size(); ++n)
    same = shape->indexes[n].name == shape_.indexes[n].name && shape->indexes[n].same_as(shape_.indexes[n]);
  if (!same) co_return failure{errc::conflict, live() + " was altered during the run: nothing was changed"};
  show("indexing");
  auto step = co_await index_staging(db_, shape_, record_.id);
  if (step) step = co_await execute("COMMIT; ANALYZE " + staged());
  if (!step) co_return step;
  // Making the staging table did not alter the live one.
  swap_request request;
  request.live = std::move(*shape);
  request.run_id = record_.id;
  for (const layer_config& layer : plan_.layers) {
    request.layers.push_back(layer.name);
    if (request.geometry.empty()) request.geometry = place_sql(layer, columns_);
  }
  request.keep_old = options_.keep_previous.count() > 0;
  request.record_sql =
      fmt::format("UPDATE gridlight.sync_run SET rows_written = {}, rows_deleted = {} WHERE run_id = {}; ",
                  d.inserted + d.updated, d.deleted, record_.id) +
      ending_sql();
  show("swapping");
  out_.did = "swapped";
  co_return co_await swap_in(db_, std::move(request));
}

awaitable<result<void>> table_run::settle(const difference& d) {
  count(d);
  if (d.all() == 0) {
    out_.did = "nothing changed";
    const auto undone = co_await execute("ROLLBACK");
    if (!undone) co_return undone.error();
    co_return co_await execute("BEGIN; " + ending_sql() + "; COMMIT");
  }
  if (!shall_merge(d)) co_return co_await swap(d);
  show("merging");
  out_.did = "merged";
  const std::string gone = d.deleted > 0 ? delete_missing_sql(tables(), record_.id) + "; " : "";
  const auto merged = co_await merge(d, gone, {});
  if (!merged) co_return merged;
  co_return co_await execute("DROP TABLE " + staged() + "; " + ending_sql() + "; COMMIT");
}

awaitable<result<void>> table_run::sum_up() {
  const table_pair t = tables();
  std::string list;
  for (const std::string& c : t.columns)
    list.append(list.empty() ? "" : ", ").append(connection::quote_identifier(c));
  for (const bool of_live : {false, true}) {
    const auto row = co_await db_.execute(
        fmt::format("SELECT to_hex(coalesce(bit_xor(hashtextextended(ROW({})::text, 0)), 0)) FROM {}", list,
                    of_live ? t.live : t.staged),
        command_deadline());
    if (!row) co_return row.error();
    (of_live ? out_.live_checksum : out_.source_checksum) = row->text(0, 0);
  }
  co_return result<void>{};
}

// Where increments follow, they begin at a mark from before the first row is read.
awaitable<result<void>> table_run::find_mark() {
  if (plan_.mode() == sync_mode::watermark) {
    const auto column = find_mark_column();
    if (!column) co_return column.error();
    const auto found = co_await look_ahead(*column);
    if (!found) co_return found.error();
    mark_ = found->mark;
  } else if (plan_.mode() == sync_mode::changes) {
    source_query q{
        "SELECT TO_VARCHAR(CURRENT_TIMESTAMP()::TIMESTAMP_LTZ, 'YYYY-MM-DD HH24:MI:SS.FF3') AS NOW"};
    const auto row = co_await first_row(from_, std::move(q), command_deadline());
    if (!row) co_return row.error();
    mark_ = row->at(0) ? nanoseconds_of(*row->at(0)) : std::nullopt;
  }
  co_return result<void>{};
}

// Of a table whose changes follow, the rows of the mark's very moment: one that came after it and went before
// the next look would be in no list of changes.
awaitable<result<std::unique_ptr<batch_reader>>> table_run::open_all() {
  const auto marked = co_await find_mark();
  if (!marked) co_return marked.error();
  if (plan_.mode() == sync_mode::changes && mark_) {
    const std::string past = fmt::format("{} AT (TIMESTAMP => '{} +00:00'::TIMESTAMP_LTZ)", reading_.relation,
                                         time_text(*mark_, 3));
    source_query q{reading_.sql({}, {}, {}, past)};
    auto rows = co_await from_.read(std::move(q), command_deadline());
    if (rows || !snowflake::is_code(rows.error(), "000707")) co_return rows;
    // No history, as of a table that was made this moment: the next run reads all once more.
    mark_.reset();
  }
  source_query q{reading_.sql()};
  co_return co_await from_.read(std::move(q), command_deadline());
}

awaitable<result<void>> table_run::full() {
  show("asking the source");
  auto rows = co_await open_all();
  if (!rows) co_return rows.error();
  auto step = co_await stage(**rows, false);
  if (step) step = co_await check_staged();
  if (!step) co_return step;
  show("comparing");
  const table_pair pair = tables();
  const auto d = co_await compare(db_, pair);
  if (!d) co_return d.error();
  // As the count will be, should it not be had.
  out_.final_count = options_.dry_run ? d->live : d->live + d->inserted - d->deleted;
  if (options_.dry_run) co_return co_await roll_back_dry(*d);
  step = co_await guard(*d);
  if (!step) co_return step;
  co_return co_await settle(*d);
}

}  // namespace gridlight::sync
