#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/histogram.hpp"

namespace gridlight::bench {

/// The parts of a Server-Timing header that gridlight tells.
inline constexpr std::array<std::string_view, 4> server_parts{"queue", "db", "encode", "cache"};

/// Adds what a Server-Timing header says to `parts`; parts it does not name stay as they are.
void add_server_timing(std::array<histogram, 4>& parts, std::string_view header);

/// What was seen of one kind of request, after the warm-up.
struct tally {
  explicit tally(std::string n) : name(std::move(n)) {}

  std::string name;
  std::uint64_t ok = 0, unchanged = 0, bytes = 0;  ///< unchanged: those of `ok` that were 304
  std::map<std::string, std::uint64_t> errors;     ///< by kind
  histogram latency;                               ///< of right answers; open loop: from the time one was due
  std::array<histogram, 4> server;                 ///< as server_parts

  std::uint64_t error_count() const;
  void add(const tally& other);
};

/// A second of the run, for the plot.
struct moment {
  double at_s = 0;  ///< its end, from the start of the warm-up
  std::uint64_t ok = 0, errors = 0;
  double p50_ms = 0, p99_ms = 0, max_ms = 0;
};

/// A whole run.
struct outcome {
  std::vector<tally> kinds;
  std::vector<moment> seconds;
  double seconds_counted = 0;  ///< after the warm-up
  bool interrupted = false;
  double client_cpu_share = 0;  ///< of the busiest thread's core
  histogram late;               ///< by how much requests left late though a connection was free

  tally total() const;
  /// Why the figures tell of the client rather than of the server; empty: they do not.
  std::string client_limit() const;
  double rps() const;
};

}  // namespace gridlight::bench
