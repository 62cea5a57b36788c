#include "server/http/session.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

// A connection's life: how it begins, whose turn it is, what it waits for, how it ends. What it reads is in
// session_read.cpp, what becomes of a request in session_answer.cpp.
namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

}  // namespace

void session::start(socket_type socket, const asio::ip::address& peer, bool counted,
                    session_services& services) {
  auto self = std::make_shared<session>(std::move(socket), peer, counted, services);
  session& s = *self;
  const auto stop = s.hang_up_.slot();
  asio::co_spawn(s.socket_.get_executor(), s.run(),
                 asio::bind_cancellation_slot(stop, [self = std::move(self)](std::exception_ptr) {}));
}

session::session(socket_type socket, const asio::ip::address& peer, bool counted, session_services& services)
    : services_(services),
      socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      peer_(peer),
      counted_(counted),
      from_proxy_(services.now->proxies.contains(peer)),
      max_head_(services.now->settings.max_head_bytes),
      peer_text_(peer.to_string()),
      buffer_(max_head_ + 64),
      last_(steady::now()),
      next_(services.first) {
  if (next_ != nullptr) next_->previous_ = this;
  services_.first = this;
  services_.waiting.push_back(*this);
  services_.live.connections.fetch_add(1, std::memory_order_relaxed);
}

session::~session() {
  (previous_ != nullptr ? previous_->next_ : services_.first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (counted_) services_.visits.leave(peer_);
  services_.live.connections.fetch_sub(1, std::memory_order_relaxed);
  if (services_.first == nullptr && services_.on_last_gone) services_.on_last_gone();
}

awaitable<void> session::run() {
  try {
    const bool open = services_.tls == nullptr || co_await shake_hands();
    if (open) co_await serve();
  } catch (const std::exception& e) {
    spdlog::error("connection of {}: {}", peer_text_, e.what());
  }
  timer_.cancel();  // it holds this session
  error_code ignored;
  socket_.close(ignored);
}

awaitable<bool> session::shake_hands() {
  const auto context = services_.tls->get();
  tls_ = std::make_unique<tls_stream>(socket_, context->native_handle());
  set_deadline(steady::now() + services_.now->settings.tls.handshake_timeout);
  const error_code ec = co_await tls_->handshake();
  until_ = deadline::max();
  last_ = steady::now();
  if (ec)
    spdlog::debug("TLS handshake with {}: {}", peer_text_, timed_out_ ? "it took too long" : ec.message());
  if (ec && !timed_out_) {
    tls_.reset();
    co_await linger();  // for the client to read the alert
  }
  co_return !ec;
}

awaitable<void> session::serve() {
  for (bool more = true; more;) {
    head gate;
    const outcome read = co_await read_head(gate);
    if (read == outcome::closed) co_return;
    if (read == outcome::timed_out && idle_) {
      // At the last moment one has come after all.
      if (!bytes_waiting()) break;
      last_ = steady::now();
      continue;
    }
    if (read == outcome::timed_out)
      more = co_await refuse(errc::request_timeout, "the header section took too long to come");
    else if (gate.is == head::state::refused)
      more = co_await refuse(gate.code, gate.reason);
    else
      more = co_await answer(gate);
    // Who sends many requests at once lets others have their turn between his.
    if (more && !buffer_.empty()) co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  }
  if (!gone_) co_await linger();
}

// ---- waiting

void session::set_deadline(deadline until) {
  until_ = until;
  if (until < armed_) arm(until);
}

void session::arm(deadline until) {
  armed_ = until;
  timer_.expires_at(until);
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (ec) return;  // armed anew, or over
    self->armed_ = deadline::max();
    if (self->until_ == deadline::max()) return;
    if (self->until_ > steady::now()) return self->arm(self->until_);
    self->timed_out_ = true;
    error_code ignored;
    self->socket_.cancel(ignored);
  });
}

bool session::make_room(session_services& services) {
  const auto before = steady::now() - std::chrono::seconds{1};
  for (waiting_hook& each : services.waiting) {
    auto& longest = static_cast<session&>(each);
    if (longest.last_ > before) return false;
    if (longest.idle_ && longest.bytes_waiting()) continue;
    longest.unlink();
    error_code ignored;
    longest.socket_.close(ignored);
    services.live.made_room.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void session::drain() {
  if (streaming_ != nullptr) end_stream();
  // Who asks again and again is told with his next answer: a request may be on its way right now.
  if (idle_) set_deadline(std::min(until_, services_.idle_until));
}

bool session::bytes_waiting() {
  error_code ec;
  return (tls_ && tls_->has_more()) || socket_.available(ec) > 0;
}

// poll() tells of the end of the client's stream also when unread requests stand before it.
void session::look_for_hang_up() {
  if (gone_) return;
  pollfd probe{socket_.native_handle(), POLLRDHUP, 0};
  if (::poll(&probe, 1, 0) <= 0) return;
  gone_ = true;
  hang_up_.emit(asio::cancellation_type::terminal);
}

// ---- the end

// Closing while the client still sends would reset the connection, and our answer be lost to a client that
// writes before it reads (RFC 9112, 9.6): say that we are done, and drop what comes until he closes. Bounded
// by time alone: a body may be of any length. Meanwhile the connection can make room for another.
awaitable<void> session::linger() {
  constexpr std::chrono::seconds longest{30};
  // Of who asks for nothing nothing is to be expected.
  const std::chrono::milliseconds quiet{idle_ ? 250 : 2000};
  last_ = steady::now();
  const deadline end = last_ + longest;
  set_deadline(last_ + quiet);
  unlink();
  services_.waiting.push_back(*this);
  if (tls_) {
    timed_out_ = false;
    co_await tls_->shutdown();
    tls_.reset();  // what still comes is dropped undeciphered
    if (timed_out_) co_return;
  }
  error_code ec;
  socket_.shutdown(asio::socket_base::shutdown_send, ec);
  if (ec) co_return;
  do {
    buffer_.consume(buffer_.view().size());
    if (!services_.draining) set_deadline(std::min(end, steady::now() + quiet));
  } while (co_await read_some() == outcome::good && steady::now() < until_);
}

}  // namespace gridlight::http
