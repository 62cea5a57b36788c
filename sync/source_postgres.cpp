#include "sync/source_postgres.hpp"

#include <fmt/format.h>

#include "sync/command.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

value_class class_of(std::string_view type) {
  if (type == "int2" || type == "int4" || type == "int8" || type == "float4" || type == "float8" ||
      type == "numeric")
    return value_class::number;
  if (type == "text" || type == "varchar" || type == "bpchar" || type == "uuid" || type == "name")
    return value_class::text;
  if (type == "bool") return value_class::boolean;
  if (type == "date") return value_class::date;
  if (type == "time") return value_class::time;
  if (type == "timestamp") return value_class::local_time;
  if (type == "timestamptz") return value_class::instant;
  if (type == "bytea") return value_class::bytes;
  if (type == "json" || type == "jsonb") return value_class::json;
  if (type == "geometry" || type == "geography") return value_class::geometry;
  return value_class::other;
}

// One FETCH's rows, as texts.
class fetched_rows final : public row_source {
 public:
  fetched_rows(postgres::result_set rows, const std::vector<source_column>& columns)
      : rows_(std::move(rows)), columns_(columns) {
    for (const source_column& c : columns)
      names_.push_back(c.name);
  }

  result<bool> next(source_row& row) override {
    if (at_ >= rows_.rows()) return false;
    row.error.clear();
    row.geometry.clear();
    row.raw = {};
    row.line = static_cast<std::uint64_t>(at_ + 1);
    row.cells.resize(names_.size());
    for (std::size_t i = 0; i < names_.size(); ++i) {
      const int column = static_cast<int>(i);
      cell& c = row.cells[i];
      c = {};
      if (rows_.is_null(at_, column)) continue;
      c.is = columns_[i].holds == value_class::json ? cell::kind::json : cell::kind::text;
      c.text = rows_.text(at_, column);
      if (columns_[i].holds == value_class::number) read_special(c);
    }
    ++at_;
    return true;
  }
  const std::vector<std::string>& columns() const noexcept override { return names_; }
  bool has_features() const noexcept override { return false; }
  std::uint64_t consumed() const noexcept override { return 0; }

 private:
  static void read_special(cell& c) {
    const double sign = c.text.starts_with('-') ? -1 : 1;
    if (c.text == "NaN")
      c.number = std::numeric_limits<double>::quiet_NaN();
    else if (c.text.ends_with("Infinity"))
      c.number = sign * std::numeric_limits<double>::infinity();
    else
      return;
    c.is = cell::kind::number;
  }

  postgres::result_set rows_;
  const std::vector<source_column>& columns_;
  std::vector<std::string> names_;
  int at_ = 0;
};

class cursor_batches final : public batch_reader {
 public:
  cursor_batches(connection& db, std::vector<source_column> columns, std::int64_t batch, deadline until)
      : db_(db), columns_(std::move(columns)), batch_(batch), until_(until) {}

  const std::vector<source_column>& columns() const noexcept override { return columns_; }
  std::optional<std::uint64_t> promised() const noexcept override { return std::nullopt; }
  std::uint64_t bytes() const noexcept override { return bytes_; }

  awaitable<result<std::unique_ptr<row_source>>> next() override {
    if (ended_) co_return std::unique_ptr<row_source>{};
    auto rows = co_await db_.execute(fmt::format("FETCH {} FROM gridlight_rows", batch_), until_);
    if (!rows) co_return rows.error();
    for (int row = 0; row < rows->rows(); ++row)
      for (int column = 0; column < rows->columns(); ++column)
        bytes_ += rows->text(row, column).size();
    if (rows->rows() == 0) {
      ended_ = true;
      const auto done = co_await db_.execute("COMMIT", until_);
      if (!done) co_return done.error();
      co_return std::unique_ptr<row_source>{};
    }
    co_return std::unique_ptr<row_source>{std::make_unique<fetched_rows>(std::move(*rows), columns_)};
  }

 private:
  connection& db_;
  std::vector<source_column> columns_;
  std::int64_t batch_;
  deadline until_;
  std::uint64_t bytes_ = 0;
  bool ended_ = false;
};

// Values as literals: a cursor's statement takes no parameters.
std::string with_values(const source_query& q) {
  std::string out;
  std::size_t n = 0;
  bool quoted = false;
  for (const char c : q.sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '?' && !quoted && n < q.values.size())
      out += connection::quote_literal(q.values[n++]);
    else
      out += c;
  }
  return out;
}

class postgres_source final : public source {
 public:
  postgres_source(connection db, std::int64_t batch) : db_(std::move(db)), batch_(batch) {}

  awaitable<result<std::unique_ptr<batch_reader>>> read(source_query q, deadline until) override {
    using out = std::unique_ptr<batch_reader>;
    // A reading before that was given up in the middle.
    if (!db_.idle()) co_await db_.execute("ROLLBACK", until);
    const std::string begin =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = "
        "'ISO'; SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; DECLARE gridlight_rows "
        "NO SCROLL "
        "CURSOR FOR " +
        with_values(q);
    const auto begun = co_await db_.execute(begin, until);
    if (!begun) co_return begun.error();
    const auto head = co_await db_.execute("FETCH 0 FROM gridlight_rows", until);
    if (!head) co_return head.error();
    auto columns = co_await columns_of(*head, until);
    if (!columns) co_return columns.error();
    co_return out{std::make_unique<cursor_batches>(db_, std::move(*columns), batch_, until)};
  }

  awaitable<result<std::int64_t>> change(source_query, deadline) override {
    co_return failure{errc::internal, "a mirrored table's source is only read"};
  }
  void stop() override { db_.give_up("stopped", true); }

  std::string identifier(std::string_view name) const override { return connection::quote_identifier(name); }

  std::string column_sql(const source_column& c, std::string_view zone) const override {
    const std::string name = identifier(c.name);
    if (c.holds == value_class::local_time && is_named_zone(zone))
      return fmt::format("({} AT TIME ZONE '{}')", name, zone);
    return name;
  }

 private:
  // Names and modifiers of types are Postgres's to write; whether a column may be null is its table's to say.
  awaitable<result<std::vector<source_column>>> columns_of(const postgres::result_set& head, deadline until) {
    std::vector<source_column> out;
    if (head.columns() == 0) co_return out;
    std::string list;
    for (int i = 0; i < head.columns(); ++i)
      list +=
          fmt::format("{}({}::oid, {}, {}::oid, {}, {})", i == 0 ? "" : ", ", head.type(i),
                      PQfmod(head.native(), i), PQftable(head.native(), i), PQftablecol(head.native(), i), i);
    const auto types = co_await db_.execute(
        "SELECT t.typname, format_type(v.type, v.modifier), coalesce(a.attnotnull, false) FROM (VALUES " +
            list +
            ") AS v (type, modifier, tab, col, n) JOIN pg_type t ON t.oid = v.type "
            "LEFT JOIN pg_attribute a ON a.attrelid = v.tab AND a.attnum = v.col ORDER BY n",
        until);
    if (!types) co_return types.error();
    for (int i = 0; i < types->rows(); ++i) {
      source_column c;
      c.name = PQfname(head.native(), i);
      c.type = c.definition = types->text(i, 1);
      c.holds = class_of(types->text(i, 0));
      c.nullable = types->text(i, 2) != "t";
      out.push_back(std::move(c));
    }
    co_return out;
  }

  connection db_;
  std::int64_t batch_;
};

}  // namespace

awaitable<result<std::unique_ptr<source>>> open_postgres(boost::asio::any_io_executor executor,
                                                         config::postgres_settings settings, secret uri,
                                                         std::int64_t batch) {
  settings.uri = std::move(uri);
  auto db = co_await open_for_command(executor, settings, "sync source");
  if (!db) co_return db.error();
  co_return std::unique_ptr<source>{std::make_unique<postgres_source>(std::move(*db), batch)};
}

}  // namespace gridlight::sync
