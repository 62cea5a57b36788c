#include "sync/lease.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace asio = boost::asio;
using asio::awaitable;
using postgres::connection;
namespace {

constexpr std::chrono::milliseconds renew_every{1000}, try_every{500}, query_timeout{2000};

}  // namespace

struct lease::impl : std::enable_shared_from_this<impl> {
  impl(asio::any_io_executor e, postgres::connect_options c, std::string o)
      : connect(std::move(c)), owner(std::move(o)), timer(e), changed(e, steady::time_point::max()) {
    connect.application_name = "gridlight sync lease";
  }

  awaitable<void> run();
  awaitable<void> step();
  awaitable<result<void>> renew();
  awaitable<result<void>> take();
  void lose(std::string_view why);
  awaitable<void> pause(std::chrono::milliseconds time) {
    if (stopping) co_return;
    timer.expires_after(time);
    boost::system::error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }

  postgres::connect_options connect;
  std::string owner;
  asio::steady_timer timer, changed;  // changed: cancelled when something did
  std::optional<connection> db;
  bool stopping = false, running = false, held = false, seizes = false;
  std::int64_t token = 0;
  steady::time_point good_until{};  // by our clock, from before the question
  std::string seen_expiry, rival, trouble;
};

void lease::impl::lose(std::string_view why) {
  if (held) spdlog::warn("sync: the lease is lost: {}", why);
  held = false;
}

awaitable<result<void>> lease::impl::renew() {
  const auto asked = steady::now();
  const std::string sql = "UPDATE gridlight.sync_lease SET expires_at = clock_timestamp() + interval '" +
                          std::to_string(lease_life.count()) + " ms' WHERE token = " + std::to_string(token) +
                          " RETURNING token";
  const auto row = co_await db->execute(sql, deadline_in(query_timeout));
  if (!row) co_return row.error();
  if (row->rows() == 0)
    lose("another instance has taken it");
  else
    good_until = asked + lease_life;
  co_return result<void>{};
}

// One that has been seen to be renewed has a living owner.
awaitable<result<void>> lease::impl::take() {
  const auto asked = steady::now();
  const std::string sql = "UPDATE gridlight.sync_lease SET owner = " + connection::quote_literal(owner) +
                          ", token = token + 1, expires_at = clock_timestamp() + interval '" +
                          std::to_string(lease_life.count()) + " ms' WHERE " +
                          (seizes ? "true" : "expires_at < clock_timestamp()") + " RETURNING token";
  const auto row = co_await db->execute(sql, deadline_in(query_timeout));
  if (!row) co_return row.error();
  if (row->rows() == 1) {
    token = number(row->text(0, 0));
    good_until = asked + lease_life;
    held = true;
    seizes = false;
    rival.clear();
    changed.cancel();
    co_return result<void>{};
  }
  const auto other = co_await db->execute("SELECT expires_at, coalesce(owner, '') FROM gridlight.sync_lease",
                                          deadline_in(query_timeout));
  if (!other) co_return other.error();
  if (other->rows() == 1) {
    const std::string expiry{other->text(0, 0)};
    if (!seen_expiry.empty() && expiry != seen_expiry) {
      rival = other->text(0, 1);
      changed.cancel();
    }
    seen_expiry = expiry;
  }
  co_return result<void>{};
}

awaitable<void> lease::impl::step() {
  if (!db || db->broken()) {
    auto opened =
        co_await connection::open(timer.get_executor(), connect, deadline_in(connect.connect_timeout));
    if (!opened) {
      trouble = opened.error().detail;
      co_return;
    }
    db.emplace(std::move(*opened));
  }
  result<void> done;
  if (held)
    done = co_await renew();
  else
    done = co_await take();
  trouble = done ? "" : done.error().log_detail.empty() ? done.error().detail : done.error().log_detail;
  if (!done && !db->idle()) db.reset();
}

awaitable<void> lease::impl::run() {
  const auto self = shared_from_this();
  while (!stopping) {
    try {
      co_await step();
    } catch (const std::exception& e) {
      trouble = e.what();
      db.reset();
    }
    if (held && steady::now() > good_until) lose("it could not be renewed in time");
    co_await pause(held ? renew_every : try_every);
  }
  if (held && db && !db->broken()) {
    const std::string sql =
        "UPDATE gridlight.sync_lease SET expires_at = '-infinity' WHERE token = " + std::to_string(token);
    co_await db->execute(sql, deadline_in(query_timeout));
  }
  held = false;
  db.reset();
  running = false;
  changed.cancel();
}

lease::lease(asio::any_io_executor executor, postgres::connect_options connect, std::string owner)
    : impl_(std::make_shared<impl>(std::move(executor), std::move(connect), std::move(owner))) {}

lease::~lease() {
  impl_->stopping = true;
  impl_->timer.cancel();
}

void lease::start() {
  impl_->stopping = false;
  impl_->running = true;
  asio::co_spawn(impl_->timer.get_executor(), impl_->run(), asio::detached);
}

void lease::seize() {
  impl_->seizes = true;
  start();
}

bool lease::held() const noexcept {
  return impl_->held && steady::now() < impl_->good_until;
}
std::int64_t lease::token() const noexcept {
  return impl_->token;
}
const std::string& lease::rival() const noexcept {
  return impl_->rival;
}
const std::string& lease::trouble() const noexcept {
  return impl_->trouble;
}

awaitable<bool> lease::wait(steady::time_point until) {
  const auto self = impl_;
  asio::steady_timer timer{self->timer.get_executor()};
  while (!self->held && self->rival.empty() && self->running && steady::now() < until) {
    timer.expires_after(std::chrono::milliseconds{50});
    boost::system::error_code cancelled;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  }
  co_return self->held;
}

awaitable<void> lease::stop() {
  const auto self = impl_;
  self->stopping = true;
  self->timer.cancel();
  boost::system::error_code woken;
  while (self->running)
    co_await self->changed.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

}  // namespace gridlight::sync
