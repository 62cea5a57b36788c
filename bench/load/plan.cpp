#include "bench/load/plan.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>

#include "bench/load/walk.hpp"

namespace gridlight::bench {
namespace {

constexpr double never = std::numeric_limits<double>::infinity();

// Of a whole number of users, those of one thread.
std::size_t part_of(std::size_t all, std::size_t index, std::size_t of) {
  return all / of + (index < all % of ? 1 : 0);
}

std::discrete_distribution<std::size_t> weights(const scenario& s) {
  std::vector<double> out;
  for (const mix_part& m : s.mix)
    out.push_back(m.weight);
  return {out.begin(), out.end()};
}

class mix_source : public source {
 public:
  mix_source(const scenario& s, double rate, double offset, std::function<arrival()> any)
      : s_(s), rate_(rate), since_(offset / rate), due_(since_), any_(std::move(any)) {}

  double next_due_s() const override { return due_; }
  void take(std::vector<arrival>& out) override {
    arrival a = any_();
    a.due_s = due_;
    out.push_back(std::move(a));
    go_on();
  }

 private:
  // At an unchanged rate from its beginning, so that no rounding adds up.
  void go_on() {
    const double now = rate_at(due_);
    if (now != steady_) {
      steady_ = now;
      since_ = due_;
      n_ = 0;
    }
    due_ = since_ + static_cast<double>(++n_) / steady_;
  }
  double rate_at(double t) const {
    double out = rate_;
    if (t < s_.ramp_s) out *= std::max(t / s_.ramp_s, 0.02);
    const burst& b = s_.bursts;
    if (b.every_s > 0 && std::fmod(t, b.every_s) >= b.every_s - b.for_s) out *= b.times;
    return out;
  }

  const scenario& s_;
  const double rate_;
  double steady_ = 0, since_;  // the rate, and since when it holds
  std::uint64_t n_ = 0;        // requests since then
  double due_;
  std::function<arrival()> any_;
};

// Something that each of many users does again and again.
class user_source : public source {
 public:
  double next_due_s() const override {
    if (turns_.empty()) return never;
    return turns_.top().due;
  }

 protected:
  struct turn {
    double due;
    std::size_t user;
    bool operator>(const turn& other) const { return due > other.due; }
  };
  std::priority_queue<turn, std::vector<turn>, std::greater<>> turns_;
};

class poll_source : public user_source {
 public:
  poll_source(const poll_part& p, std::size_t users, std::string path, std::mt19937_64& random)
      : poll_(p), path_(std::move(path)), asked_(users) {
    for (std::size_t u = 0; u < users; ++u)
      turns_.push({std::uniform_real_distribution{0.0, p.every_s}(random), u});
  }
  void take(std::vector<arrival>& out) override {
    const turn t = turns_.top();
    turns_.pop();
    out.push_back({t.due, poll_.kind, path_, !asked_[t.user]});
    asked_[t.user] = true;
    turns_.push({t.due + poll_.every_s, t.user});
  }

 private:
  const poll_part& poll_;
  const std::string path_;
  std::vector<bool> asked_;
};

class map_source : public user_source {
 public:
  map_source(const scenario& s, std::size_t users, const places& from, std::mt19937_64& random)
      : s_(s), from_(from), random_(random), ranks_(s.maps.hot_places, s.maps.zipf) {
    for (std::size_t u = 0; u < users; ++u) {
      viewers_.emplace_back(s.maps, from, ranks_, random);
      // They come one after the other in the first few seconds, not all at once.
      turns_.push({std::uniform_real_distribution{0.0, s.maps.think_s}(random), u});
    }
  }
  void take(std::vector<arrival>& out) override {
    const turn t = turns_.top();
    turns_.pop();
    viewer& v = viewers_[t.user];
    if (!v.started())
      for (const std::size_t kind : s_.maps.start)
        add(out, t.due, kind, nullptr);
    const std::vector<geo::tile> tiles = v.started() ? v.move(random_) : v.begin();
    if (s_.maps.tiles)
      for (const geo::tile& each : tiles)
        add(out, t.due, *s_.maps.tiles, &each);
    const double pause = std::exponential_distribution{1 / s_.maps.think_s}(random_);
    turns_.push({t.due + std::clamp(pause, 0.1, 10 * s_.maps.think_s), t.user});
  }

 private:
  void add(std::vector<arrival>& out, double due, std::size_t kind, const geo::tile* t) {
    arrival a{due, kind, {}, false};  // a browser's cache outlives a page
    const path_template& path = s_.kinds[kind].path;
    if (t != nullptr)
      path.append(a.path, *t);
    else
      path.append(a.path, from_, random_);
    out.push_back(std::move(a));
  }

  const scenario& s_;
  const places& from_;
  std::mt19937_64& random_;
  const popularity ranks_;
  std::vector<viewer> viewers_;
};

}  // namespace

plan::plan(const scenario& s, const places& from, std::uint64_t seed, std::size_t index, std::size_t of)
    : scenario_(s), places_(from), random_(seed + index * 0x9E3779B97F4A7C15U), by_weight_(weights(s)) {
  const auto threads = static_cast<double>(of);
  if (s.rate > 0 && !s.mix.empty())
    sources_.push_back(std::make_unique<mix_source>(s, s.rate / threads, static_cast<double>(index) / threads,
                                                    [this] { return any(); }));
  for (const poll_part& p : s.polls) {
    std::string path;
    s.kinds[p.kind].path.append(path, from, random_);
    sources_.push_back(
        std::make_unique<poll_source>(p, part_of(p.users, index, of), std::move(path), random_));
  }
  if (s.maps.users > 0)
    sources_.push_back(std::make_unique<map_source>(s, part_of(s.maps.users, index, of), from, random_));
}

plan::~plan() = default;

std::optional<arrival> plan::next(double end_s) {
  while (ready_.empty()) {  // a move may need no new tile
    const auto first = std::min_element(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) {
      return a->next_due_s() < b->next_due_s();
    });
    if (first == sources_.end() || !((*first)->next_due_s() < end_s)) return std::nullopt;
    (*first)->take(ready_);
    std::reverse(ready_.begin(), ready_.end());
  }
  arrival out = std::move(ready_.back());
  ready_.pop_back();
  return out;
}

arrival plan::any() {
  arrival out{0, scenario_.mix.at(by_weight_(random_)).kind, {}, false};
  scenario_.kinds[out.kind].path.append(out.path, places_, random_);
  return out;
}

}  // namespace gridlight::bench
