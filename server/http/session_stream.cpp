#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/account.hpp"
#include "server/http/session.hpp"

// An answer without an end of its own. Nothing bounds its time; a client that does not take what it is sent
// is cut off. Its connection is closed behind it: whatever the client sends meanwhile is dropped.
namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds to_take_the_rest{1};

struct listening {
  listening(live_counts& l, stream*& at, stream& s) : live(l), current(at) {
    live.listeners.fetch_add(1, std::memory_order_relaxed);
    current = &s;
  }
  ~listening() {
    live.listeners.fetch_sub(1, std::memory_order_relaxed);
    current = nullptr;
  }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;
  live_counts& live;
  stream*& current;
};

}  // namespace

awaitable<bool> session::broadcast(exchange& x, response& res) {
  x.terms.keep_alive = false;
  x.by->writer.write(head_out_, res, x.req, x.terms);
  buffer_.drop();
  const std::shared_ptr<stream> from = std::move(res.live);
  std::size_t bytes = 0;
  bool sent = co_await send_piece(head_out_);
  const auto begun = steady::now();
  if (sent) {
    std::string{}.swap(head_out_);  // gives its memory back
    sent = co_await send_stream(*from, x.terms.http_1_1, bytes);
  }
  last_ = steady::now();
  account(x, {res.status, bytes, peer_, peer_text_, last_, begun}, x.by->counted);
  co_return false;
}

awaitable<bool> session::send_stream(stream& from, bool chunked, std::size_t& bytes) {
  const listening here{services_.live, streaming_, from};
  timer_type news{socket_.get_executor(), steady::time_point::max()};
  from.on_news([&news] { news.cancel(); });
  watch_reader();
  if (services_.draining) from.give_up();
  bool sent = true;
  while (sent && !gone_ && !from.too_slow()) {
    if (const chunk_pointer text = from.next()) {
      sent = co_await send_piece(chunked ? text->framed() : text->plain());
      if (sent) bytes += text->plain().size();
    } else if (from.ended()) {
      if (chunked) sent = co_await send_piece(chunk::last);
      break;
    } else {
      co_await news.async_wait(as_result);
    }
  }
  from.on_news(nullptr);
  if (!gone_ && from.too_slow()) cut_off();
  if (from.too_slow() || (!sent && timed_out_))
    services_.live.dropped.fetch_add(1, std::memory_order_relaxed);
  co_return sent && !gone_;
}

// Nearly always the socket has room for it.
awaitable<bool> session::send_piece(std::string_view text) {
  error_code error;
  timed_out_ = false;
  if (!tls_) text.remove_prefix(socket_.write_some(asio::buffer(text), error));
  if (error == asio::error::would_block) error = {};
  while (!error && !text.empty()) {
    const bool ending = streaming_ != nullptr && services_.draining;
    set_deadline(steady::now() + (ending ? to_take_the_rest : services_.now->settings.write_timeout));
    const std::array<asio::const_buffer, 2> parts{asio::buffer(text), asio::const_buffer{}};
    std::size_t written = 0;
    if (tls_) {
      const auto [ec, n] = co_await tls_->write_some(parts);
      error = ec;
      written = n;
    } else {
      const auto [ec, n] = co_await socket_.async_write_some(parts, as_result);
      error = ec;
      written = n;
    }
    text.remove_prefix(written);
  }
  until_ = deadline::max();
  if (error) cut_off();
  co_return !error;
}

// While a stream is sent nobody else reads.
void session::watch_reader() {
  socket_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](error_code ec) {
    if (ec || self->streaming_ == nullptr) return;
    if (self->drop_incoming()) return self->watch_reader();
    self->gone_ = true;
    self->streaming_->end();
  });
}

// False when the client has hung up.
bool session::drop_incoming() {
  if (tls_) return tls_->drop_incoming();
  std::array<char, 4096> dropped;
  error_code ec;
  socket_.read_some(asio::buffer(dropped), ec);
  return !ec || ec == asio::error::would_block;
}

// The server drains: what a client has not begun to get it will be told when it comes again.
void session::end_stream() {
  streaming_->give_up();
  if (until_ != deadline::max()) set_deadline(std::min(until_, deadline{steady::now() + to_take_the_rest}));
}

}  // namespace gridlight::http
