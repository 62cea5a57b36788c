#include "bench/load/connection.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>

namespace gridlight::bench {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::uint64_t most_body = 256 << 20;

std::string_view field(const http::fields& head, http::field name) {
  const auto it = head.find(name);
  if (it == head.end()) return {};
  return {it->value().data(), it->value().size()};
}

std::string_view field(const http::fields& head, std::string_view name) {
  const auto it = head.find({name.data(), name.size()});
  if (it == head.end()) return {};
  return {it->value().data(), it->value().size()};
}

}  // namespace

std::vector<tcp::endpoint> resolve(const target& at) {
  asio::io_context io;
  error_code ec;
  std::vector<tcp::endpoint> out;
  for (const auto& entry : tcp::resolver{io}.resolve(at.host, at.port, ec))
    out.push_back(entry.endpoint());
  if (ec) throw usage_error{fmt::format("cannot find {}: {}", at.host, ec.message())};
  return out;
}

asio::ssl::context make_tls(const std::string& ca_file, bool insecure) {
  asio::ssl::context out{asio::ssl::context::tls_client};
  error_code ec;
  if (insecure) {
    out.set_verify_mode(asio::ssl::verify_none);
    return out;
  }
  out.set_verify_mode(asio::ssl::verify_peer);
  if (ca_file.empty())
    out.set_default_verify_paths(ec);
  else
    out.load_verify_file(ca_file, ec);
  if (ec) throw usage_error{fmt::format("--ca {}: {}", ca_file, ec.message())};
  return out;
}

connection::connection(asio::io_context& io, const target& at, const std::vector<tcp::endpoint>& addresses,
                       asio::ssl::context* tls)
    : io_(io), at_(at), addresses_(addresses), tls_context_(tls), socket_(io) {}

void connection::fail(std::string_view doing, const error_code& ec) {
  close();
  throw connection_error{fmt::format("{}: {}", doing, ec.message())};
}

asio::awaitable<void> connection::open() {
  error_code ec = asio::error::host_not_found;
  for (const auto& each : addresses_) {
    socket_ = tcp::socket{io_};
    std::tie(ec) = co_await socket_.async_connect(each, as_result);
    if (!ec) break;
  }
  if (ec) fail("connect", ec);
  socket_.set_option(tcp::no_delay{true}, ec);
  if (tls_context_ != nullptr) {
    tls_.emplace(socket_, *tls_context_);
    SSL_set_tlsext_host_name(tls_->native_handle(), at_.host.c_str());
    tls_->set_verify_callback(asio::ssl::host_name_verification{at_.host}, ec);
    std::tie(ec) = co_await tls_->async_handshake(asio::ssl::stream_base::client, as_result);
    if (ec) fail("TLS", ec);
  }
  in_.clear();
  open_ = true;
}

// Beast's own read asks for small pieces at first; most answers come whole with one read of this size.
template <class Stream>
asio::awaitable<void> connection::talk(Stream& stream, std::string_view request) {
  constexpr std::size_t piece = 64 << 10;
  const auto [sent, n] = co_await asio::async_write(stream, asio::buffer(request), as_result);
  if (sent) fail("send", sent);
  parser_.emplace();
  parser_->eager(true);
  parser_->body_limit(most_body);
  error_code ec;
  while (!parser_->is_done()) {
    const auto [received, more] = co_await stream.async_read_some(in_.prepare(piece), as_result);
    in_.commit(more);
    if (received == asio::error::eof && parser_->got_some())
      parser_->put_eof(ec);  // the end of a body without a length
    else if (received)
      fail("read", received);
    for (std::size_t used = 1; used > 0 && in_.size() > 0 && !ec && !parser_->is_done();) {
      used = parser_->put(in_.data(), ec);
      in_.consume(used);
      if (ec == http::error::need_more) {
        ec = {};
        break;
      }
    }
    if (ec) fail("read", ec);
  }
}

asio::awaitable<answer> connection::exchange(std::string_view request) {
  if (tls_)
    co_await talk(*tls_, request);
  else
    co_await talk(socket_, request);
  const auto& message = parser_->get();
  if (in_.size() != 0) {
    close();
    throw connection_error{"read: more bytes than the answer's length"};
  }
  if (!parser_->keep_alive()) close();
  co_return answer{static_cast<int>(message.result_int()),
                   field(message, http::field::content_type),
                   field(message, http::field::content_encoding),
                   field(message, http::field::etag),
                   field(message, "Server-Timing"),
                   message.body()};
}

void connection::close() noexcept {
  error_code ignored;
  socket_.close(ignored);
  tls_.reset();
  open_ = false;
}

}  // namespace gridlight::bench
