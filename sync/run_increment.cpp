#include <fmt/format.h>

#include <algorithm>

#include "sync/command.hpp"
#include "sync/snowflake/client.hpp"
#include "sync/table_run.hpp"

// Rows that changed since a mark, merged in one transaction with the mark's advance.
namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;
namespace {

// History that is no longer, or never was, kept.
bool history_is_gone(const failure& f) {
  return snowflake::is_code(f, "000707") || f.detail.find("hange tracking") != std::string::npos;
}

}  // namespace

result<mark_column> table_run::find_mark_column() const {
  for (const source_column& c : has_)
    if (c.name == plan_.config.watermark) return mark_column::of(c, from_);
  return failure{errc::schema_mismatch, fmt::format("sync.tables.{}: the source has no column {} (watermark)",
                                                    plan_.name(), plan_.config.watermark)};
}

awaitable<result<std::optional<std::int64_t>>> table_run::greatest(const mark_column& column,
                                                                   std::optional<std::int64_t> up_to) {
  std::string sql = "SELECT " + column.value_sql("MAX(" + column.sql() + ")") + " AS MARK FROM " +
                    reading_.relation + " AS gridlight_source";
  if (!reading_.where.empty()) sql += " WHERE (" + reading_.where + ")";
  source_query q;
  if (up_to) {
    sql += (reading_.where.empty() ? " WHERE " : " AND ") + column.sql() + " <= " + column.bound_sql();
    q.values.push_back(column.text(*up_to));
  }
  q.sql = std::move(sql);
  const auto row = co_await first_row(from_, std::move(q), command_deadline());
  if (!row) co_return row.error();
  if (!row->at(0)) co_return std::optional<std::int64_t>{};
  const auto mark = column.read(*row->at(0));
  if (!mark)
    co_return failure{errc::schema_mismatch,
                      fmt::format("the watermark {} is beyond the years 1678 to 2262", *row->at(0))};
  co_return std::optional{*mark};
}

// A mark from the future would end the reading of all that changes before its time comes. The clock is asked
// last: what was written before is then not of the future.
awaitable<result<table_run::reach>> table_run::look_ahead(const mark_column& column) {
  reach out;
  auto mark = co_await greatest(column, std::nullopt);
  if (!mark) co_return mark.error();
  if (const std::string clock = column.clock_sql(plan_.config.timezone); !clock.empty()) {
    source_query q{"SELECT " + clock + " AS CLOCK"};
    const auto row = co_await first_row(from_, std::move(q), command_deadline());
    if (!row) co_return row.error();
    out.clock = row->at(0) ? nanoseconds_of(*row->at(0)) : std::nullopt;
  }
  out.ahead = *mark && out.clock && **mark > *out.clock;
  if (out.ahead) {
    // Clocks that differ a little are nobody's fault.
    if (**mark - *out.clock > std::chrono::nanoseconds{plan_.config.overlap}.count())
      warn(fmt::format(
          "the greatest {} is {}, later than the source's clock: rows of the future are read by each "
          "run until their time has come",
          column.sql(), column.text(**mark)));
    mark = co_await greatest(column, out.clock);
    if (!mark) co_return mark.error();
  }
  out.mark = *mark;
  co_return out;
}

awaitable<result<void>> table_run::become_full() {
  if (!db_.idle()) {
    const auto undone = co_await execute("ROLLBACK");
    if (!undone) co_return undone.error();
    rows_ = {};
  }
  out_.mode = "full";
  options_.full = true;
  if (!options_.dry_run) {
    const auto told = co_await execute(
        fmt::format("UPDATE gridlight.sync_run SET mode = 'full' WHERE run_id = {}", record_.id));
    if (!told) co_return told.error();
  }
  co_return co_await full();
}

// The upper bound is fixed before rows are read; what commits later with an earlier time is in the next
// window, which begins `overlap` before this one's end.
awaitable<result<void>> table_run::watermark() {
  const auto since = co_await read_watermark(db_, plan_);
  if (!since) co_return since.error();
  if (!*since) co_return co_await become_full();
  const auto column = find_mark_column();
  if (!column) co_return column.error();
  show("asking the source");
  const auto found = co_await look_ahead(*column);
  if (!found) co_return found.error();
  // What came since is not known of a mark that was taken as it was found.
  if (found->clock && **since > *found->clock) co_return co_await become_full();
  mark_ = std::max(**since, found->mark.value_or(**since));
  std::int64_t from = **since;
  if (column->is_time()) from -= std::chrono::nanoseconds{plan_.config.overlap}.count();
  std::string condition = fmt::format("{0} >= {1} AND {0} <= {1}", column->sql(), column->bound_sql());
  if (found->ahead)
    condition = fmt::format("{0} >= {1} AND ({0} <= {1} OR {0} > {1})", column->sql(), column->bound_sql());
  source_query q{reading_.sql({}, condition, column->sql()), {column->text(from), column->text(*mark_)}};
  if (found->ahead) q.values.push_back(column->text(*found->clock));
  auto rows = co_await from_.read(std::move(q), command_deadline());
  if (!rows) co_return rows.error();
  const auto staged = co_await stage(**rows, false);
  if (!staged) co_return staged.error();
  co_return co_await merge_staged(false);
}

// Once is what happens after a long pause. When the run before read all rows too, there is none at all, and
// each run costs as much as a full one.
awaitable<result<void>> table_run::go_without_history() {
  const auto before = co_await db_.execute(
      fmt::format(
          "SELECT mode FROM gridlight.sync_run WHERE layer = {} AND run_id < {} AND status = 'success' AND "
          "mode IN ('full', 'changes') ORDER BY run_id DESC LIMIT 1",
          connection::quote_literal(plan_.name()), record_.id),
      command_deadline());
  if (!before) co_return before.error();
  if (before->rows() == 1 && before->text(0, 0) == "full")
    warn(fmt::format(
        "the source keeps no history of {}, so each run reads all rows: its owner can say ALTER TABLE … "
        "SET CHANGE_TRACKING = TRUE; else mode: full, or watermark, is what it is",
        plan_.config.source));
  co_return co_await become_full();
}

// Windows meet exactly: in one that overlapped, a row that came in the first half and went in the second
// would not be told of.
awaitable<result<void>> table_run::changes() {
  const auto since = co_await read_watermark(db_, plan_);
  if (!since) co_return since.error();
  if (!*since) co_return co_await become_full();
  show("asking the source");
  const auto marked = co_await find_mark();
  if (!marked) co_return marked.error();
  if (!mark_ || *mark_ <= **since) mark_ = **since + 1'000'000;
  const std::string window = fmt::format(
      "{} CHANGES (INFORMATION => DEFAULT) AT (TIMESTAMP => '{} +00:00'::TIMESTAMP_LTZ) END (TIMESTAMP => "
      "'{} "
      "+00:00'::TIMESTAMP_LTZ)",
      reading_.relation, time_text(**since, 3), time_text(*mark_, 3));
  source_query q{reading_.sql(", METADATA$ACTION = 'DELETE' AS GRIDLIGHT_DELETED", {}, {}, window)};
  auto rows = co_await from_.read(std::move(q), command_deadline());
  if (!rows && history_is_gone(rows.error())) co_return co_await go_without_history();
  if (!rows) co_return rows.error();
  const auto staged = co_await stage(**rows, true);
  if (!staged) co_return staged.error();
  const auto known = co_await read_again(window);
  if (!known) co_return known.error();
  if (!*known) co_return co_await become_full();
  co_return co_await merge_staged(true);
}

// Snowflake enforces no key: while a row is replaced, its key may be there twice, and that one of the two
// went says nothing of the other. Keys of which a row went and none came are looked up as they are at the
// window's end. False where Snowflake does not take the question.
awaitable<result<bool>> table_run::read_again(std::string window) {
  const auto some =
      co_await db_.execute(named_exist_sql(tables(), "s.gridlight_deleted"), command_deadline());
  if (!some) co_return some.error();
  if (some->text(0, 0) != "t") co_return true;
  std::string key;
  for (const reading::column& c : reading_.columns)
    if (std::find(plan_.key.begin(), plan_.key.end(), c.target) != plan_.key.end())
      key.append(key.empty() ? "" : ", ").append(c.expression);
  std::string gone = "(" + key + ") IN (SELECT " + key + " FROM " + window + " AS gridlight_gone";
  if (!reading_.where.empty()) gone += " WHERE (" + reading_.where + ")";
  gone += " GROUP BY " + key + " HAVING MAX(METADATA$ACTION) = 'DELETE')";
  const std::string at =
      fmt::format("{} AT (TIMESTAMP => '{} +00:00'::TIMESTAMP_LTZ)", reading_.relation, time_text(*mark_, 3));
  source_query q{reading_.sql(", FALSE AS GRIDLIGHT_DELETED", gone, {}, at)};
  auto rows = co_await from_.read(std::move(q), command_deadline());
  if (!rows && (history_is_gone(rows.error()) || rows.error().code == errc::input)) co_return false;
  if (!rows) co_return rows.error();
  filled more;
  const auto put = co_await fill_staged(**rows, true, more);
  rows_.read += more.read;
  rows_.stored += more.stored;
  rows_.bytes += more.bytes;
  for (rejected_row& r : more.rejects)
    rows_.reject(std::move(r));
  if (!put) co_return put.error();
  co_return true;
}

// Of one key there may be several states, but the same state twice is a source that repeats itself: then
// other rows may be missing in their place.
awaitable<result<void>> table_run::find_repeated(bool with_action) {
  const table_pair t = tables();
  std::string all, key;
  for (const std::string& c : t.columns)
    all.append(all.empty() ? "" : ", ").append(connection::quote_identifier(c));
  if (with_action) all += ", gridlight_deleted";
  for (const std::string& k : t.key)
    key.append(", ").append(connection::quote_identifier(k));
  const auto found = co_await db_.execute(fmt::format("SELECT min(concat_ws(', '{})), count(*) - 1 FROM {} "
                                                      "GROUP BY md5(ROW({})::text) HAVING count(*) > 1 "
                                                      "ORDER BY 1 LIMIT 1000",
                                                      key, t.staged, all),
                                          command_deadline());
  if (!found) co_return found.error();
  for (int row = 0; row < found->rows(); ++row)
    rows_.reject({std::string{found->text(row, 0)}, "came twice", {}});
  co_return result<void>{};
}

// Of rows with one key the last stays: they came in the order of the watermark.
awaitable<result<void>> table_run::merge_staged(bool with_action) {
  show("comparing");
  const table_pair t = tables();
  std::string key;
  for (const std::string& k : t.key)
    key.append(key.empty() ? "" : ", ").append(connection::quote_identifier(k));
  if (with_action) key += ", gridlight_deleted";
  auto step = co_await find_repeated(with_action);
  if (!step) co_return step;
  step =
      co_await execute(fmt::format("DELETE FROM {0} d USING (SELECT ctid AS place, row_number() OVER "
                                   "(PARTITION BY {1} ORDER BY ctid DESC) AS nth "
                                   "FROM {0}) r WHERE d.ctid = r.place AND r.nth > 1; ANALYZE {0}",
                                   t.staged, key));
  if (!step) co_return step;
  table_shape checks = shape_;
  checks.indexes.clear();
  const auto violations = co_await check_staging(db_, checks, record_.id, duplicate_rule::last);
  if (!violations) co_return violations.error();
  for (const removed_rows& r : *violations)
    for (const removed_rows::row& row : r.first)
      rows_.reject({row.key, r.reason, {}});
  if (rows_.rejected > plan_.config.max_errors)
    co_return failure{
        errc::input,
        fmt::format("{} bad rows where at most {} may be (max_errors); the first, {}: {}", rows_.rejected,
                    plan_.config.max_errors, rows_.rejects.front().key, rows_.rejects.front().reason)};
  const std::string doomed = with_action ? "s.gridlight_deleted" : "";
  const std::string only = with_action ? "NOT s.gridlight_deleted" : "";
  const auto d = co_await compare_some(db_, t, only, doomed);
  if (!d) co_return d.error();
  if (options_.dry_run) co_return co_await roll_back_dry(*d);
  count(*d);
  out_.did = d->all() == 0 ? "nothing changed" : "merged";
  show("merging");
  const std::string gone = d->deleted > 0 ? delete_named_sql(t, record_.id, doomed) + "; " : "";
  const auto merged = co_await merge(*d, gone, only);
  // What stands in the way may have gone from the source, untold.
  if (!merged && is_sqlstate(merged.error(), "23505")) co_return co_await become_full();
  if (!merged) co_return merged;
  co_return co_await execute("DROP TABLE " + t.staged + "; " + ending_sql() + "; COMMIT");
}

}  // namespace gridlight::sync
