#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "server/postgres/connection.hpp"
#include "sync/run.hpp"

/// Runs that somebody asks of whichever instance holds the lease: gridlight.sync_request.
namespace gridlight::sync {

struct run_request {
  std::int64_t id = 0;
  std::string name;
  bool full = false, allow_shrink = false;
};

boost::asio::awaitable<result<std::int64_t>> request_run(postgres::connection& db, run_request wanted,
                                                         std::string by);
/// The oldest that is not finished; after an hour nobody waits for one any more.
boost::asio::awaitable<result<std::optional<run_request>>> next_request(postgres::connection& db);
/// Ends those of a table that nobody has done yet, as failed.
std::string withdraw_requests_sql(std::string_view name, std::string_view why);
/// Does nothing where it was withdrawn meanwhile.
boost::asio::awaitable<result<void>> finish_request(postgres::connection& db, std::int64_t id,
                                                    result<run_outcome> outcome);
/// What became of it, as outcome_json() writes it; nothing while it is not finished.
boost::asio::awaitable<result<std::optional<std::string>>> outcome_of(postgres::connection& db,
                                                                      std::int64_t id);

/// {"status":"success","rows_synced":…,"final_count":…}, or {"status":"failed","error":…}.
std::string outcome_json(const result<run_outcome>& outcome);

}  // namespace gridlight::sync
