#include "bench/load/loop.hpp"

#include <sys/resource.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace gridlight::bench {
namespace asio = boost::asio;
namespace {

constexpr std::size_t most_waiting = 500'000;  // beyond, a due request is an error at once: memory is bounded
constexpr std::size_t most_etags = 100'000;

double thread_cpu_s() {
  rusage u{};
  ::getrusage(RUSAGE_THREAD, &u);
  const auto s = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return s(u.ru_utime) + s(u.ru_stime);
}

std::chrono::nanoseconds as_time(double seconds) {
  return std::chrono::nanoseconds{static_cast<std::int64_t>(seconds * 1e9)};
}

}  // namespace

std::string request_head(const target& at, const request_kind& k, const std::string& extra,
                         std::string_view path, std::string_view etag) {
  std::string out;
  out.reserve(256 + path.size());
  out.append("GET ").append(at.prefix).append(path).append(" HTTP/1.1\r\nHost: ").append(at.authority);
  out.append("\r\nUser-Agent: gridlight-bench\r\n").append(extra).append(k.head);
  if (!etag.empty()) out.append("If-None-Match: ").append(etag).append("\r\n");
  return out.append("\r\n");
}

loop::loop(const target& at, const scenario& s, const places& from, const run_options& options,
           const std::vector<asio::ip::tcp::endpoint>& addresses, clock::time_point start, std::size_t index,
           std::size_t of)
    : target_(at),
      scenario_(s),
      options_(options),
      addresses_(addresses),
      start_(start),
      measure_from_(start + as_time(s.ramp_s + s.warm_up_s)),
      end_(measure_from_ + as_time(s.duration_s)),
      connections_(s.connections / of + (index < s.connections % of ? 1 : 0)),
      plan_(s, from, options.seed, index, of) {
  for (const request_kind& k : s.kinds)
    tallies_.emplace_back(k.name);
  for (std::size_t i = 0; i < connections_; ++i)
    workers_.push_back(std::make_unique<worker>(io_));
}

bool loop::open_loop() const noexcept {
  return scenario_.rate > 0 || scenario_.mix.empty();
}

loop::clock::time_point loop::at(double seconds) const {
  return start_ + as_time(seconds);
}

void loop::go() {
  const double cpu_before = thread_cpu_s();
  const auto begun = clock::now();
  working_ = connections_;
  for (std::size_t i = 0; i < connections_; ++i)
    asio::co_spawn(io_, work(i), asio::detached);
  if (open_loop()) asio::co_spawn(io_, schedule(), asio::detached);
  asio::co_spawn(io_, watch(), asio::detached);
  io_.run();
  const double wall = std::chrono::duration<double>(clock::now() - begun).count();
  cpu_share_ = (thread_cpu_s() - cpu_before) / wall;
}

// ---- when requests are due

asio::awaitable<void> loop::schedule() {
  asio::steady_timer timer{io_};
  const double end_s = std::chrono::duration<double>(end_ - start_).count();
  while (!stopped_) {
    auto next = plan_.next(end_s);
    if (!next) break;
    const auto due = at(next->due_s);
    if (due > clock::now()) {
      timer.expires_at(due);
      co_await timer.async_wait(asio::use_awaitable);
    }
    if (due_.size() >= most_waiting) {
      count_error({due, std::move(*next)}, "not sent: too many wait already");
      continue;
    }
    due_.push_back({due, std::move(*next)});
    if (idle_.empty()) continue;
    idle_.back()->wake.cancel();
    idle_.pop_back();
  }
  scheduled_ = true;
  for (worker* waiting : idle_)
    waiting->wake.cancel();
  idle_.clear();
}

asio::awaitable<std::optional<loop::due_request>> loop::take(worker& me) {
  if (!open_loop()) {
    const auto now = clock::now();
    if (stopped_ || now >= end_) co_return std::nullopt;
    co_return due_request{now, plan_.any()};
  }
  bool waited = false;
  while (due_.empty() && !scheduled_ && !stopped_) {
    waited = true;
    idle_.push_back(&me);
    me.wake.expires_at(clock::time_point::max());
    boost::system::error_code woken;
    co_await me.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (due_.empty() || stopped_) co_return std::nullopt;
  auto out = std::move(due_.front());
  due_.pop_front();
  if (waited && counted(out.due)) late_.add(clock::now() - out.due);
  co_return out;
}

// ---- what a connection does

asio::awaitable<void> loop::work(std::size_t index) {
  worker& me = *workers_[index];
  connection c{io_, target_, addresses_, options_.tls};
  const double share = static_cast<double>(index) / static_cast<double>(connections_);
  boost::system::error_code woken;
  me.wake.expires_at(start_ + as_time(scenario_.ramp_s * share));
  co_await me.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  while (auto r = co_await take(me)) {
    std::string error;
    me.busy_with = &c;
    me.gave_up = false;
    me.give_up = clock::now() + as_time(scenario_.timeout_s);
    try {
      if (!c.is_open()) co_await c.open();
      co_await ask(c, *r);
    } catch (const connection_error& e) {
      error = me.gave_up ? "no answer in time" : e.what();
    }
    me.busy_with = nullptr;
    me.give_up = clock::time_point::max();
    if (error.empty()) continue;
    c.close();
    if (stopped_ && !over_) break;
    count_error(*r, error);
    if (stopped_) break;
    // A server that refuses everybody is not to be asked a hundred thousand times a second.
    me.wake.expires_after(std::chrono::milliseconds{50});
    co_await me.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  --working_;
}

asio::awaitable<void> loop::ask(connection& c, const due_request& r) {
  const request_kind& k = scenario_.kinds[r.what.kind];
  std::string_view etag;
  if (k.revalidate && !r.what.first)
    if (const auto known = etags_.find(r.what.path); known != etags_.end()) etag = known->second;
  const std::string request = request_head(target_, k, options_.head, r.what.path, etag);
  const answer got = co_await c.exchange(request);
  count(got, r);
  if (k.revalidate && !got.etag.empty() && got.etag != etag && etags_.size() < most_etags)
    etags_[r.what.path] = std::string{got.etag};
}

void loop::count(const answer& got, const due_request& r) {
  const auto now = clock::now();
  const std::string fault = checker_.fault(got, scenario_.kinds[r.what.kind].expect);
  if (!fault.empty()) return count_error(r, fault);
  {
    const std::lock_guard lock{live_mutex_};
    live_.latency.add(now - r.due);
    ++live_.ok;
  }
  if (!counted(r.due)) return;
  tally& t = tallies_[r.what.kind];
  ++t.ok;
  t.unchanged += got.status == 304 ? 1 : 0;
  t.bytes += got.body.size();
  t.latency.add(now - r.due);
  add_server_timing(t.server, got.server_timing);
}

void loop::count_error(const due_request& r, const std::string& kind) {
  {
    const std::lock_guard lock{live_mutex_};
    ++live_.errors;
  }
  if (counted(r.due)) ++tallies_[r.what.kind].errors[kind];
}

// ---- the end

// Breaks off what takes too long, and everything when the run is stopped or over.
asio::awaitable<void> loop::watch() {
  asio::steady_timer timer{io_};
  const auto last = end_ + as_time(scenario_.timeout_s);
  while (working_ > 0) {
    timer.expires_after(std::chrono::milliseconds{20});
    co_await timer.async_wait(asio::use_awaitable);
    const auto now = clock::now();
    over_ = over_ || now > last;
    if (!stopped_ && (over_ || (options_.stop != nullptr && *options_.stop))) end_now(now);
    for (const auto& w : workers_) {
      if (w->busy_with == nullptr || (!stopped_ && now < w->give_up)) continue;
      w->gave_up = true;
      w->busy_with->close();
    }
  }
  io_.stop();
}

void loop::end_now(clock::time_point now) {
  stopped_ = true;
  stopped_at_ = std::min(now, end_);
  for (worker* waiting : idle_)
    waiting->wake.cancel();
  idle_.clear();
  if (over_)
    for (const due_request& r : due_)
      count_error(r, "not sent before the end");
  due_.clear();
}

void loop::add_to(outcome& out) const {
  for (std::size_t i = 0; i < tallies_.size(); ++i)
    out.kinds[i].add(tallies_[i]);
  out.late.add(late_);
  out.client_cpu_share = std::max(out.client_cpu_share, cpu_share_);
  const auto until = stopped_ ? stopped_at_ : end_;
  out.interrupted = out.interrupted || until < end_;
  out.seconds_counted = std::max(0.0, std::chrono::duration<double>(until - measure_from_).count());
}

void loop::move_counts_to(counts& out) {
  const std::lock_guard lock{live_mutex_};
  out.latency.add(live_.latency);
  out.ok += live_.ok;
  out.errors += live_.errors;
  live_ = {};
}

void second_watch::look(std::vector<moment>& out) {
  const double now_s = std::chrono::duration<double>(loop::clock::now() - start_).count();
  if (now_s < static_cast<double>(out.size() + 1)) return;
  loop::counts all;
  for (const auto& each : loops_)
    each->move_counts_to(all);
  out.push_back({static_cast<double>(out.size() + 1), all.ok, all.errors, all.latency.quantile_ms(0.5),
                 all.latency.quantile_ms(0.99), all.latency.max_ms()});
  if (tell_) tell_(out.back());
}

}  // namespace gridlight::bench
