#pragma once

#include <memory>

#include "server/config.hpp"
#include "server/metrics.hpp"

namespace gridlight::sync {

/// Keeps the tables of sync.tables fresh while the process serves: on a thread of its own, of lower priority,
/// so that nothing it does is in a request's way. Of several instances the one with the lease does so; it
/// also does what others asked for (gridlight.sync_request). A run at a time.
class keeper {
 public:
  /// Null when there is nothing to keep. Fails with errc::input when the tables cannot be kept as they are
  /// configured.
  static result<std::unique_ptr<keeper>> make(std::shared_ptr<const config> settings, metrics& counters);
  /// Nothing, or why make() would fail.
  static result<void> check(const config& settings);
  ~keeper();  ///< ends it and waits for that
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;

  void start();
  void ask_to_stop();  ///< from any thread; what runs is given up
  void retire();       ///< returns when it has ended, behind what runs

 private:
  struct impl;
  explicit keeper(std::unique_ptr<impl> p);
  std::unique_ptr<impl> impl_;
};

/// What tells one instance from another in gridlight.sync_lease.
std::string instance_name();
/// How the lease's own session is opened.
postgres::connect_options lease_connection(const config::postgres_settings& settings);

}  // namespace gridlight::sync
