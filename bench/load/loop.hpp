#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "bench/load/engine.hpp"

namespace gridlight::bench {

/// The whole head of a request. \param etag  for If-None-Match; empty: none
std::string request_head(const target& at, const request_kind& k, const std::string& extra,
                         std::string_view path, std::string_view etag);

/// One thread's share of a run: a schedule of due requests, and connections that take them.
class loop {
 public:
  using clock = std::chrono::steady_clock;

  loop(const target& at, const scenario& s, const places& from, const run_options& options,
       const std::vector<boost::asio::ip::tcp::endpoint>& addresses, clock::time_point start,
       std::size_t index, std::size_t of);

  /// Until all is answered, the run is stopped, or its time and the timeout are over.
  void go();
  void add_to(outcome& out) const;

  /// Of one second, for the live view; the caller is another thread.
  struct counts {
    histogram latency;
    std::uint64_t ok = 0, errors = 0;
  };
  void move_counts_to(counts& out);

 private:
  struct due_request {
    clock::time_point due;
    arrival what;
  };
  struct worker {
    explicit worker(boost::asio::io_context& io) : wake(io) {}
    boost::asio::steady_timer wake;
    connection* busy_with = nullptr;  // an exchange that may take too long
    clock::time_point give_up = clock::time_point::max();
    bool gave_up = false;
  };

  boost::asio::awaitable<void> schedule();
  boost::asio::awaitable<void> work(std::size_t index);
  boost::asio::awaitable<void> watch();
  boost::asio::awaitable<std::optional<due_request>> take(worker& me);
  boost::asio::awaitable<void> ask(connection& c, const due_request& r);
  void count(const answer& got, const due_request& r);
  void count_error(const due_request& r, const std::string& kind);
  void end_now(clock::time_point now);
  bool counted(clock::time_point due) const noexcept { return due >= measure_from_; }
  bool open_loop() const noexcept;
  clock::time_point at(double seconds) const;

  const target& target_;
  const scenario& scenario_;
  const run_options& options_;
  const std::vector<boost::asio::ip::tcp::endpoint>& addresses_;
  const clock::time_point start_, measure_from_, end_;
  const std::size_t connections_;
  boost::asio::io_context io_{1};
  plan plan_;
  checker checker_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::deque<due_request> due_;
  std::vector<worker*> idle_;
  bool scheduled_ = false;  // nothing more becomes due
  bool stopped_ = false;    // everybody is to end at once
  bool over_ = false;       // since the time is up: what was due and is not answered is an error
  std::size_t working_ = 0;
  clock::time_point stopped_at_;
  std::unordered_map<std::string, std::string> etags_;  // by path, of kinds that revalidate
  std::vector<tally> tallies_;
  histogram late_;
  double cpu_share_ = 0;
  std::mutex live_mutex_;
  counts live_;
};

/// Gathers what the loops saw in each second.
class second_watch {
 public:
  second_watch(const std::vector<std::unique_ptr<loop>>& loops, loop::clock::time_point start,
               std::function<void(const moment&)> tell)
      : loops_(loops), start_(start), tell_(std::move(tell)) {}
  /// Appends the second that is over, if one is; call it often.
  void look(std::vector<moment>& out);

 private:
  const std::vector<std::unique_ptr<loop>>& loops_;
  const loop::clock::time_point start_;
  std::function<void(const moment&)> tell_;
};

}  // namespace gridlight::bench
