#include "server/postgres/pool_machine.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace gridlight::postgres {

pool_machine::pool_machine(const options& o, std::function<double()> random)
    : options_(o), random_(std::move(random)), slots_(o.lane.size) {
  std::size_t& kept = options_.lane.kept_connections;  // never all
  kept = std::min(kept, std::max<std::size_t>(slots_.size(), 1) - 1);
}

void pool_machine::start(time now) {
  running_ = true;
  plan(now);
}

void pool_machine::stop() {
  running_ = false;
  refuse_all(errc::shutting_down);
  close_idle();
}

void pool_machine::refuse_all(errc why) {
  queue_.for_each([&](const waiting_entry& w) { actions_.push_back({action::kind::refuse, 0, w.who, why}); });
  queue_ = {};
  earliest_ = time::max();
}

void pool_machine::close_idle() {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].state == condition::idle) {
      set(i, condition::empty);
      actions_.push_back({action::kind::close, i});
    }
}

void pool_machine::stalled(time now) {
  if (!running_) return;
  stalled_ = true;
  failures_ = std::max(failures_, 1U);
  retry_at_ = now + pause();
  counts_.timed_out += queue_.size();
  refuse_all(errc::database_unavailable);
  close_idle();
  for (slot_entry& s : slots_)
    s.shared = false;
}

void pool_machine::set(std::size_t slot, condition next) {
  const auto count = [this](condition s, std::size_t by) {
    if (s == condition::idle) idle_ += by;
    if (s == condition::busy) busy_ += by;
    if (s == condition::connecting) connecting_ += by;
  };
  count(slots_[slot].state, static_cast<std::size_t>(-1));
  count(next, 1);
  slots_[slot].state = next;
  if (next == condition::busy) return;
  slots_[slot].users = 0;
  if (std::exchange(slots_[slot].counted, false)) --alone_;
}

// The one used last: its caches are warm, here and in its backend.
std::size_t pool_machine::idle_slot() const {
  std::size_t best = slots_.size();
  for (std::size_t i = 0; i < slots_.size() && idle_ > 0; ++i)
    if (slots_[i].state == condition::idle &&
        (best == slots_.size() || slots_[i].last_used > slots_[best].last_used))
      best = i;
  return best;
}

bool pool_machine::may_join(const slot_entry& s, time now) const {
  return s.state == condition::busy && s.shared && s.users < options_.lane.sharers &&
         now - s.opened <= 2 * s.lifetime;
}

std::size_t pool_machine::shared_slot(time now) const {
  std::size_t best = slots_.size();
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (may_join(slots_[i], now) && (best == slots_.size() || slots_[i].users < slots_[best].users)) best = i;
  return best;
}

std::size_t pool_machine::shared_slots() const {
  return static_cast<std::size_t>(std::count_if(slots_.begin(), slots_.end(),
                                                [](const slot_entry& s) { return s.users > 0 && s.shared; }));
}

void pool_machine::grant(std::size_t slot, share how, urgency rank) {
  set(slot, condition::busy);
  slot_entry& s = slots_[slot];
  s.shared = how == share::yes;
  ++s.users;
  if (how == share::no && rank == urgency::ordinary) {
    s.counted = true;
    ++alone_;
  }
  ++counts_.acquired;
}

// Nobody who waits comes before it.
bool pool_machine::has_turn(share how, urgency rank) const {
  if (how == share::no && rank == urgency::ordinary && !may_be_alone()) return false;
  const waiting_entry* const first = queue_.first(may_be_alone());
  return first == nullptr || (rank == urgency::priority && first->rank == urgency::ordinary);
}

bool pool_machine::queue_full(urgency rank) const {
  const lane_options& l = options_.lane;
  return queue_.size() >= l.max_waiting ||
         (rank == urgency::ordinary && queue_.ordinary() + l.kept_waiting >= l.max_waiting);
}

pool_machine::answer pool_machine::acquire(waiter who, time now, time until, share how, urgency rank) {
  if (!running_) return {answer::kind::refused, 0, errc::shutting_down};
  if (slots_.empty()) return {answer::kind::refused, 0, errc::internal};
  if (stalled_) return {answer::kind::refused, 0, errc::database_unavailable};
  std::size_t best = slots_.size();
  if (has_turn(how, rank)) {
    const bool joins = how == share::yes;
    if (joins && shared_slots() >= options_.lane.spread) best = shared_slot(now);
    if (best == slots_.size()) best = idle_slot();
    if (best == slots_.size() && joins) best = shared_slot(now);
  }
  if (best < slots_.size()) {
    grant(best, how, rank);
    return {answer::kind::served, best};
  }
  if (queue_full(rank)) {
    ++counts_.exhausted;
    return {answer::kind::refused, 0, errc::pool_exhausted};
  }
  const bool down = up() == 0 && failures_ > 0;
  const time give_up = down ? now + options_.patience : time::max();
  queue_.push({who, until, give_up, how, rank});
  earliest_ = std::min({earliest_, until, give_up});
  return {answer::kind::queued};
}

bool pool_machine::abandon(waiter who) {
  return queue_.erase(who);
}

void pool_machine::released(std::size_t slot, bool clean, time now) {
  slot_entry& s = slots_[slot];
  assert(s.state == condition::busy && s.users > 0);
  if (--s.users > 0) {
    if (!clean) s.shared = false;
    if (running_) serve_waiting(slot, now);
    return;
  }
  if (!running_) {
    set(slot, condition::empty);
    if (clean) actions_.push_back({action::kind::close, slot});
    return;
  }
  if (!clean) {
    set(slot, condition::empty);
    // One that was passed by may now have a kept connection that rests.
    if (const std::size_t rested = idle_slot(); rested < slots_.size()) serve_waiting(rested, now);
    return plan(now);
  }
  offer(slot, now);
}

// Gives a live connection that nobody uses to the first who still waits, replaces it when it is too old, or
// lets it rest. One that is in constant use is let grow twice as old.
void pool_machine::offer(std::size_t slot, time now) {
  slot_entry& s = slots_[slot];
  s.last_used = now;
  const auto age = now - s.opened;
  if (age > 2 * s.lifetime && connecting_ == 0) return replace(slot, now);
  set(slot, condition::idle);
  serve_waiting(slot, now);
  if (s.state == condition::idle && age > s.lifetime && connecting_ == 0) replace(slot, now);
}

void pool_machine::serve_waiting(std::size_t slot, time now) {
  slot_entry& s = slots_[slot];
  while (const waiting_entry* const next = queue_.first(may_be_alone())) {
    const waiting_entry first = *next;
    const bool fits = s.state == condition::idle || (first.how == share::yes && may_join(s, now));
    if (!fits && !(now >= first.until)) return;
    queue_.pop(first);
    if (leaves(first, now)) continue;
    grant(slot, first.how, first.rank);
    actions_.push_back({action::kind::serve, slot, first.who});
  }
}

void pool_machine::replace(std::size_t slot, time now) {
  actions_.push_back({action::kind::close, slot});
  set(slot, condition::empty);
  plan(now);
}

void pool_machine::connected(std::size_t slot, time now) {
  assert(slots_[slot].state == condition::connecting);
  ++counts_.connects;
  failures_ = 0;
  stalled_ = false;
  fastest_ = std::min(fastest_, now - slots_[slot].opened);
  if (!running_) {
    set(slot, condition::empty);
    actions_.push_back({action::kind::close, slot});
    return;
  }
  slots_[slot].opened = now;
  // Spread, so that those opened together do not all go together.
  slots_[slot].lifetime =
      std::chrono::duration_cast<steady::duration>(options_.max_age * (0.9 + 0.1 * random_()));
  set(slot, condition::idle);
  offer(slot, now);
  plan(now);
}

void pool_machine::connect_failed(std::size_t slot, time now) {
  assert(slots_[slot].state == condition::connecting);
  set(slot, condition::empty);
  if (!running_) return;
  ++counts_.connect_failures;
  failures_ = std::min(failures_ + 1, 30U);
  retry_at_ = now + pause();
  if (up() > 0) return;
  const time give_up = now + options_.patience;
  queue_.for_each([&](waiting_entry& w) {
    w.give_up = std::min(w.give_up, give_up);
    earliest_ = std::min(earliest_, w.give_up);
  });
}

// What has been fast before either is so again or will not come: a new attempt finds out sooner.
steady::duration pool_machine::connect_limit() const {
  if (failures_ == 0 || fastest_ > options_.connect_timeout / 8) return options_.connect_timeout;
  return std::min<steady::duration>(options_.connect_timeout,
                                    std::max<steady::duration>(std::chrono::seconds{1}, 8 * fastest_));
}

steady::duration pool_machine::pause() {
  auto most = options_.backoff_min;
  for (unsigned i = 0; i < failures_ && most < options_.backoff_max; ++i)
    most *= 2;
  most = std::min(most, options_.backoff_max);
  return options_.backoff_min +
         std::chrono::duration_cast<steady::duration>((most - options_.backoff_min) * random_());
}

void pool_machine::died(std::size_t slot, time now) {
  assert(slots_[slot].state == condition::idle || slots_[slot].state == condition::busy);
  set(slot, condition::empty);
  plan(now);
}

void pool_machine::plan(time now) {
  if (!running_) return;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].state != condition::empty) continue;
    if (failures_ > 0 && (connecting_ > 0 || now < retry_at_)) return;
    set(i, condition::connecting);
    slots_[i].opened = now;
    actions_.push_back({action::kind::connect, i, nullptr, {}, connect_limit()});
  }
}

bool pool_machine::leaves(const waiting_entry& w, time now) {
  const bool down = up() == 0;
  if (now < w.until && (!down || now < w.give_up)) return false;
  ++counts_.timed_out;
  actions_.push_back(
      {action::kind::refuse, 0, w.who, down ? errc::database_unavailable : errc::pool_exhausted});
  return true;
}

void pool_machine::expire(time now) {
  if (now < earliest_) return;
  queue_.erase_if([&](const waiting_entry& w) { return leaves(w, now); });
  earliest_ = time::max();
  queue_.for_each([&](const waiting_entry& w) {
    earliest_ = std::min({earliest_, w.until, up() == 0 ? w.give_up : w.until});
  });
}

void pool_machine::tick(time now) {
  if (!running_) return;
  expire(now);
  for (std::size_t i = 0; i < slots_.size() && connecting_ == 0; ++i)
    if (slots_[i].state == condition::idle && now - slots_[i].opened > slots_[i].lifetime) replace(i, now);
  plan(now);
}

pool_machine::time pool_machine::next_wakeup() const noexcept {
  if (!running_) return time::max();
  const bool retrying = failures_ > 0 && connecting_ == 0 && up() < slots_.size();
  return retrying ? std::min(earliest_, retry_at_) : earliest_;
}

std::vector<pool_machine::action> pool_machine::take_actions() {
  return std::exchange(actions_, {});
}

lane_status pool_machine::status() const noexcept {
  lane_status s = counts_;
  s.open = up();
  s.busy = busy_;
  s.waiting = queue_.size();
  return s;
}

}  // namespace gridlight::postgres
