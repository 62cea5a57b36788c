#include "server/http/session.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "server/http/url.hpp"
#include "server/log.hpp"

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using beast::error_code;
using beast::http::field;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr int client_closed_request =
    499;  // nobody reads it but the log and the metrics, where it is the usual number

std::string_view to_view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

std::string_view value_of(const beast::http::fields& headers, field name) {
  const auto it = headers.find(name);
  return it == headers.end() ? std::string_view{} : to_view(it->value());
}

head_limits limits_of(const config::http_settings& settings) {
  head_limits out;
  out.max_head = settings.max_head_bytes;
  out.max_line = settings.max_head_bytes / 2;
  return out;
}

void log_failure(const failure& f, std::string_view request_id) {
  const error_entry& entry = describe(f.code);
  if (entry.status < 500 || f.code == errc::shutting_down) return;
  const auto level = f.code == errc::internal ? spdlog::level::err : spdlog::level::warn;
  spdlog::log(level, "request {}: {}: {} {}", request_id, entry.slug, f.detail, f.log_detail);
}

// The names of a query's parameters, each value as *.
std::string without_values(std::string_view target) {
  std::string out;
  bool in_query = false, in_value = false;
  for (const char c : target) {
    in_value = in_value && c != '&';
    if (in_value) continue;
    out += c;
    in_query = in_query || c == '?';
    if (in_query && c == '=') {
      in_value = true;
      out += '*';
    }
  }
  return out;
}

void leave_out(std::array<asio::const_buffer, 2>& parts, std::size_t written) {
  const std::size_t of_first = std::min(written, parts[0].size());
  parts[0] += of_first;
  parts[1] += written - of_first;
}

struct in_flight {
  explicit in_flight(live_counts& l) : live(l) { live.in_flight.fetch_add(1, std::memory_order_relaxed); }
  ~in_flight() { live.in_flight.fetch_sub(1, std::memory_order_relaxed); }
  in_flight(const in_flight&) = delete;
  in_flight& operator=(const in_flight&) = delete;
  live_counts& live;
};

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
      from_proxy_(services.proxies.contains(peer)),
      peer_text_(peer.to_string()),
      buffer_(services.settings.max_head_bytes + 64),
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
  set_deadline(steady::now() + services_.settings.tls.handshake_timeout);
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
    if (read == outcome::closed || (read == outcome::timed_out && idle_)) co_return;
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

// ---- reading

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
  error_code ec;
  if (idle_ && !bytes_waiting()) socket_.cancel(ec);
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

awaitable<session::outcome> session::read_some() {
  timed_out_ = false;
  error_code error;
  if (tls_) {
    const auto [ec, n] = co_await tls_->read_some(buffer_.prepare());
    buffer_.commit(n);
    error = ec;
  } else {
    const auto [ec, n] = co_await socket_.async_read_some(buffer_.prepare(), as_result);
    buffer_.commit(n);
    error = ec;
  }
  if (!error) co_return outcome::good;
  co_return timed_out_ ? outcome::timed_out : outcome::closed;
}

awaitable<session::outcome> session::read_head(head& gate) {
  const head_limits limits = limits_of(services_.settings);
  if (!is_linked()) services_.waiting.push_back(*this);
  idle_ = buffer_.empty();
  if (idle_) set_deadline(last_ + services_.settings.idle_timeout);
  for (bool partial = false;;) {
    if (!buffer_.empty()) {
      gate = check_head(buffer_.view(), limits);
      if (gate.is != head::state::need_more) break;
      if (gate.skip == buffer_.view().size()) {
        buffer_.consume(gate.skip);  // empty lines alone begin nothing
      } else if (!partial) {
        partial = true;
        idle_ = false;
        set_deadline(steady::now() + services_.settings.header_timeout);
      }
    }
    if (idle_ && services_.draining && !bytes_waiting()) co_return outcome::closed;
    if (const outcome read = co_await read_some(); read != outcome::good) co_return read;
  }
  idle_ = false;
  until_ = deadline::max();
  unlink();
  co_return outcome::good;
}

// Takes what has come of the body out of the buffer. An answer when it cannot be taken.
std::optional<response> session::take_body(exchange& x, chunked_body& chunks) {
  std::string& body = x.req.body;
  std::size_t used = 0;
  if (!x.frame.chunked) {
    const auto length = static_cast<std::size_t>(*x.frame.content_length);
    used = std::min(buffer_.view().size(), length - body.size());
    body.append(buffer_.view().substr(0, used));
    buffer_.consume(used);
    x.unread = body.size() < length;
    return std::nullopt;
  }
  const auto state = chunks.take(buffer_.view(), used, body);
  buffer_.consume(used);
  x.unread = state != chunked_body::state::done;
  if (state == chunked_body::state::too_long)
    return problem({errc::body_too_large,
                    "the body is longer than " + std::to_string(body_cap(x, services_.settings)) + " bytes"},
                   x.req.id);
  if (state == chunked_body::state::malformed)
    return problem({errc::bad_request, "the chunked body is malformed"}, x.req.id);
  return std::nullopt;
}

awaitable<std::optional<response>> session::read_body(exchange& x) {
  if (x.frame.expects_continue && buffer_.empty()) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::array<asio::const_buffer, 2> parts{asio::buffer(go_on), asio::const_buffer{}};
    const bool sent = co_await write_rest(parts, 0);
    x.gone = !sent;
  }
  chunked_body chunks{body_cap(x, services_.settings)};
  set_deadline(x.req.until);
  for (x.unread = true; !x.gone;) {
    if (auto res = take_body(x, chunks)) co_return res;
    if (!x.unread) break;
    const outcome read = co_await read_some();
    if (read == outcome::timed_out)
      co_return problem({errc::request_timeout, "the body took too long to come"}, x.req.id);
    x.gone = read == outcome::closed;
  }
  until_ = deadline::max();
  co_return std::nullopt;
}

// ---- one request

awaitable<bool> session::answer(head gate) {
  const in_flight counted{services_.live};
  exchange x;
  x.frame = gate.frame;
  x.req.peer = x.client = peer_;
  x.from_proxy = from_proxy_;
  std::optional<response> res = admit(x, buffer_.view().substr(gate.skip, gate.length), services_);
  buffer_.consume(gate.skip + gate.length);
  if (x.frame.has_body()) {
    if (res)
      x.unread = true;
    else
      res = co_await read_body(x);
  }
  if (x.gone) co_return false;
  if (!res) res = co_await handle(x);
  if (gone_) {
    account(x, client_closed_request, 0);
    co_return false;
  }
  co_return co_await reply(x, *res);
}

awaitable<response> session::handle(exchange& x) {
  std::string what;
  x.handled = true;
  try {
    handling_since_ = x.started;
    result<response> res = co_await x.found->handle(x.req);
    handling_since_ = steady::time_point::max();
    if (res) co_return *std::move(res);
    if (!gone_) log_failure(res.error(), x.req.id);
    co_return problem(res.error(), x.req.id);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
    what = "an exception that is no std::exception";
  }
  handling_since_ = steady::time_point::max();
  if (gone_) co_return problem({errc::deadline, "the client has gone"}, x.req.id);
  spdlog::error("request {}: {} {}: {}", x.req.id, x.method, x.req.target, what);
  co_return problem({errc::internal, "the request failed; the log has the reason under this request id"},
                    x.req.id);
}

awaitable<bool> session::refuse(errc code, std::string_view reason) {
  exchange x;
  x.req.id = services_.ids.make();
  x.req.peer = x.client = peer_;
  x.unread = true;
  x.req.target = buffer_.view().substr(0, std::min<std::size_t>(buffer_.view().find('\n'), 200));
  response res = problem({code, std::string{reason}}, x.req.id);
  co_return co_await reply(x, res);
}

// ---- writing

awaitable<bool> session::reply(exchange& x, response& res) {
  x.terms.keep_alive = x.frame.keep_alive && !x.unread && !services_.draining;
  services_.writer.write(head_out_, res, x.req, x.terms);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head_out_), asio::buffer(res.bytes())};
  // Nearly every answer fits the socket's buffer: one call, no suspension, no timer.
  error_code ec;
  const std::size_t written = tls_ ? 0 : socket_.write_some(parts, ec);
  bool sent = written == parts[0].size() + parts[1].size();
  if (!sent && (!ec || ec == asio::error::would_block)) sent = co_await write_rest(parts, written);
  account(x, res.status, parts[1].size());
  co_return sent&& x.terms.keep_alive;
}

awaitable<bool> session::write_rest(std::array<asio::const_buffer, 2> parts, std::size_t written) {
  leave_out(parts, written);
  // A reader who takes nothing for a while is given up, as is one slower than 64 KiB/s over the whole answer.
  constexpr std::size_t slowest = 64 * 1024;
  const auto& patience = services_.settings.write_timeout;
  const deadline last =
      steady::now() + patience + std::chrono::seconds{(parts[0].size() + parts[1].size()) / slowest};
  timed_out_ = false;
  error_code error;
  while (!error && parts[0].size() + parts[1].size() != 0) {
    set_deadline(std::min(last, steady::now() + patience));
    std::size_t more = 0;
    if (tls_) {
      const auto [ec, n] = co_await tls_->write_some(parts);
      error = ec;
      more = n;
    } else {
      const auto [ec, n] = co_await socket_.async_write_some(parts, as_result);
      error = ec;
      more = n;
    }
    leave_out(parts, more);
  }
  until_ = deadline::max();
  if (error) cut_off();
  co_return !error;
}

// Who does not read gets nothing more: closing in peace would leave what he has not read with the kernel.
void session::cut_off() {
  gone_ = true;
  error_code ignored;
  socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
}

void session::account(const exchange& x, int status, std::size_t bytes) {
  last_ = steady::now();
  const double ms = std::chrono::duration<double, std::milli>(last_ - x.started).count();
  services_.counted.count(x.found, status, ms);
  std::string client;
  if (x.client != peer_) client = x.client.to_string();
  const std::string_view who = client.empty() ? peer_text_ : client;
  const identity::scope used = x.req.audit.saw_personal ? identity::scope::personal : identity::scope::write;
  const bool wrote = x.handled && x.found->needs == identity::access::write;
  if (x.req.audit.saw_personal || wrote || x.token_refused)
    log::audit({.request_id = x.req.id,
                .peer = who,
                .token = x.req.who.token,
                .user = x.req.who.user,
                .scope = x.token_refused ? std::string_view{} : name(used),
                .method = x.method,
                .route = x.found->pattern,
                .layer = x.req.audit.layer,
                .status = status,
                .count = x.req.audit.count});
  // A query that no handler has seen may be about anything.
  std::string_view target = x.req.target;
  std::string bare;
  if (x.found != nullptr && (x.req.audit.hide_values || !x.handled)) target = bare = without_values(target);
  log::access({.request_id = x.req.id,
               .peer = who,
               .method = x.method,
               .target = target,
               .status = status,
               .bytes = bytes,
               .total_ms = ms,
               .queue_ms = x.req.timing.postgres.queue_ms,
               .db_ms = x.req.timing.postgres.db_ms,
               .user_agent = value_of(x.req.headers, field::user_agent)});
}

// Closing while the client still sends would reset the connection, and our answer be lost to a client that
// writes before it reads (RFC 9112, 9.6): say that we are done, and drop what comes until he closes. Bounded
// by time alone: a body may be of any length. Meanwhile the connection can make room for another.
awaitable<void> session::linger() {
  constexpr std::chrono::seconds quiet{2}, longest{30};
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
