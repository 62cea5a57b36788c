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

/// \param by  one that begins with "command " waits, and says so by looking at the request
boost::asio::awaitable<result<std::int64_t>> request_run(postgres::connection& db, run_request wanted,
                                                         std::string by);
/// The oldest that is not finished, as begun. Those that nobody waits for any more are ended as failed first:
/// after an hour, and a command's when nobody has looked at it for 15 s.
boost::asio::awaitable<result<std::optional<run_request>>> next_request(postgres::connection& db);
/// Ends those of a table that nobody has done yet, as failed.
std::string withdraw_requests_sql(std::string_view name, std::string_view why);
/// Does nothing where it was withdrawn meanwhile.
boost::asio::awaitable<result<void>> finish_request(postgres::connection& db, std::int64_t id,
                                                    result<run_outcome> outcome);
struct request_state {
  bool begun = false;                  ///< somebody runs it, or did when he died
  std::optional<std::string> outcome;  ///< as outcome_json() writes it, when it is finished
};
boost::asio::awaitable<result<request_state>> look_at_request(postgres::connection& db, std::int64_t id);
/// False: too late, it is finished, or begun unless `begun_too`.
boost::asio::awaitable<result<bool>> withdraw_request(postgres::connection& db, std::int64_t id,
                                                      bool begun_too);

/// {"status":"success","rows_synced":…,"final_count":…} (null where rows could not be counted), or
/// {"status":"failed","error":…}.
std::string outcome_json(const result<run_outcome>& outcome);

}  // namespace gridlight::sync
