#include "sync/difference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sync/command.hpp"
#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace {

using postgres::connection;

std::string list(const std::vector<std::string>& columns, std::string_view prefix) {
  std::string out;
  for (const std::string& c : columns)
    out.append(out.empty() ? "" : ", ").append(prefix).append(ident(c));
  return out;
}

std::string same_key(const table_pair& t) {
  std::string out;
  for (const std::string& k : t.key)
    out += fmt::format("{0}l.{1} = s.{1}", out.empty() ? "" : " AND ", ident(k));
  return out;
}

// The rows as records beside their keys: the operator of byte-by-byte comparison is one of records.
std::string as_records(const table_pair& t, const std::string& table) {
  return fmt::format("(SELECT {}, ROW({}) AS gridlight_row FROM {})", list(t.key, ""), list(t.columns, ""),
                     table);
}

std::string counted(std::string_view statement, std::string_view column, std::int64_t run_id) {
  return fmt::format(
      "WITH done AS ({0} RETURNING 1) UPDATE gridlight.sync_run SET {1} = {1} + (SELECT count(*) "
      "FROM done) WHERE run_id = {2}",
      statement, column, run_id);
}

// Of live rows: their key is staged with a condition, and not without it.
std::string named(const table_pair& t, const std::string& only) {
  return fmt::format(
      "EXISTS (SELECT FROM {0} s WHERE {1} AND {2}) AND NOT EXISTS (SELECT FROM {0} s WHERE {1} AND NOT {2})",
      t.staged, same_key(t), only);
}

}  // namespace

boost::asio::awaitable<result<difference>> compare(connection& db, table_pair t) {
  const std::string key = ident(t.key[0]);
  const std::string sql = fmt::format(
      "SELECT count(*) FILTER (WHERE l.{0} IS NULL), count(*) FILTER (WHERE l.gridlight_row *<> "
      "s.gridlight_row AND l.{0} IS NOT NULL AND s.{0} IS NOT NULL), count(*) FILTER (WHERE s.{0} IS NULL), "
      "count(l.{0}), count(s.{0}) FROM {1} l FULL JOIN {2} s ON {3}",
      key, as_records(t, t.live), as_records(t, t.staged), same_key(t));
  const auto row = co_await db.execute(sql, command_deadline());
  if (!row) co_return row.error();
  co_return difference{number(row->text(0, 0)), number(row->text(0, 1)), number(row->text(0, 2)),
                       number(row->text(0, 3)), number(row->text(0, 4))};
}

boost::asio::awaitable<result<difference>> compare_some(connection& db, table_pair t, std::string only,
                                                        std::string doomed) {
  const std::string key = ident(t.key[0]);
  std::string sql = fmt::format(
      "SELECT count(*) FILTER (WHERE l.{0} IS NULL), count(*) FILTER (WHERE l.{0} IS NOT NULL AND "
      "l.gridlight_row *<> ROW({1})::record), count(*), ",
      key, list(t.columns, "s."));
  sql +=
      doomed.empty() ? "0" : fmt::format("(SELECT count(*) FROM {0} l WHERE {1})", t.live, named(t, doomed));
  sql += fmt::format(" FROM {} s LEFT JOIN {} l ON {}", t.staged, as_records(t, t.live), same_key(t));
  if (!only.empty()) sql += " WHERE " + only;
  const auto row = co_await db.execute(sql, command_deadline());
  if (!row) co_return row.error();
  difference out;
  out.inserted = number(row->text(0, 0));
  out.updated = number(row->text(0, 1));
  out.staged = number(row->text(0, 2));
  out.deleted = number(row->text(0, 3));
  co_return out;
}

std::string upsert_sql(const table_pair& t, std::int64_t run_id, const std::string& only) {
  std::string set;
  for (const std::string& c : t.columns)
    if (std::find(t.key.begin(), t.key.end(), c) == t.key.end())
      set += fmt::format("{0}{1} = excluded.{1}", set.empty() ? "" : ", ", ident(c));
  const std::string statement = fmt::format(
      "INSERT INTO {} ({}) SELECT {} FROM {} s LEFT JOIN {} l ON {} WHERE (l.{} IS NULL OR l.gridlight_row "
      "*<> ROW({})::record){} ON CONFLICT ({}) DO {}",
      t.live, list(t.columns, ""), list(t.columns, "s."), t.staged, as_records(t, t.live), same_key(t),
      ident(t.key[0]), list(t.columns, "s."), only.empty() ? "" : " AND " + only, list(t.key, ""),
      set.empty() ? "NOTHING" : "UPDATE SET " + set);
  return counted(statement, "rows_written", run_id);
}

std::string replace_sql(const table_pair& t, std::int64_t run_id, const std::string& only) {
  const std::string same = same_key(t), also = only.empty() ? "" : " AND " + only;
  const std::string kept = t.kept.empty() ? "" : ", " + list(t.kept, "");
  const std::string kept_values = t.kept.empty() ? "" : ", " + list(t.kept, "l.");
  return fmt::format(
             "CREATE TEMPORARY TABLE gridlight_taken ON COMMIT DROP AS SELECT l.* FROM {} l JOIN {} s ON {} "
             "WHERE "
             "ROW({})::record *<> ROW({})::record{} FOR UPDATE OF l; DELETE FROM {} l USING gridlight_taken "
             "s WHERE "
             "{}; ",
             t.live, t.staged, same, list(t.columns, "l."), list(t.columns, "s."), also, t.live, same) +
         counted(fmt::format("INSERT INTO {} ({}{}) OVERRIDING SYSTEM VALUE SELECT {}{} FROM {} s JOIN "
                             "gridlight_taken l ON {}{}",
                             t.live, list(t.columns, ""), kept, list(t.columns, "s."), kept_values, t.staged,
                             same, only.empty() ? "" : " WHERE " + only),
                 "rows_written", run_id);
}

std::string delete_missing_sql(const table_pair& t, std::int64_t run_id) {
  return counted(fmt::format("DELETE FROM {} l WHERE NOT EXISTS (SELECT FROM {} s WHERE {})", t.live,
                             t.staged, same_key(t)),
                 "rows_deleted", run_id);
}

std::string named_exist_sql(const table_pair& t, const std::string& only) {
  return fmt::format("SELECT EXISTS (SELECT FROM {0} l WHERE {1})", t.live, named(t, only));
}

std::string delete_named_sql(const table_pair& t, std::int64_t run_id, const std::string& only) {
  return counted(fmt::format("DELETE FROM {0} l WHERE {1}", t.live, named(t, only)), "rows_deleted", run_id);
}

}  // namespace gridlight::sync
