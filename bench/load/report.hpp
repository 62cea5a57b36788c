#pragma once

#include <string>

#include "bench/load/engine.hpp"

namespace gridlight::bench {

/// What a report tells of its run besides the figures.
struct run_facts {
  std::string url, scenario, about, command;
  std::string pace;  ///< how requests are sent, in words
  std::size_t connections = 0, threads = 1;
  double rate = 0;  ///< 0: closed loop
  std::uint64_t seed = 0;
  std::size_t places = 0;
  std::string started;  ///< UTC, ISO 8601
};

/// A table for a terminal: a line a kind of request and the total, then errors by kind and what to mind.
std::string text_report(const run_facts& facts, const outcome& o);
/// One JSON object in one line; `total` comes last.
std::string json_report(const run_facts& facts, const outcome& o);
/// A page that needs nothing else: tables, latency by percentile and by time as SVG.
std::string html_report(const run_facts& facts, const outcome& o);
/// One line of the live view.
std::string live_line(const moment& m, double of_s);

}  // namespace gridlight::bench
