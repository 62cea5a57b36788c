// What the pool looks after by itself: its timer, the health of what rests, and a database that falls silent.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>

#include "server/postgres/pool_impl.hpp"

namespace gridlight::postgres {

// One timer for all that is due in any lane; it may fire too early, and is moved only when something is due
// sooner.
void pool::impl::arm(steady::time_point at) {
  if (at >= armed_for) return;
  armed_for = at;
  timer.expires_at(at);
  timer.async_wait([owner = weak_from_this()](const boost::system::error_code& ec) {
    if (const auto self = owner.lock(); self && !ec) self->on_timer();
  });
}

void pool::impl::on_timer() {
  armed_for = steady::time_point::max();
  if (stopping) return;
  const auto now = steady::now();
  const bool check = now >= health_at;
  if (check) health_at = now + health_interval;
  for (lane_state& s : lanes) {
    for (std::size_t i = 0; check && i < s.slots.size(); ++i)
      if (s.machine.idle(i) && !s.slots[i].session->alive()) {
        s.slots[i].session.reset();
        s.machine.died(i, now);
      }
    s.machine.tick(now);
    act(s);
  }
  look_for_silence(now);
  arm(health_at);
  if (std::ranges::any_of(lanes, [](const lane_state& s) { return s.machine.busy() > 0; }))
    arm(now + look_interval);
}

template <class Visit>
void pool::impl::for_each_session(Visit visit) {
  for (lane_state& s : lanes)
    for (std::size_t i = 0; i < s.slots.size(); ++i)
      if (s.slots[i].session) visit(s, i, *s.slots[i].session);
}

void pool::impl::look_for_silence(steady::time_point now) {
  connection* quietest = nullptr;
  auto since = steady::time_point::max();
  for_each_session([&](lane_state&, std::size_t, connection& c) {
    if (c.silent_since() >= since) return;
    since = c.silent_since();
    quietest = &c;
  });
  if (watch.wants_probe(now, since)) probe(quietest->server());
}

void pool::impl::probe(const connection::endpoint& there) {
  // On a distant or slow network a connection takes its time.
  steady::duration limit = std::chrono::milliseconds{600};
  for (const lane_state& s : lanes)
    if (const auto usual = s.machine.fastest(); usual < how->connect.connect_timeout)
      limit = std::max<steady::duration>(limit, 2 * usual);
  auto signal = std::make_shared<asio::cancellation_signal>();
  probing = signal;
  const auto stop = signal->slot();
  asio::co_spawn(executor, probe_one(weak_from_this(), executor, how, there, deadline_in(limit)),
                 asio::bind_cancellation_slot(stop, [signal](const std::exception_ptr&) {}));
}

asio::awaitable<void> pool::impl::probe_one(std::weak_ptr<impl> owner, asio::any_io_executor executor,
                                            std::shared_ptr<const settings> how, connection::endpoint there,
                                            deadline until) {
  const bool answered = co_await connection::answers(executor, how->connect, there, until);
  if (const auto self = owner.lock(); self && !self->stopping) self->probe_ended(there, answered);
}

void pool::impl::probe_ended(const connection::endpoint& there, bool answered) {
  probing.reset();
  auto heard = steady::time_point::min();
  for_each_session([&](lane_state&, std::size_t, connection& c) {
    if (c.server() == there) heard = std::max(heard, c.last_heard());
  });
  const auto now = steady::now();
  if (watch.probe_ended(now, answered, heard))
    stalled(now);
  else if (answered)
    relieve(now);
}

void pool::impl::stalled(steady::time_point now) {
  static constexpr std::string_view why = "the database has stopped answering";
  spdlog::warn("postgres: {}; its connections are given up", why);
  {
    const std::lock_guard lock{error_mutex};
    last_error = why;
  }
  for_each_session([](lane_state&, std::size_t, connection& c) { c.give_up(why, false); });
  for (lane_state& s : lanes) {
    s.machine.stalled(now);
    for (place& each : s.slots)
      if (const auto signal = each.connecting) signal->emit(asio::cancellation_type::terminal);
    act(s);
  }
}

// One at a time: all are asked again, which costs the database once more; the one that kept the others
// waiting then has a connection alone.
void pool::impl::relieve(steady::time_point now) {
  connection* quietest = nullptr;
  for_each_session([&](lane_state& s, std::size_t slot, connection& c) {
    if (s.machine.idle(slot) || !s.machine.shared(slot) || !watch.overtaxed(now, c.silent_since())) return;
    if (quietest == nullptr || c.silent_since() < quietest->silent_since()) quietest = &c;
  });
  if (quietest == nullptr) return;
  spdlog::info("postgres: a backend has not answered for a while; its short queries are asked again");
  quietest->give_up("no answer for a while, on a database that answers others", true);
}

}  // namespace gridlight::postgres
