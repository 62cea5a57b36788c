#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sync/demo/random.hpp"

namespace gridlight::test::snowflake {

/// Which requests a fault meets.
enum class route { any, submit, poll, partition, cancel };

/// One thing that goes wrong.
struct fault {
  enum class kind {
    status,           ///< an answer with `status`, `code`, `message`, `retry_after_s`
    html,             ///< `status` with a page
    empty,            ///< `status` with no body
    stall,            ///< the answer waits for `pause` after its first `bytes`
    cut,              ///< the connection ends after `bytes` of the answer
    truncated_gzip,   ///< the packed body lacks its last half
    wrong_partition,  ///< another partition's rows
    added_column,     ///< each row of the partition has a cell too many
    dropped_column,   ///< or one too few
    short_partition,  ///< its last row is missing
    wrong_count,      ///< numRows is one too many
    truncated_result  ///< code 391908
  } what = kind::status;
  route on = route::any;
  bool after = false;      ///< status, html, empty: the request has its effect first
  int times = 1;           ///< the next so many; 0: without end
  double probability = 1;  ///< of each request that it could meet
  int partition = -1;      ///< only this one; -1: any

  int status = 503;
  std::string code = "000603", message = "Service unavailable";
  std::optional<int> retry_after_s = std::nullopt;
  std::chrono::milliseconds pause{0};
  std::size_t bytes = 0;
};

/// \throws std::runtime_error for what is not a fault; the members are those above, `what` and `on` by name,
/// `pause` as pause_ms
fault fault_from_json(const std::string& json);

/// What is to go wrong. For all threads; the same seed and requests give the same faults.
class fault_plan {
 public:
  void seed(std::uint64_t s);
  void add(fault f);
  void clear();
  /// Faults of a request are asked for when it comes, those of a result (wrong_count, truncated_result) when
  /// there is one to show.
  enum class stage { request, result };
  /// The first that meets this request; counted.
  std::optional<fault> next(route on, int partition, stage now = stage::request);
  std::size_t fired() const;

  void wait(std::chrono::milliseconds time);  ///< of a stall; ends early with end()
  void end();                                 ///< nothing stalls any more

 private:
  mutable std::mutex mutex_;
  std::vector<fault> plan_;
  sync::demo::random random_{1};
  std::size_t fired_ = 0;
  std::condition_variable ending_;
  bool ended_ = false;
};

/// Rows `[["1","a"],…]` made wrong as the fault says.
std::string spoil_rows(const std::string& rows, fault::kind what);

}  // namespace gridlight::test::snowflake
