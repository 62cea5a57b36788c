// The I/O round the lanes' machines.
#include <spdlog/spdlog.h>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <random>

#include "server/postgres/pool_impl.hpp"

namespace gridlight::postgres {
namespace {

std::function<double()> random_numbers() {
  return [engine = std::mt19937_64{std::random_device{}()}]() mutable {
    return std::uniform_real_distribution<double>{0, 1}(engine);
  };
}

pool_machine::options machine_options(const pool_options& o, const connect_options& c, std::size_t lane) {
  pool_machine::options out{o.lanes[lane], o.max_age, o.backoff_min, o.backoff_max};
  out.connect_timeout = c.connect_timeout;
  return out;
}

std::array<std::string, lane_count> session_sql_of(const pool_options& o) {
  std::array<std::string, lane_count> out;
  for (std::size_t i = 0; i < lane_count; ++i)
    out[i] = o.lanes[i].session_sql;
  return out;
}

}  // namespace

pool::impl::lane_state::lane_state(const pool_machine::options& o)
    : machine(o, random_numbers()), slots(o.lane.size) {}

pool::impl::impl(asio::any_io_executor e, const connect_options& c, const pool_options& o)
    : executor(std::move(e)),
      how(std::make_shared<const settings>(
          settings{c, o.warm_up_sql, connection::has_several_hosts(c), session_sql_of(o)})),
      lanes{lane_state{machine_options(o, c, 0)}, lane_state{machine_options(o, c, 1)},
            lane_state{machine_options(o, c, 2)}, lane_state{machine_options(o, c, 3)}},
      timer(executor),
      ended(executor) {}

// An idle connection is looked at before it is handed out: a backend that died in the meantime costs no
// request. One that others use already is watched by them.
answer pool::impl::ask(lane l, waiter& w, steady::time_point now, deadline until, share sharing,
                       urgency rank) {
  lane_state& s = of(l);
  answer got = s.machine.acquire(&w, now, until, sharing, rank);
  while (got.what == answer::kind::served && s.machine.users(got.slot) == 1 &&
         !s.slots[got.slot].session->alive()) {
    s.slots[got.slot].session.reset();
    s.machine.died(got.slot, now);
    act(s);
    got = s.machine.acquire(&w, now, until, sharing, rank);
  }
  act(s);
  if (!stopping) arm(now + look_interval);
  return got;
}

asio::awaitable<void> pool::impl::wait(lane l, waiter& w) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
      [this, l, &w](waiter::handler h) {
        w.cancelled = asio::get_associated_cancellation_slot(h);
        w.resume.emplace(std::move(h));
        if (w.cancelled.is_connected())
          w.cancelled.assign([this, l, &w](asio::cancellation_type) {
            if (of(l).machine.abandon(&w)) w.complete({answer::kind::refused, 0, errc::deadline});
          });
      },
      asio::use_awaitable);
}

void pool::impl::give_back(lane l, std::size_t slot) {
  lane_state& s = of(l);
  const bool last = s.machine.users(slot) == 1;
  const bool clean = last ? s.slots[slot].session->idle() : !s.slots[slot].session->broken();
  if (last && !clean) s.slots[slot].session.reset();
  s.machine.released(slot, clean, steady::now());
  act(s);
}

failure pool::impl::refusal(errc why) {
  switch (why) {
    case errc::pool_exhausted:
      return {why, "all database connections are busy"};
    case errc::shutting_down:
      return {why, "the server is shutting down"};
    case errc::deadline:
      return {why, "the query did not finish within the time allowed"};
    case errc::database_unavailable: {
      const std::lock_guard lock{error_mutex};
      return {why, "the database cannot be reached", {}, last_error};
    }
    default:
      return {errc::internal, "the query failed", {}, "a lane without connections was asked for one"};
  }
}

void pool::impl::act(lane_state& s) {
  using kind = pool_machine::action::kind;
  while (s.machine.has_actions())
    for (const auto& a : s.machine.take_actions())
      switch (a.what) {
        case kind::connect:
          connect(s, a.slot, a.limit);
          break;
        case kind::close:
          s.slots[a.slot].session.reset();
          break;
        case kind::serve:
          static_cast<waiter*>(a.who)->complete({answer::kind::served, a.slot});
          break;
        case kind::refuse:
          static_cast<waiter*>(a.who)->complete({answer::kind::refused, 0, a.why});
          break;
      }
  s.status.store(s.machine.status());
  if (stopping) {
    if (!unfinished()) ended.cancel();
  } else {
    arm(s.machine.next_wakeup());
  }
}

void pool::impl::connect(lane_state& s, std::size_t slot, steady::duration limit) {
  if (how->several_hosts) limit = how->connect.connect_timeout;
  auto signal = std::make_shared<asio::cancellation_signal>();
  s.slots[slot].connecting = signal;
  const auto stop = signal->slot();
  asio::co_spawn(
      executor,
      connect_one(weak_from_this(), &s, slot, executor, how,
                  how->session_sql[static_cast<std::size_t>(&s - lanes.data())], deadline_in(limit)),
      asio::bind_cancellation_slot(stop, [signal](const std::exception_ptr&) {}));
}

asio::awaitable<void> pool::impl::connect_one(std::weak_ptr<impl> owner, lane_state* s, std::size_t slot,
                                              asio::any_io_executor executor,
                                              std::shared_ptr<const settings> how,
                                              std::string_view session_sql, deadline until) {
  result<connection> made = failure{errc::database_unavailable, "", {}, "given up"};
  try {
    made = co_await connection::open(executor, how->connect, until);
    if (made && !how->warm_up_sql.empty()) {
      auto warmed = co_await made->execute(how->warm_up_sql, until);
      if (!warmed) made = std::move(warmed).error();
    }
    if (made && !session_sql.empty()) {
      auto set = co_await made->execute(session_sql, until);
      if (!set) made = std::move(set).error();
    }
  } catch (const std::exception& e) {  // cancelled by stop()
    made = failure{errc::database_unavailable, "", {}, e.what()};
  }
  if (const auto self = owner.lock()) self->connect_ended(*s, slot, std::move(made));
}

void pool::impl::connect_ended(lane_state& s, std::size_t slot, result<connection> made) {
  s.slots[slot].connecting.reset();
  std::string error = made ? std::string{} : made.error().log_detail;
  if (!stopping) {
    const std::lock_guard lock{error_mutex};
    if (last_error.empty() != error.empty()) {  // the change is news, the state is not
      if (made)
        spdlog::info("postgres: connected again");
      else
        spdlog::warn("postgres: cannot connect: {}", error);
    }
    last_error = std::move(error);
    if (made) {
      limits = difference(how->connect, made->limits());
      warn_of_limits("postgres", limits);
    }
  }
  const auto now = steady::now();
  if (made) {
    s.slots[slot].session = std::make_unique<connection>(std::move(*made));
    s.machine.connected(slot, now);
  } else {
    s.machine.connect_failed(slot, now);
  }
  act(s);
}

void pool::impl::shut_down() {
  if (std::exchange(stopping, true)) return;
  timer.cancel();
  if (const auto signal = probing) signal->emit(asio::cancellation_type::terminal);
  for (lane_state& s : lanes) {
    s.machine.stop();
    act(s);
    for (place& each : s.slots)
      if (const auto signal = each.connecting) signal->emit(asio::cancellation_type::terminal);
  }
}

bool pool::impl::unfinished() const {
  for (const lane_state& s : lanes)
    if (s.machine.unfinished() > 0) return true;
  return false;
}

}  // namespace gridlight::postgres
