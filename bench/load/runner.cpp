#include "bench/load/runner.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <vector>

#include "bench/load/http_connection.hpp"

namespace gridlight::bench {
namespace asio = boost::asio;
namespace {

using clock = std::chrono::steady_clock;

// One loop's state. Open loop: `schedule` puts due times into `due_` and wakes a waiting client.
class load {
 public:
  load(const run_options& options, const question& q)
      : options_(options), question_(q), random_(options.seed) {}

  run_report go() {
    const auto start = clock::now();
    measure_from_ = start + options_.warm_up;
    end_ = measure_from_ + options_.duration;
    for (std::size_t i = 0; i < options_.connections; ++i)
      asio::co_spawn(io_, client(), asio::detached);
    if (options_.rate > 0) asio::co_spawn(io_, schedule(start), asio::detached);
    // A server that never answers must not hold the generator: 10 s after the end it stops.
    io_.run_until(end_ + std::chrono::seconds{10});
    report_.seconds = std::chrono::duration<double>(options_.duration).count();
    return std::move(report_);
  }

 private:
  asio::awaitable<void> schedule(clock::time_point start) {
    asio::steady_timer timer{io_};
    const std::chrono::duration<double> gap{1 / options_.rate};
    for (std::uint64_t n = 0;; ++n) {
      const auto due = start + std::chrono::duration_cast<clock::duration>(gap * static_cast<double>(n));
      if (due >= end_) break;
      if (due > clock::now()) {
        timer.expires_at(due);
        co_await timer.async_wait(asio::use_awaitable);
      }
      due_.push_back(due);
      if (!idle_.empty()) {
        idle_.back()->cancel();
        idle_.pop_back();
      }
    }
    finished_ = true;
    for (asio::steady_timer* waiting : idle_)
      waiting->cancel();
    idle_.clear();
  }

  // The next request's due time, or end_ when there is no more to do.
  asio::awaitable<clock::time_point> next(asio::steady_timer& wake) {
    if (options_.rate <= 0) co_return std::min(clock::now(), end_);
    while (due_.empty() && !finished_) {
      idle_.push_back(&wake);
      wake.expires_at(clock::time_point::max());
      boost::system::error_code woken;
      co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
    if (due_.empty()) co_return end_;
    const auto due = due_.front();
    due_.pop_front();
    co_return due;
  }

  asio::awaitable<void> client() {
    http_connection connection{asio::ip::tcp::socket{io_}};
    asio::steady_timer wake{io_};
    bool connected = false;
    std::string request;
    for (;;) {
      const auto due = co_await next(wake);
      if (due >= end_) break;
      std::string error;
      try {
        if (!connected) {
          co_await connection.connect(
              {asio::ip::make_address(options_.host), static_cast<std::uint16_t>(options_.port)});
          connected = true;
        }
        request = "GET ";
        question_.append(request, random_);
        request += " HTTP/1.1\r\nHost: bench\r\n\r\n";
        const reply r = co_await connection.exchange(request);
        if (due >= measure_from_) count(r, due);
      } catch (const std::exception& e) {
        error = e.what();
      }
      if (!error.empty()) {
        ++report_.errors[error];
        connection.close();
        connection = http_connection{asio::ip::tcp::socket{io_}};
        connected = false;
        wake.expires_after(std::chrono::milliseconds{50});
        co_await wake.async_wait(asio::use_awaitable);
      }
    }
  }

  void count(const reply& r, clock::time_point due) {
    if (r.status != 200 || r.body.empty()) {
      ++report_.errors["status " + std::to_string(r.status)];
      return;
    }
    ++report_.ok;
    report_.bytes += r.body.size();
    report_.latency.add(clock::now() - due);
  }

  const run_options& options_;
  const question& question_;
  asio::io_context io_{1};
  std::mt19937_64 random_;
  clock::time_point measure_from_, end_;
  std::deque<clock::time_point> due_;
  std::vector<asio::steady_timer*> idle_;
  bool finished_ = false;
  run_report report_;
};

}  // namespace

run_report run(const run_options& options, const question& q) {
  return load{options, q}.go();
}

}  // namespace gridlight::bench
