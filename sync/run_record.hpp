#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "server/postgres/connection.hpp"
#include "sync/fill.hpp"
#include "sync/plan.hpp"

/// What gridlight.sync_run, sync_error, sync_watermark and layer_state say of runs.
namespace gridlight::sync {

struct begun_run {
  std::int64_t id = 0;
  std::string started;  ///< as Postgres writes it
};
boost::asio::awaitable<result<begun_run>> begin_run(postgres::connection& db, const table_plan& plan,
                                                    std::string mode, std::int64_t token);

/// Statements for the transaction of the run's change: success, its rejected rows, the layers' source time.
/// Rows written and deleted are counted by the change itself.
std::string success_sql(const table_plan& plan, const begun_run& run, const filled& rows);
/// The mark up to which rows have been taken, in nanoseconds; nothing: only that a run was.
std::string watermark_sql(const table_plan& plan, std::optional<std::int64_t> mark, std::int64_t rows);
std::string fence_sql(std::int64_t token);
/// Says whose the changes of this transaction are. Part of success_sql().
std::string own_sql(std::int64_t run_id);

/// The schedule has the table again, unless it was rolled back since this run by hand began.
std::string resume_sql(const table_plan& plan, std::int64_t run_id);

boost::asio::awaitable<void> record_failure(postgres::connection& db, const table_plan& plan,
                                            const begun_run& run, const filled& rows, failure f);

boost::asio::awaitable<result<std::optional<std::int64_t>>> read_watermark(postgres::connection& db,
                                                                           const table_plan& plan);

/// What runs of earlier holders of the lease left behind: their staging tables are dropped, they are recorded
/// as failed.
boost::asio::awaitable<result<void>> clean_up(postgres::connection& db, std::int64_t token);
/// Drops tables kept for rollback that are older than `keep`, and all but the last of each layer.
boost::asio::awaitable<result<void>> drop_kept(postgres::connection& db, std::chrono::milliseconds keep);

}  // namespace gridlight::sync
