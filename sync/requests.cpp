#include "sync/requests.hpp"

#include <fmt/format.h>

#include "sync/command.hpp"
#include "sync/load/storable.hpp"
#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + '"';
}

}  // namespace

std::string outcome_json(const result<run_outcome>& outcome) {
  if (!outcome)
    return fmt::format(R"({{"status":"failed","error":{}}})", json_text(storable(outcome.error().detail)));
  return fmt::format(R"({{"status":"success","rows_synced":{},"final_count":{}}})",
                     outcome->written() + outcome->deleted, outcome->final_count);
}

awaitable<result<std::int64_t>> request_run(connection& db, run_request wanted, std::string by) {
  const auto row = co_await db.execute(fmt::format("INSERT INTO gridlight.sync_request (name, full_run, "
                                                   "allow_shrink, requested_by) VALUES ({}, {}, {}, "
                                                   "{}) RETURNING request_id",
                                                   connection::quote_literal(wanted.name), wanted.full,
                                                   wanted.allow_shrink, connection::quote_literal(by)),
                                       command_deadline());
  if (!row) co_return row.error();
  co_return number(row->text(0, 0));
}

awaitable<result<std::optional<run_request>>> next_request(connection& db) {
  const auto row = co_await db.execute(
      "SELECT request_id, name, full_run, allow_shrink FROM gridlight.sync_request WHERE finished_at IS NULL "
      "AND requested_at > now() - interval '1 hour' "
      "ORDER BY "
      "request_id LIMIT 1",
      deadline_in(std::chrono::seconds{10}));
  if (!row) co_return row.error();
  std::optional<run_request> out;
  if (row->rows() == 1)
    out = run_request{number(row->text(0, 0)), std::string{row->text(0, 1)}, row->text(0, 2) == "t",
                      row->text(0, 3) == "t"};
  co_return out;
}

std::string withdraw_requests_sql(std::string_view name, std::string_view why) {
  const result<run_outcome> outcome = failure{errc::conflict, std::string{why}};
  return fmt::format(
      "UPDATE gridlight.sync_request SET finished_at = clock_timestamp(), outcome = {} WHERE name = {} AND "
      "finished_at IS NULL",
      connection::quote_literal(outcome_json(outcome)), connection::quote_literal(name));
}

awaitable<result<void>> finish_request(connection& db, std::int64_t id, result<run_outcome> outcome) {
  const std::string run = outcome ? std::to_string(outcome->run_id) : "NULL";
  const auto done = co_await db.execute(
      fmt::format(
          "UPDATE gridlight.sync_request SET finished_at = clock_timestamp(), run_id = {}, outcome = {} "
          "WHERE "
          "request_id = {} AND finished_at IS NULL; DELETE FROM gridlight.sync_request WHERE finished_at < "
          "now() - interval '7 days'",
          run, connection::quote_literal(outcome_json(outcome)), id),
      command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<std::optional<std::string>>> outcome_of(connection& db, std::int64_t id) {
  const auto row =
      co_await db.execute(fmt::format("SELECT outcome->>'status', coalesce(outcome->>'error', ''), "
                                      "coalesce(outcome->>'rows_synced', '0'), "
                                      "coalesce(outcome->>'final_count', '0') FROM gridlight.sync_request "
                                      "WHERE request_id = {} AND finished_at "
                                      "IS NOT NULL",
                                      id),
                          command_deadline());
  if (!row) co_return row.error();
  std::optional<std::string> out;
  if (row->rows() == 1) {
    result<run_outcome> was = failure{errc::internal, std::string{row->text(0, 1)}};
    if (row->text(0, 0) == "success") {
      run_outcome o;
      o.inserted = number(row->text(0, 2));
      o.final_count = number(row->text(0, 3));
      was = o;
    }
    out = outcome_json(was);
  }
  co_return out;
}

}  // namespace gridlight::sync
