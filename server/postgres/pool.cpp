#include "server/postgres/pool.hpp"

#include <boost/asio/as_tuple.hpp>

#include "server/postgres/pool_impl.hpp"

namespace gridlight::postgres {
namespace {

constexpr int attempts = 3;

double milliseconds(steady::duration d) {
  return std::chrono::duration<double, std::milli>(d).count();
}

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

std::string_view name(lane l) noexcept {
  static constexpr std::array<std::string_view, lane_count> names{"lookup", "tile", "sync", "admin"};
  return names[static_cast<std::size_t>(l)];
}

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

pool::pool(asio::any_io_executor executor, const connect_options& connect, const pool_options& options)
    : impl_(std::make_shared<impl>(std::move(executor), connect, options)) {}
pool::~pool() {
  impl_->shut_down();
}

void pool::start() {
  const auto now = steady::now();
  impl_->health_at = now + impl::health_interval;
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

asio::awaitable<result<pool::lease>> pool::acquire(lane l, deadline until, urgency rank) {
  const auto self = impl_;
  waiter w;
  answer got = self->ask(l, w, steady::now(), until, share::no, rank);
  if (got.what == answer::kind::queued) {
    co_await self->wait(l, w);
    got = w.outcome;
  }
  if (got.what == answer::kind::refused) co_return self->refusal(got.why);
  co_return lease{std::make_unique<lease::impl>(self, l, got.slot)};
}

asio::awaitable<result<result_set>> pool::query(lane l, const statement& s, const arguments& a,
                                                deadline until, query_timing& timing, share how,
                                                urgency rank) {
  const auto self = impl_;
  // Who shares may have to be asked again (see relieve); behind a pooler nothing is shared.
  if (!s.repeatable() || self->how->connect.pooled) how = share::no;
  for (int attempt = 1;; ++attempt) {
    const auto asked = steady::now();
    waiter w;
    answer got = self->ask(l, w, asked, until, how, rank);
    if (got.what == answer::kind::queued) {
      co_await self->wait(l, w);
      got = w.outcome;
    }
    const auto begun = steady::now();
    timing.queue_ms += milliseconds(begun - asked);
    if (got.what == answer::kind::refused) co_return self->refusal(got.why);

    const loan held{self, l, got.slot};
    // Named: g++ 12 destroys twice what stands in a condition round co_await.
    auto talk =
        how == share::yes ? held.session().query_shared(s, a, until) : held.session().query(s, a, until);
    auto rows = co_await std::move(talk);
    timing.db_ms += ms_since(begun);
    if (rows) co_return rows;
    // A backend that died under a query that only reads costs its asker some time and no error; twice, for
    // where one is killed, others often are.
    const bool retry = attempt < attempts && s.repeatable() && held.session().broken() &&
                       rows.error().code == errc::database_unavailable && steady::now() < until;
    if (!retry) co_return rows;
    if (held.session().held_up_by(a)) how = share::no;  // it was not short
  }
}

pool_status pool::status() const {
  pool_status out;
  for (std::size_t i = 0; i < lane_count; ++i)
    out.lanes[i] = impl_->lanes[i].status.load();
  const std::lock_guard lock{impl_->error_mutex};
  out.last_error = impl_->last_error;
  out.limits = impl_->limits;
  return out;
}

}  // namespace gridlight::postgres
