#pragma once

#include <boost/asio/awaitable.hpp>
#include <vector>

#include "server/config.hpp"
#include "sync/load/load.hpp"
#include "sync/load/load_input.hpp"

namespace gridlight::sync {

/// Counts the rows that the jobs would replace (load_job::rows_before), says so, and has it confirmed where
/// there are any. What is wrong with a job otherwise is for its load to say.
boost::asio::awaitable<result<void>> confirm_replacement(postgres::connection& db, const config& settings,
                                                         const load_options& options,
                                                         std::vector<load_job>& jobs);

/// Fails with errc::conflict when `stored` rows are too few to replace those of the job.
result<void> check_shrink(const load_job& job, std::int64_t stored, bool allowed);

}  // namespace gridlight::sync
