#include <fmt/format.h>

#include <algorithm>

#include "sync/command.hpp"
#include "sync/simple_query.hpp"
#include "sync/snowflake/client.hpp"
#include "sync/table_run.hpp"

// From Postgres to Snowflake: rows since the mark, a MERGE a page, and the mark's advance at the end. A page
// that is sent twice changes nothing the second time.
namespace gridlight::sync {

using boost::asio::awaitable;
using postgres::connection;
namespace {

constexpr std::size_t most_bytes = 512 * 1024;

// A value of the JSON, as Snowflake shall take it.
std::string taken_as(const source_column& c, const std::string& value) {
  const std::string text = value + "::VARCHAR";
  switch (c.holds) {
    case value_class::number: {
      if (c.type != "fixed") return value + "::FLOAT";
      const auto open = c.definition.find('(');
      return value + "::NUMBER" + (open == std::string::npos ? "(38,0)" : c.definition.substr(open));
    }
    case value_class::boolean:
      return value + "::BOOLEAN";
    case value_class::date:
      return value + "::DATE";
    case value_class::time:
      return value + "::TIME";
    case value_class::local_time:
      return value + "::TIMESTAMP_NTZ";
    case value_class::instant:
      return value + (c.type == "timestamp_tz" ? "::TIMESTAMP_TZ" : "::TIMESTAMP_LTZ");
    case value_class::bytes:
      return "TO_BINARY(" + text + ", 'HEX')";
    case value_class::json:
      return "PARSE_JSON(" + text + ")";
    case value_class::geometry:
      return (c.type == "geometry" ? "TO_GEOMETRY(" : "TO_GEOGRAPHY(") + text + ")";
    default:
      return text;
  }
}

// The text of a Postgres column that Snowflake reads in one way only.
std::string given_as(const target_column& c) {
  const std::string name = ident(c.name);
  switch (c.kind) {
    case column_kind::timestamptz:
      return "to_char(" + name + " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || ' +00:00'";
    case column_kind::timestamp:
      return "to_char(" + name + ", 'YYYY-MM-DD HH24:MI:SS.US')";
    case column_kind::bytea:
      return "encode(" + name + ", 'hex')";
    case column_kind::geometry:
      return "ST_AsText(" + name + "::geometry)";
    default:
      break;
  }
  return name + "::text";
}

// Errors that one row of a page brings upon all of it.
bool is_of_a_row(const failure& f) {
  for (const std::string_view code : {"100037", "100038", "100072", "100078", "100035", "100040"})
    if (snowflake::is_code(f, code)) return true;
  return false;
}

// The clock as a column of times without a zone says it. Which zone its writers mean is the plan's to say;
// else the earliest that it may be, so that what they write now is at worst read twice.
std::string local_now(const std::string& zone) {
  if (zone.empty()) return "least(localtimestamp, now() AT TIME ZONE 'UTC')";
  if (zone == "Z") return "(now() AT TIME ZONE 'UTC')";
  const bool offset = zone[0] == '+' || zone[0] == '-';  // as text it would be read the other way round
  return fmt::format("(now() AT TIME ZONE {}'{}')", offset ? "interval " : "", zone);
}

}  // namespace

struct table_run::push_plan {
  std::string merge;                  ///< with one ? for the rows, a JSON array
  std::string select;                 ///< up to and with WHERE and the window
  std::string order;                  ///< what follows it, LIMIT included
  std::vector<std::string> order_by;  ///< the columns of it, for the next page
  std::size_t fixed = 0;              ///< so many of them are the same in all rows, as NULL is
};

struct table_run::push_page {
  std::vector<std::string> rows, keys;  ///< JSON objects; the key of each
  std::string after;                    ///< condition of the next page; empty: there is none
};

awaitable<result<table_run::push_plan>> table_run::plan_push() {
  push_plan out;
  auto step = co_await read_table();
  if (step) step = check_key();
  if (!step) co_return step.error();
  auto has = co_await describe(from_, plan_.config.target, command_deadline());
  if (!has) co_return has.error();
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return text;
  };
  const auto& configured = plan_.config.columns;
  std::string taken, keys, given, set, insert, from_values, on, differs;
  std::size_t n = 0;
  bool comparable = true;
  for (const source_column& c : *has) {
    const std::string name = lower(c.name);
    const auto own = std::find_if(configured.begin(), configured.end(),
                                  [&](const auto& p) { return lower(p.first) == name; });
    const target_column* column = find_column(columns_, name);
    if (own == configured.end() && (plan_.config.only_columns || column == nullptr)) continue;
    std::string value;
    if (own != configured.end() && !own->second.empty())
      value = "(" + own->second + ")::text";
    else if (column != nullptr)
      value = given_as(*column);
    else
      co_return failure{errc::schema_mismatch,
                        fmt::format("sync.tables.{}: {} has no column {}", plan_.name(), live(), name)};
    const std::string k = "k" + std::to_string(++n), there = from_.identifier(c.name);
    taken += fmt::format("{}{} AS {}", n == 1 ? "" : ", ", taken_as(c, "value:" + k), k);
    keys += fmt::format("{}'{}'", n == 1 ? "" : ", ", k);
    given += (n == 1 ? "" : ", ") + value;
    insert += (n == 1 ? "" : ", ") + there;
    from_values += fmt::format("{}s.{}", n == 1 ? "" : ", ", k);
    if (std::find(plan_.key.begin(), plan_.key.end(), name) != plan_.key.end()) {
      on += fmt::format("{}t.{} = s.{}", on.empty() ? "" : " AND ", there, k);
      continue;
    }
    set += fmt::format("{}t.{} = s.{}", set.empty() ? "" : ", ", there, k);
    comparable = comparable && c.holds != value_class::geometry && c.holds != value_class::json;
    differs += fmt::format("{}t.{} IS DISTINCT FROM s.{}", differs.empty() ? "" : " OR ", there, k);
  }
  if (std::count(on.begin(), on.end(), '=') != std::ssize(plan_.key))
    co_return failure{errc::schema_mismatch,
                      fmt::format("sync.tables.{}: {} lacks a column of the key {}", plan_.name(),
                                  plan_.config.target, fmt::join(plan_.key, ", "))};
  out.merge =
      fmt::format("MERGE INTO {} AS t USING (SELECT {} FROM TABLE(FLATTEN(PARSE_JSON(?)))) AS s ON {}",
                  plan_.config.target, taken, on);
  if (!set.empty())
    out.merge +=
        fmt::format(" WHEN MATCHED{} THEN UPDATE SET {}", comparable ? " AND (" + differs + ")" : "", set);
  out.merge += fmt::format(" WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})", insert, from_values);

  out.order_by.push_back(plan_.config.watermark);
  out.order_by.insert(out.order_by.end(), plan_.key.begin(), plan_.key.end());
  std::string order;
  for (const std::string& c : out.order_by)
    order.append(order.empty() ? "" : ", ").append(ident(c));
  out.select = fmt::format("SELECT jsonb_object(ARRAY[{}], ARRAY[{}]::text[])::text", keys, given);
  for (const std::string& c : out.order_by)
    out.select += ", " + ident(c) + "::text";
  out.select += " FROM " + live() + " WHERE ";
  out.order = " ORDER BY " + order + " LIMIT " + std::to_string(plan_.config.batch_size);
  co_return out;
}

awaitable<result<table_run::push_page>> table_run::read_page(const push_plan& p, const std::string& after) {
  std::string sql = p.select;
  sql.append(after.empty() ? "true" : after).append(p.order);
  const auto rows = co_await db_.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  push_page out;
  std::size_t bytes = 0;
  int row = 0;
  for (; row < rows->rows() && (row == 0 || bytes + rows->text(row, 0).size() < most_bytes); ++row) {
    bytes += rows->text(row, 0).size() + 1;
    out.rows.emplace_back(rows->text(row, 0));
    std::string key;
    for (int k = 2; k < rows->columns(); ++k)
      key.append(key.empty() ? "" : ", ").append(rows->text(row, k));
    out.keys.push_back(std::move(key));
  }
  rows_.bytes += bytes;
  const bool last = row == rows->rows() && row < plan_.config.batch_size;
  if (last || row == 0) co_return out;
  std::string columns, values;
  for (std::size_t i = p.fixed; i < p.order_by.size(); ++i) {
    columns.append(columns.empty() ? "" : ", ").append(ident(p.order_by[i]));
    values.append(values.empty() ? "" : ", ")
        .append(connection::quote_literal(rows->text(row - 1, static_cast<int>(i) + 1)));
  }
  out.after = "(" + columns + ") > (" + values + ")";
  co_return out;
}

// A page that Snowflake refuses for one of its rows is halved until that row stands alone.
awaitable<result<void>> table_run::merge_page(const push_plan& p, const push_page& page, std::size_t from,
                                              std::size_t to) {
  std::string json = "[";
  for (std::size_t i = from; i < to; ++i)
    json.append(i == from ? "" : ",").append(page.rows[i]);
  json += ']';
  source_query q{p.merge, {std::move(json)}};
  const auto merged = co_await from_.change(std::move(q), command_deadline());
  if (merged) {
    rows_.stored += static_cast<std::int64_t>(to - from);
    out_.updated += *merged;
    co_return result<void>{};
  }
  if (!is_of_a_row(merged.error())) co_return merged.error();
  if (to - from > 1) {
    const std::size_t middle = from + (to - from) / 2;
    auto half = co_await merge_page(p, page, from, middle);
    if (half) half = co_await merge_page(p, page, middle, to);
    co_return half;
  }
  rows_.reject({page.keys[from], merged.error().detail, {{"row", page.rows[from]}}});
  if (rows_.rejected <= plan_.config.max_errors) co_return result<void>{};
  co_return failure{
      errc::input,
      fmt::format("{} bad rows where at most {} may be (max_errors); the first, {}: {}", rows_.rejected,
                  plan_.config.max_errors, rows_.rejects.front().key, rows_.rejects.front().reason)};
}

// The greatest mark up to the clock, as nanoseconds and as it stands; whether there are later ones, the last
// of them, the clock as it stands, whether they are far from each other, and the clock in nanoseconds.
std::string table_run::marks_sql(const std::string& column, const std::string& clock, bool time) const {
  const std::string greatest = fmt::format("(SELECT max({}) FROM {})", column, live());
  if (!time)
    return fmt::format("SELECT top, top::text, false, NULL, NULL, false, 0 FROM {} AS m (top)", greatest);
  // Microseconds as nanoseconds, as all marks are.
  const auto nanoseconds = [](std::string_view of) {
    return fmt::format("(extract(epoch FROM {}) * 1000000)::bigint * 1000", of);
  };
  return fmt::format(
      "SELECT {}, top::text, coalesce(last > clock, false), last::text, clock::text, last > clock + interval "
      "'{} ms', {} FROM (SELECT {} AS clock) c, LATERAL (SELECT max({}) AS top FROM {} WHERE {} <= clock) t, "
      "{} AS l (last)",
      nanoseconds("top"), plan_.config.overlap.count(), nanoseconds("clock"), clock, column, live(), column,
      greatest);
}

awaitable<result<void>> table_run::push_rows(const push_plan& p) {
  std::string after;
  do {
    const auto page = co_await read_page(p, after);
    if (!page) co_return page.error();
    rows_.read += std::ssize(page->rows);
    show("rows pushed");
    if (!page->rows.empty() && !options_.dry_run) {
      const auto merged = co_await merge_page(p, *page, 0, page->rows.size());
      if (!merged) co_return merged.error();
    }
    after = page->after;
  } while (!after.empty());
  co_return result<void>{};
}

awaitable<result<void>> table_run::push() {
  auto planned = co_await plan_push();
  if (!planned) co_return planned.error();
  push_plan& p = *planned;
  const target_column* mark = find_column(columns_, plan_.config.watermark);
  const bool time =
      mark != nullptr && (mark->kind == column_kind::timestamptz || mark->kind == column_kind::timestamp);
  const bool whole = mark != nullptr && (mark->kind == column_kind::int8 || mark->kind == column_kind::int4);
  if (!time && !whole)
    co_return failure{errc::schema_mismatch,
                      fmt::format("sync.tables.{}: {} has no column {} that is a time or a "
                                  "whole number (watermark)",
                                  plan_.name(), live(), plan_.config.watermark)};
  const std::string column = ident(plan_.config.watermark);
  auto since = co_await read_watermark(db_, plan_);
  if (!since) co_return since.error();
  // A mark from the future would keep all that changes before its time comes from being sent.
  const std::string clock = whole                                    ? "NULL"
                            : mark->kind == column_kind::timestamptz ? "now()"
                                                                     : local_now(plan_.config.timezone);
  const auto top = co_await db_.execute(marks_sql(column, clock, time), command_deadline());
  if (!top) co_return top.error();
  const bool ahead = top->text(0, 2) == "t";
  if (ahead && top->text(0, 5) == "t")
    warn(fmt::format(
        "the greatest {} is {}, later than the clock: rows of the future are sent by each run until "
        "their time has come",
        plan_.config.watermark, std::string{top->text(0, 3)}));
  // What came since is not known of a mark that was taken as it was found.
  if (*since && time && **since > number(top->text(0, 6))) since->reset();
  const bool all = options_.full || !*since;
  std::string upper = "false";
  if (!top->is_null(0, 0)) {
    mark_ = std::max(number(top->text(0, 0)), since->value_or(std::numeric_limits<std::int64_t>::min()));
    // Fixed before the first row is read: what changes meanwhile is the next run's.
    upper = column + " <= " + connection::quote_literal(top->text(0, 1));
  }
  if (ahead) upper += " OR " + column + " > " + connection::quote_literal(top->text(0, 4));
  std::string undated = p.select + column + " IS NULL AND ";
  p.select += "(" + upper + ") AND ";
  if (!all) {
    std::int64_t from = **since;
    if (time) from -= std::chrono::nanoseconds{plan_.config.overlap}.count();
    p.select += time ? fmt::format("{} >= '{}'::timestamp{} AND ", column, time_text(from, 6),
                                   mark->kind == column_kind::timestamptz ? " AT TIME ZONE 'UTC'" : "")
                     : fmt::format("{} >= {} AND ", column, from);
  }
  auto sent = co_await push_rows(p);
  if (!sent) co_return sent;
  if (all) {
    p.select = std::move(undated);
    p.fixed = 1;
    sent = co_await push_rows(p);
    if (!sent) co_return sent;
  } else {
    const auto left = co_await db_.execute(
        fmt::format("SELECT count(*) FROM {} WHERE {} IS NULL", live(), column), command_deadline());
    if (!left) co_return left.error();
    if (const std::string n{left->text(0, 0)}; n != "0")
      warn(fmt::format("{} rows have no {}: only a full run sends what changes in them", n,
                       plan_.config.watermark));
  }
  out_.did = options_.dry_run ? "nothing was pushed" : out_.updated == 0 ? "nothing changed" : "pushed";
  if (options_.dry_run) co_return result<void>{};
  co_return co_await execute(
      "BEGIN; " +
      fmt::format("UPDATE gridlight.sync_run SET rows_written = {} WHERE run_id = {}; ", out_.updated,
                  record_.id) +
      ending_sql() + "; COMMIT");
}

}  // namespace gridlight::sync
