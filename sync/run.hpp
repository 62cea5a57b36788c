#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/postgres/connection.hpp"
#include "sync/plan.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

struct run_options {
  bool full = false;          ///< all rows, whatever the mode
  bool dry_run = false;       ///< read and compare, change nothing
  bool allow_shrink = false;  ///< for this run
  std::int64_t token = 0;     ///< of the lease, which is checked with each change; unused by a dry run
  std::chrono::milliseconds keep_previous{0};  ///< 0: what a swap replaces is dropped
  bool checksums = false;                      ///< with dry_run: of both sides' rows
  std::function<void(std::string_view phase, std::int64_t rows)> progress = {};
  /// Why the run was ended from without, where it was: then its failure is this, not what came of it.
  std::shared_ptr<const std::optional<failure>> given_up = {};
};

struct run_outcome {
  std::int64_t run_id = 0;
  std::string mode;  ///< what was done: full, watermark, changes, push, mirrored
  std::string did;   ///< "nothing changed", "merged", "swapped", "pushed"; of a dry run what would be
  std::int64_t read = 0, inserted = 0, updated = 0, deleted = 0, rejected = 0;
  std::uint64_t bytes = 0;
  std::optional<std::int64_t> final_count;     ///< rows in the table now; nothing: they could not be counted
  std::string source_checksum, live_checksum;  ///< where asked for
  std::vector<std::string> warnings;           ///< of what went well, and yet is not as it should be
  std::int64_t written() const noexcept { return inserted + updated; }
};

/// One run for one table on a session of its own: reads the source, checks, and changes what differs in one
/// transaction, recorded in gridlight.sync_run, or fails and leaves everything as it was, recorded too.
/// \param from  of a push, where rows go
boost::asio::awaitable<result<run_outcome>> run_table(postgres::connection& db, source& from,
                                                      const table_plan& plan, run_options options);

/// A run that fails before it reads, because its source cannot be opened: recorded like any other.
boost::asio::awaitable<void> record_unread(postgres::connection& db, const table_plan& plan,
                                           run_options options, failure why);
/// Why a run failed that could not record it, for its own session was lost. \param db  another one
boost::asio::awaitable<void> record_lost(postgres::connection& db, const table_plan& plan, std::int64_t token,
                                         failure why);

/// How a run is recorded that begins so.
std::string mode_of(const table_plan& plan, const run_options& options);

/// Whether a failure is that the lease was taken over.
bool is_fenced(const failure& f);

}  // namespace gridlight::sync
