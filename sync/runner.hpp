#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>

#include "server/config.hpp"
#include "sync/plan.hpp"
#include "sync/run.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// The sessions that runs need, kept from one run to the next: one in the database, one with Snowflake. One
/// run at a time, on the executor's one thread.
class runner {
 public:
  /// \param settings  must outlive it
  runner(boost::asio::any_io_executor executor, const config& settings);

  /// A run that takes longer than sync.run_timeout is given up.
  boost::asio::awaitable<result<run_outcome>> run(const table_plan& plan, run_options options);
  /// The session in the database; it is opened when there is none.
  boost::asio::awaitable<result<postgres::connection*>> database();
  /// Where a plan's rows come from, or go to. Lives until the next call.
  boost::asio::awaitable<result<source*>> source_of(const table_plan& plan);
  /// Of that session in Postgres; 0: there is none.
  int backend_pid() const noexcept { return db_ ? db_->backend_pid() : 0; }
  void reset();  ///< drops the sessions: the next run opens them anew
  void stop();   ///< what runs ends soon, as a failure
  void close();  ///< the sessions; after the last run

 private:
  void give_up(std::string_view why);

  boost::asio::any_io_executor executor_;
  const config& settings_;
  std::optional<postgres::connection> db_;
  std::unique_ptr<source> snowflake_, mirrored_;
  bool stopped_ = false;
};

}  // namespace gridlight::sync
