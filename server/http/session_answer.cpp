#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "server/http/account.hpp"
#include "server/http/session.hpp"

// One request of a session, from its head to the last byte of its answer.
namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
// Nobody reads it but the log and the metrics, where it is the usual number.
constexpr int client_closed_request = 499;

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

awaitable<bool> session::answer(head gate) {
  std::optional<in_flight> counted{std::in_place, services_.live};
  exchange x{services_.now};
  x.frame = gate.frame;
  x.req.peer = x.client = peer_;
  x.from_proxy = x.req.from_proxy = from_proxy_;
  x.req.secure = tls_ != nullptr;
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
    done(x, client_closed_request, 0);
    co_return false;
  }
  if (!res->live || x.terms.to_head) co_return co_await reply(x, *res);
  counted.reset();
  co_return co_await broadcast(x, *res);
}

awaitable<response> session::handle(exchange& x) {
  std::string what;
  x.handled = true;
  try {
    handling_since_ = x.started;
    result<response> res = co_await x.found->handle(x.req);
    handling_since_ = steady::time_point::max();
    if (res) co_return *std::move(res);
    if (!gone_) services_.failures.tell(res.error(), x.req.id);
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
  exchange x{services_.now};
  x.req.id = services_.ids.make();
  x.req.peer = x.client = peer_;
  x.unread = true;
  x.req.target = buffer_.view().substr(0, std::min<std::size_t>(buffer_.view().find('\n'), 200));
  response res = problem({code, std::string{reason}}, x.req.id);
  co_return co_await reply(x, res);
}

awaitable<bool> session::reply(exchange& x, response& res) {
  x.terms.keep_alive = x.frame.keep_alive && !x.unread && !services_.draining;
  x.by->writer.write(head_out_, res, x.req, x.terms);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head_out_), asio::buffer(res.bytes())};
  // Nearly every answer fits the socket's buffer: one call, no suspension, no timer.
  error_code ec;
  const std::size_t written = tls_ ? 0 : socket_.write_some(parts, ec);
  bool sent = written == parts[0].size() + parts[1].size();
  if (!sent && (!ec || ec == asio::error::would_block)) sent = co_await write_rest(parts, written);
  done(x, res.status, parts[1].size());
  co_return sent&& x.terms.keep_alive;
}

awaitable<bool> session::write_rest(std::array<asio::const_buffer, 2> parts, std::size_t written) {
  leave_out(parts, written);
  // A reader who takes nothing for a while is given up, as is one slower than 64 KiB/s over the whole answer.
  constexpr std::size_t slowest = 64 * 1024;
  const auto& patience = services_.now->settings.write_timeout;
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

void session::done(const exchange& x, int status, std::size_t bytes) {
  last_ = steady::now();
  account(x, {status, bytes, peer_, peer_text_, last_, last_}, x.by->counted);
}

}  // namespace gridlight::http
