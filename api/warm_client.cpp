#include "api/warm_client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <optional>
#include <utility>

namespace gridlight::api {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using asio::use_awaitable;

struct warm_client::impl {
  impl(boost::urls::url_view server, std::string with_token, std::chrono::seconds time)
      : secure(server.scheme() == "https"),
        host(server.host()),
        address(server.host_address()),
        port(server.has_port() ? std::string{server.port()}
             : secure          ? "443"
                               : "80"),
        base(server.encoded_path()),
        token(std::move(with_token)),
        patience(time) {
    while (base.ends_with('/'))
      base.pop_back();
    if (secure) context.set_default_verify_paths();
  }

  awaitable<void> connect() {
    asio::ip::tcp::resolver resolver{io};
    const auto found = co_await resolver.async_resolve(address, port, use_awaitable);
    close();
    plain.emplace(io);
    plain->expires_after(patience);
    co_await plain->async_connect(found, use_awaitable);
    if (!secure) co_return;
    tls.emplace(*plain, context);
    tls->set_verify_mode(asio::ssl::verify_peer);
    tls->set_verify_callback(asio::ssl::host_name_verification{address});
    boost::system::error_code not_a_name;
    asio::ip::make_address(address, not_a_name);
    if (not_a_name) SSL_set_tlsext_host_name(tls->native_handle(), address.c_str());
    co_await tls->async_handshake(asio::ssl::stream_base::client, use_awaitable);
  }

  template <class Stream, class Parser>
  awaitable<void> exchange(Stream& stream, const bhttp::request<bhttp::empty_body>& req, Parser& parser) {
    co_await bhttp::async_write(stream, req, use_awaitable);
    co_await bhttp::async_read(stream, buffer, parser, use_awaitable);
  }

  awaitable<reply> ask(std::string path, bool packed) {
    if (!plain) co_await connect();
    bhttp::request<bhttp::empty_body> req{bhttp::verb::get, base + path, 11};
    req.set(bhttp::field::host, host + ":" + port);
    if (packed) req.set(bhttp::field::accept_encoding, "gzip");
    if (!token.empty()) req.set("Gridlight-Token", token);
    bhttp::response_parser<bhttp::string_body> parser;
    parser.body_limit(std::uint64_t{1} << 30);
    plain->expires_after(patience);
    if (tls)
      co_await exchange(*tls, req, parser);
    else
      co_await exchange(*plain, req, parser);
    plain->expires_never();
    if (!parser.get().keep_alive()) close();
    co_return reply{static_cast<int>(parser.get().result_int()), std::move(parser.get().body())};
  }

  reply run(const std::string& path, bool packed) {
    std::exception_ptr failed;
    reply out;
    asio::co_spawn(io, ask(path, packed), [&](std::exception_ptr e, reply r) {
      failed = std::move(e);
      out = std::move(r);
    });
    io.restart();
    io.run();
    if (failed) std::rethrow_exception(failed);
    return out;
  }

  void close() {
    tls.reset();
    plain.reset();
    buffer.clear();
  }

  const bool secure;
  const std::string host, address, port;  // host as in a URL: an address of IPv6 has brackets there
  std::string base, token;
  const std::chrono::seconds patience;
  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_client};
  std::optional<beast::tcp_stream> plain;
  std::optional<asio::ssl::stream<beast::tcp_stream&>> tls;
  beast::flat_buffer buffer;
};

warm_client::warm_client(boost::urls::url_view server, std::string token, std::chrono::seconds patience)
    : impl_(std::make_unique<impl>(server, std::move(token), patience)) {}
warm_client::~warm_client() = default;

warm_client::reply warm_client::get(const std::string& path, bool packed) {
  for (bool again = impl_->plain.has_value();; again = false) {
    try {
      return impl_->run(path, packed);
    } catch (const boost::system::system_error& e) {
      impl_->close();
      if (e.code() == beast::error::timeout) throw unanswered{impl_->patience};
      if (!again) throw;  // else an idle connection that the server has closed
    }
  }
}

}  // namespace gridlight::api
