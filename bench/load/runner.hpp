#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "bench/load/histogram.hpp"
#include "bench/load/question.hpp"

namespace gridlight::bench {

struct run_options {
  std::string host = "127.0.0.1";  ///< loopback only
  int port = 8080;
  std::size_t connections = 16;  ///< 1…10,000
  double rate = 0;               ///< requests a second, sent whatever the answers do; 0: closed loop
  std::chrono::milliseconds warm_up{1000};
  std::chrono::milliseconds duration{5000};
  std::uint64_t seed = 1;
};

struct run_report {
  histogram latency;                            ///< open loop: counted from the time a request was due
  std::uint64_t ok = 0, bytes = 0;              ///< after the warm-up; ok = status 200 with a body
  std::map<std::string, std::uint64_t> errors;  ///< by kind: "status 503", a network error's words
  double seconds = 0;
};

/// Asks `q` from one thread until the time is up, and returns what was seen.
run_report run(const run_options& options, const question& q);

}  // namespace gridlight::bench
