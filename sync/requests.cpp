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

std::string failed_literal(std::string_view why) {
  return connection::quote_literal(outcome_json(failure{errc::conflict, std::string{why}}));
}

}  // namespace

std::string outcome_json(const result<run_outcome>& outcome) {
  if (!outcome)
    return fmt::format(R"({{"status":"failed","error":{}}})", json_text(storable(outcome.error().detail)));
  return fmt::format(R"({{"status":"success","rows_synced":{},"final_count":{}}})",
                     outcome->written() + outcome->deleted,
                     outcome->final_count ? std::to_string(*outcome->final_count) : "null");
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
      fmt::format(
          "UPDATE gridlight.sync_request SET finished_at = clock_timestamp(), outcome = CASE WHEN "
          "requested_at < "
          "now() - interval '1 hour' THEN {} ELSE {} END::jsonb WHERE finished_at IS NULL AND requested_at < "
          "now() - CASE "
          "WHEN requested_by LIKE 'command %' THEN interval '15 s' ELSE interval '1 hour' END; "
          "UPDATE gridlight.sync_request SET outcome = '{{\"status\":\"running\"}}' WHERE finished_at IS "
          "NULL AND "
          "request_id = (SELECT min(request_id) FROM gridlight.sync_request WHERE finished_at IS NULL) "
          "RETURNING request_id, name, full_run, allow_shrink",
          failed_literal("nobody did it within an hour"), failed_literal("the command that asked has ended")),
      deadline_in(std::chrono::seconds{10}));
  if (!row) co_return row.error();
  std::optional<run_request> out;
  if (row->rows() == 1)
    out = run_request{number(row->text(0, 0)), std::string{row->text(0, 1)}, row->text(0, 2) == "t",
                      row->text(0, 3) == "t"};
  co_return out;
}

std::string withdraw_requests_sql(std::string_view name, std::string_view why) {
  return fmt::format(
      "UPDATE gridlight.sync_request SET finished_at = clock_timestamp(), outcome = {} WHERE name = {} AND "
      "finished_at IS NULL",
      failed_literal(why), connection::quote_literal(name));
}

awaitable<result<bool>> withdraw_request(connection& db, std::int64_t id, bool begun_too) {
  const auto row = co_await db.execute(
      fmt::format("UPDATE gridlight.sync_request SET finished_at = clock_timestamp(), outcome = {} WHERE "
                  "request_id = {} "
                  "AND finished_at IS NULL{} RETURNING request_id",
                  failed_literal("withdrawn"), id, begun_too ? "" : " AND outcome IS NULL"),
      command_deadline());
  if (!row) co_return row.error();
  co_return row->rows() > 0;
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

awaitable<result<request_state>> look_at_request(connection& db, std::int64_t id) {
  const auto row = co_await db.execute(
      fmt::format(
          "UPDATE gridlight.sync_request SET requested_at = clock_timestamp() WHERE request_id = {0} AND "
          "finished_at IS NULL AND requested_at < now() - interval '2 s'; "
          "SELECT finished_at IS NOT NULL, outcome IS NOT NULL, outcome->>'status', "
          "coalesce(outcome->>'error', ''), coalesce(outcome->>'rows_synced', '0'), "
          "outcome->>'final_count' FROM gridlight.sync_request WHERE request_id = {0}",
          id),
      command_deadline());
  if (!row) co_return row.error();
  if (row->rows() == 0) co_return failure{errc::conflict, "the request is gone: somebody has deleted it"};
  request_state out;
  out.begun = row->text(0, 1) == "t";
  if (row->text(0, 0) != "t") co_return out;
  result<run_outcome> was = failure{errc::internal, std::string{row->text(0, 3)}};
  if (row->text(0, 2) == "success") {
    run_outcome o;
    o.inserted = number(row->text(0, 4));
    if (!row->is_null(0, 5)) o.final_count = number(row->text(0, 5));
    was = o;
  }
  out.outcome = outcome_json(was);
  co_return out;
}

}  // namespace gridlight::sync
