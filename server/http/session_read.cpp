#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/http/session.hpp"

// What a session reads: a head until the gate knows what it is, then the body.
namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

head_limits limits_of(std::size_t max_head) {
  head_limits out;
  out.max_head = max_head;
  out.max_line = max_head / 2;
  return out;
}

// A head that drips in byte by byte is not read from its start at each: nothing but the end of a line, or too
// many bytes, can change what the gate says of a line it has begun to read.
bool worth_a_check(std::string_view all, std::size_t checked, const head_limits& limits) {
  return all.size() >= std::max<std::size_t>(2 * checked, 1) || all.size() > limits.max_head ||
         all.find('\n', checked) != all.npos;
}

}  // namespace

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
  const head_limits limits = limits_of(max_head_);
  if (!is_linked()) services_.waiting.push_back(*this);
  idle_ = buffer_.empty();
  if (idle_) set_deadline(std::min(last_ + services_.now->settings.idle_timeout, services_.idle_until));
  std::size_t checked = 0;
  for (bool partial = false;;) {
    if (const std::string_view all = buffer_.view(); worth_a_check(all, checked, limits)) {
      gate = check_head(all, limits);
      if (gate.is != head::state::need_more) break;
      checked = all.size();
      if (gate.skip == checked) {
        buffer_.consume(gate.skip);  // empty lines alone begin nothing
        checked = 0;
      } else if (!partial) {
        partial = true;
        idle_ = false;
        set_deadline(steady::now() + services_.now->settings.header_timeout);
      }
    }
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
    return problem(
        {errc::body_too_large, "the body is longer than " + std::to_string(body_cap(x)) + " bytes"},
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
  chunked_body chunks{body_cap(x)};
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

}  // namespace gridlight::http
