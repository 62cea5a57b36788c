#include "server/postgres/pool.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cassert>
#include <mutex>
#include <random>

#include "server/postgres/pool_machine.hpp"

namespace gridlight::postgres {
namespace asio = boost::asio;
using answer = pool_machine::answer;
namespace {

constexpr int attempts = 3;
constexpr auto health_interval = std::chrono::seconds{1};

double milliseconds(steady::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

std::function<double()> random_numbers() {
  return [engine = std::mt19937_64{std::random_device{}()}]() mutable {
    return std::uniform_real_distribution<double>{0, 1}(engine);
  };
}

pool_machine::options machine_options(const pool_options& o, std::size_t lane) {
  return {o.lanes[lane], o.max_age, o.backoff_min, o.backoff_max};
}

// One coroutine that waits in a lane's queue; stands in its frame.
struct waiter {
  using handler = asio::async_result<asio::use_awaitable_t<>, void()>::handler_type;
  std::optional<handler> resume;
  asio::cancellation_slot cancelled;
  answer outcome{};

  void complete(const answer& a) {
    outcome = a;
    if (cancelled.is_connected()) cancelled.clear();
    handler h = std::move(*resume);
    resume.reset();
    asio::post(std::move(h));  // not now: whoever gives a connection back is in the middle of its own work
  }
};

// status() is asked for by other threads; the pool's own thread writes.
struct published_status {
  std::array<std::atomic<std::uint64_t>, 8> values{};
  void store(const lane_status& s) noexcept {
    const std::uint64_t now[] = {s.open,      s.busy,      s.waiting,  s.acquired,
                                 s.exhausted, s.timed_out, s.connects, s.connect_failures};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i].store(now[i], std::memory_order_relaxed);
  }
  lane_status load() const noexcept {
    std::uint64_t v[8];
    for (std::size_t i = 0; i < values.size(); ++i)
      v[i] = values[i].load(std::memory_order_relaxed);
    return {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]};
  }
};

}  // namespace

std::string_view name(lane l) noexcept {
  static constexpr std::array<std::string_view, lane_count> names{"lookup", "tile", "sync", "admin"};
  return names[static_cast<std::size_t>(l)];
}

struct pool::impl : std::enable_shared_from_this<pool::impl> {
  struct place {
    std::unique_ptr<connection> session;
    std::shared_ptr<asio::cancellation_signal> connecting;
  };
  struct lane_state {
    lane_state(const pool_machine::options& o) : machine(o, random_numbers()), slots(o.lane.size) {}
    pool_machine machine;
    std::vector<place> slots;
    published_status status;
  };
  /// What connecting needs; outlives the pool.
  struct settings {
    connect_options connect;
    std::string warm_up_sql;
  };

  impl(asio::any_io_executor e, connect_options c, const pool_options& o)
      : executor(std::move(e)),
        how(std::make_shared<const settings>(settings{std::move(c), o.warm_up_sql})),
        lanes{lane_state{machine_options(o, 0)}, lane_state{machine_options(o, 1)},
              lane_state{machine_options(o, 2)}, lane_state{machine_options(o, 3)}},
        timer(executor),
        ended(executor) {}

  lane_state& of(lane l) { return lanes[static_cast<std::size_t>(l)]; }
  answer ask(lane l, waiter& w, steady::time_point now, deadline until);
  asio::awaitable<void> wait(lane l, waiter& w);
  void give_back(lane l, std::size_t slot);
  failure refusal(errc why);

  void act(lane_state& s);
  void connect(lane_state& s, std::size_t slot);
  static asio::awaitable<void> connect_one(std::weak_ptr<impl> owner, lane_state* s, std::size_t slot,
                                           asio::any_io_executor executor,
                                           std::shared_ptr<const settings> how);
  void connect_ended(lane_state& s, std::size_t slot, result<connection> made);
  void arm(steady::time_point at);
  void on_timer();
  void shut_down();
  bool unfinished() const;

  asio::any_io_executor executor;
  std::shared_ptr<const settings> how;
  std::array<lane_state, lane_count> lanes;
  asio::steady_timer timer, ended;
  steady::time_point armed_for = steady::time_point::max(), health_at{};
  bool stopping = false;
  mutable std::mutex error_mutex;
  std::string last_error;
};

namespace {

// A connection on loan. Not movable, so it can stand in a coroutine's frame without an allocation.
template <class Pool>
struct loan {
  loan(std::shared_ptr<Pool> p, lane l, std::size_t s) : owner(std::move(p)), from(l), slot(s) {}
  loan(const loan&) = delete;
  loan& operator=(const loan&) = delete;
  ~loan() { owner->give_back(from, slot); }
  connection& session() const { return *owner->of(from).slots[slot].session; }

  std::shared_ptr<Pool> owner;
  lane from;
  std::size_t slot;
};

}  // namespace

struct pool::lease::impl : loan<pool::impl> {
  using loan::loan;
};

pool::lease::lease(std::unique_ptr<impl> p) : impl_(std::move(p)) {}
pool::lease::lease(lease&&) noexcept = default;
pool::lease& pool::lease::operator=(lease&&) noexcept = default;
pool::lease::~lease() = default;
connection& pool::lease::operator*() const noexcept {
  return impl_->session();
}
connection* pool::lease::operator->() const noexcept {
  return &impl_->session();
}

pool::pool(asio::any_io_executor executor, connect_options connect, pool_options options)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(connect), options)) {}
pool::~pool() {
  impl_->shut_down();
}

void pool::start() {
  const auto now = steady::now();
  impl_->health_at = now + health_interval;
  for (impl::lane_state& s : impl_->lanes) {
    s.machine.start(now);
    impl_->act(s);
  }
  impl_->arm(impl_->health_at);
}

asio::awaitable<void> pool::stop() {
  const auto self = impl_;
  self->shut_down();
  while (self->unfinished()) {
    self->ended.expires_at(steady::time_point::max());
    co_await self->ended.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<result<pool::lease>> pool::acquire(lane l, deadline until) {
  const auto self = impl_;
  waiter w;
  answer got = self->ask(l, w, steady::now(), until);
  if (got.what == answer::kind::queued) {
    co_await self->wait(l, w);
    got = w.outcome;
  }
  if (got.what == answer::kind::refused) co_return self->refusal(got.why);
  co_return lease{std::make_unique<lease::impl>(self, l, got.slot)};
}

asio::awaitable<result<result_set>> pool::query(lane l, const statement& s, const arguments& a,
                                                deadline until, query_timing& timing) {
  const auto self = impl_;
  for (int attempt = 1;; ++attempt) {
    const auto asked = steady::now();
    waiter w;
    answer got = self->ask(l, w, asked, until);
    if (got.what == answer::kind::queued) {
      co_await self->wait(l, w);
      got = w.outcome;
    }
    const auto begun = steady::now();
    timing.queue_ms += milliseconds(begun - asked);
    if (got.what == answer::kind::refused) co_return self->refusal(got.why);

    const loan held{self, l, got.slot};
    auto rows = co_await held.session().query(s, a, until);
    timing.db_ms += ms_since(begun);
    if (rows) co_return rows;
    // A backend that died under a query that only reads costs its asker some time and no error; twice, for
    // where one is killed, others often are.
    const bool retry = attempt < attempts && s.repeatable() && held.session().broken() &&
                       rows.error().code == errc::database_unavailable && steady::now() < until;
    if (!retry) co_return rows;
  }
}

pool_status pool::status() const {
  pool_status out;
  for (std::size_t i = 0; i < lane_count; ++i)
    out.lanes[i] = impl_->lanes[i].status.load();
  const std::lock_guard lock{impl_->error_mutex};
  out.last_error = impl_->last_error;
  return out;
}

// An idle connection is looked at before it is handed out: a backend that died in the meantime costs no
// request.
answer pool::impl::ask(lane l, waiter& w, steady::time_point now, deadline until) {
  lane_state& s = of(l);
  answer got = s.machine.acquire(&w, now, until);
  while (got.what == answer::kind::served && !s.slots[got.slot].session->alive()) {
    s.slots[got.slot].session.reset();
    s.machine.died(got.slot, now);
    act(s);
    got = s.machine.acquire(&w, now, until);
  }
  act(s);
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
  const bool clean = s.slots[slot].session->idle();
  if (!clean) s.slots[slot].session.reset();
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
          connect(s, a.slot);
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

void pool::impl::connect(lane_state& s, std::size_t slot) {
  auto signal = std::make_shared<asio::cancellation_signal>();
  s.slots[slot].connecting = signal;
  const auto stop = signal->slot();
  asio::co_spawn(executor, connect_one(weak_from_this(), &s, slot, executor, how),
                 asio::bind_cancellation_slot(stop, [signal](const std::exception_ptr&) {}));
}

asio::awaitable<void> pool::impl::connect_one(std::weak_ptr<impl> owner, lane_state* s, std::size_t slot,
                                              asio::any_io_executor executor,
                                              std::shared_ptr<const settings> how) {
  result<connection> made = failure{errc::database_unavailable, "", {}, "given up"};
  try {
    made = co_await connection::open(executor, how->connect, deadline_in(how->connect.connect_timeout));
    if (made && !how->warm_up_sql.empty()) {
      auto warmed = co_await made->execute(how->warm_up_sql, deadline_in(how->connect.connect_timeout));
      if (!warmed) made = std::move(warmed).error();
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
  arm(health_at);
}

void pool::impl::shut_down() {
  if (std::exchange(stopping, true)) return;
  timer.cancel();
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
