#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>

#include "server/metrics.hpp"
#include "sync/foreign.hpp"
#include "sync/plan.hpp"
#include "sync/reaper.hpp"

namespace gridlight::sync {

/// What the server that holds the lease looks at every few seconds, on a session of its own, also while a run
/// takes its time: foreign changes of the layers that it keeps, and sessions that nobody uses. Tells of them
/// in the log and in metrics. On its executor's one thread.
class watch {
 public:
  /// Who leads, and what is in use.
  struct view {
    std::optional<std::int64_t> lease;  ///< nothing: it is not held
    int backend = 0;                    ///< of the session of runs; 0: there is none
  };
  /// \param settings  must outlive it, as must `counters`
  watch(boost::asio::any_io_executor executor, const config& settings, std::span<const table_plan> plans,
        metrics& counters, std::function<view()> now);

  boost::asio::awaitable<void> run();  ///< until stop()
  void stop();

 private:
  boost::asio::awaitable<result<void>> look(view now);
  boost::asio::awaitable<result<void>> open(std::int64_t lease);
  void tell(const std::vector<foreign_change>& found);
  void tell(const std::vector<zombie>& found);

  boost::asio::any_io_executor executor_;
  const config& settings_;
  std::function<view()> now_;
  boost::asio::steady_timer timer_;
  std::optional<postgres::connection> db_;
  std::vector<std::string> layers_;              // whose foreign changes are told of
  std::map<std::string, std::string> table_of_;  // under sync.tables
  std::map<std::string, metrics::counter> changes_;
  metrics::counter found_, ended_;
  std::shared_ptr<std::atomic<int>> there_ = std::make_shared<std::atomic<int>>(0);
  std::set<std::pair<int, std::string>> told_;  // backends, by number and start
  std::optional<std::int64_t> led_with_;
  std::string trouble_;
  bool stopping_ = false;
};

}  // namespace gridlight::sync
