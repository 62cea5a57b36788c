#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/router.hpp"
#include "server/metrics.hpp"

namespace gridlight::http {

/// Counts that all threads share and gauges read.
struct live_counts {
  std::atomic<std::int64_t> connections{0};
  std::atomic<std::int64_t> in_flight{0};
  std::atomic<std::int64_t> listeners{0};   ///< to whom a stream is sent
  std::atomic<std::uint64_t> dropped{0};    ///< of these, cut off because they read too slowly
  std::atomic<std::uint64_t> refused{0};    ///< connections beyond max_connections or an address's share
  std::atomic<std::uint64_t> made_room{0};  ///< idle connections closed for new ones
};
/// Registers the gauges; they keep the counts alive as long as the metrics.
std::shared_ptr<live_counts> make_live_counts(metrics& m);

/// Requests by route and status, for one thread. A series is made when its first request comes.
class request_metrics {
 public:
  request_metrics(metrics& m, const std::vector<route>& routes);
  /// \param found  nullptr: no route ("unmatched")
  void count(const route* found, int status, double ms);

 private:
  struct series {
    std::string_view route;
    metrics::histogram duration;
    std::vector<std::pair<int, metrics::counter>> by_status;
  };
  metrics& metrics_;
  const route* first_;
  std::vector<series> series_;  // as routes, then "unmatched"
};

}  // namespace gridlight::http
