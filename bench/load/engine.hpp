#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "bench/load/plan.hpp"
#include "bench/load/tally.hpp"

namespace gridlight::bench {

struct run_options {
  std::size_t threads = 1;
  std::uint64_t seed = 1;
  std::string head = {};  ///< header lines for every request, each ended by CRLF
  boost::asio::ssl::context* tls = nullptr;
  /// Set from anywhere: the run ends at once with what it has.
  const std::atomic<bool>* stop = nullptr;
  /// Called about once a second with the second that is over; from the thread that called run().
  std::function<void(const moment&)> on_second = {};
};

/// Asks each kind of request once, uncounted. \throws usage_error telling which one is not answered as the
/// scenario expects, so that no load runs against a server that cannot serve it
void probe(const target& at, const scenario& s, const places& from, const run_options& options);

/// Runs a scenario to its end, or until it is stopped. Bounded by its times: warm-up, duration and at most
/// its timeout behind. In the open loop a request's latency counts from when it was due; one that was due and
/// not answered by the end is an error.
outcome run(const target& at, const scenario& s, const places& from, const run_options& options);

}  // namespace gridlight::bench
