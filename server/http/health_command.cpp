#include "server/http/health_command.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <exception>
#include <optional>

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::use_awaitable;

struct question {
  bool tls = false;
  std::string host, port, target;
};

struct reply {
  int status = 0;
  std::string body;
};

std::optional<question> read_question(const std::string& url, const health_options& options) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed || parsed->host().empty() || !parsed->userinfo().empty()) return std::nullopt;
  if (parsed->scheme() != "http" && parsed->scheme() != "https") return std::nullopt;
  question out;
  out.tls = parsed->scheme() == "https";
  out.host = parsed->host_address();
  out.port = parsed->has_port() ? std::string{parsed->port()} : out.tls ? "443" : "80";
  out.target = std::string{parsed->encoded_target()};
  if (out.target.empty() || out.target == "/") out.target = options.ready ? "/ready" : "/live";
  return out;
}

template <class Stream>
asio::awaitable<reply> converse(Stream& stream, const question& q) {
  beast::http::request<beast::http::empty_body> request{beast::http::verb::get, q.target, 11};
  const bool v6 = q.host.find(':') != std::string::npos;
  request.set(beast::http::field::host, (v6 ? "[" + q.host + "]" : q.host) + ":" + q.port);
  request.set(beast::http::field::user_agent, "gridlight-health");
  request.keep_alive(false);
  co_await beast::http::async_write(stream, request, use_awaitable);
  beast::flat_buffer buffer;
  beast::http::response_parser<beast::http::string_body> parser;
  parser.body_limit(std::uint64_t{1} << 20);
  co_await beast::http::async_read(stream, buffer, parser, use_awaitable);
  reply out;
  out.status = static_cast<int>(parser.get().result_int());
  out.body = std::move(parser.get().body());
  co_return out;
}

asio::awaitable<reply> ask(question q) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver{executor};
  const auto places = co_await resolver.async_resolve(q.host, q.port, use_awaitable);
  beast::tcp_stream tcp{executor};
  co_await tcp.async_connect(places, use_awaitable);
  if (!q.tls) {
    reply plain = co_await converse(tcp, q);
    co_return plain;
  }
  asio::ssl::context context{asio::ssl::context::tls_client};
  asio::ssl::stream<beast::tcp_stream&> secure{tcp, context};
  ::SSL_set_tlsext_host_name(secure.native_handle(), q.host.c_str());
  co_await secure.async_handshake(asio::ssl::stream_base::client, use_awaitable);
  reply sealed = co_await converse(secure, q);
  co_return sealed;
}

std::string reason_of(const std::exception_ptr& failed) {
  try {
    std::rethrow_exception(failed);
  } catch (const boost::system::system_error& e) {
    return e.code().message();
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

result<std::string> own_url(const config& settings) {
  const auto& http = settings.http;
  if (http.port == 0)
    return failure{errc::input, "http.port is 0, any free one: say the server's URL, gridlight health URL"};
  std::string host = http.address;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return fmt::format("{}://{}:{}", http.tls.enabled() ? "https" : "http", host, http.port);
}

int run_health(const std::string& url, const health_options& options) {
  const auto q = read_question(url, options);
  if (!q) {
    fmt::print(stderr, "gridlight health: the URL is {}; it must be http://HOST[:PORT][/PATH] or https://…\n",
               url);
    return 2;
  }
  asio::io_context io;
  std::optional<reply> answer;
  std::string failure = "no answer in " + fmt::format("{} s", options.timeout_s);
  asio::co_spawn(io, ask(*q), [&](const std::exception_ptr& failed, reply got) {
    if (failed)
      failure = reason_of(failed);
    else
      answer = std::move(got);
  });
  io.run_for(std::chrono::milliseconds{static_cast<std::int64_t>(options.timeout_s * 1000)});
  if (!answer) {
    fmt::print(stderr, "gridlight health: {}: {}\n", url, failure);
    return 1;
  }
  fmt::print("{} {}\n", answer->status, answer->body);
  return answer->status == 200 ? 0 : 1;
}

}  // namespace gridlight::http
