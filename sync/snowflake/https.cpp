#include "sync/snowflake/https.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include "server/postgres/offload.hpp"
#include "sync/snowflake/retry.hpp"

namespace gridlight::sync::snowflake {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;
using tcp = asio::ip::tcp;
namespace {

// A balancer between may drop an idle connection after a minute without a word.
constexpr std::chrono::seconds longest_idle{30};
constexpr std::size_t most_idle = 16, longest_head = 64 * 1024;

auto redirected(error_code& ec) {
  return asio::redirect_error(asio::use_awaitable, ec);
}

bool is_address(const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

// Names are resolved by a thread that may outlive who asked.
struct resolving {
  std::vector<tcp::endpoint> found;
  error_code ec;
};
void resolve_blocking(const std::string& host, std::uint16_t port, resolving& out) {
  asio::io_context none;
  tcp::resolver resolver{none};
  for (const auto& e : resolver.resolve(host, std::to_string(port), tcp::resolver::numeric_service, out.ec))
    out.found.push_back(e.endpoint());
}

// A coroutine may be destroyed where it waits: what it entered must not stay behind.
template <class T>
class entered {
 public:
  entered(std::set<T*>& all, T* one) : all_(all), one_(one) { all_.insert(one_); }
  ~entered() { all_.erase(one_); }
  entered(const entered&) = delete;
  entered& operator=(const entered&) = delete;

 private:
  std::set<T*>& all_;
  T* one_;
};

// Whom the certificate must be for; the server is told, so that it shows the right one.
void expect_host(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* const wanted = SSL_get0_param(ssl);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(wanted, host.c_str());
    return;
  }
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set1_host(wanted, host.data(), host.size());
  SSL_set_tlsext_host_name(ssl, host.c_str());
}

}  // namespace

struct https::connection {
  connection(const asio::any_io_executor& executor, asio::ssl::context& tls) : stream(executor, tls) {}
  beast::ssl_stream<beast::tcp_stream> stream;
  beast::flat_buffer buffer;
  steady::time_point idle_since;
  bool used = false;
  beast::tcp_stream& lowest() { return beast::get_lowest_layer(stream); }
};

result<std::shared_ptr<asio::ssl::context>> make_tls_context(const std::string& ca_file) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  error_code ec;
  ERR_clear_error();
  if (ca_file.empty())
    tls->set_default_verify_paths(ec);
  else
    tls->load_verify_file(ca_file, ec);
  if (ec)
    return failure{errc::input, fmt::format("certificates to trust cannot be read from {}: {}",
                                            ca_file.empty() ? "the system" : ca_file, ec.message())};
  tls->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, ec);
  return tls;
}

https::https(asio::any_io_executor executor, std::shared_ptr<asio::ssl::context> tls,
             const client_options& options)
    : executor_(std::move(executor)), tls_(std::move(tls)), options_(options) {}

https::~https() = default;

void https::stop() {
  ++stops_;
  idle_.clear();
  for (connection* c : active_)
    c->lowest().close();
  for (asio::steady_timer* t : timers_)
    t->cancel();
}

awaitable<bool> https::pause(steady::duration time) {
  const auto before = stops_;
  asio::steady_timer timer{executor_, time};
  const entered here{timers_, &timer};
  error_code ec;
  co_await timer.async_wait(redirected(ec));
  co_return stops_ == before;
}

https::connection_ptr https::take_idle() {
  const auto oldest = steady::now() - longest_idle;
  std::erase_if(idle_, [&](const connection_ptr& c) { return c->idle_since < oldest; });
  if (idle_.empty()) return nullptr;
  auto out = std::move(idle_.back());
  idle_.pop_back();
  return out;
}

awaitable<result<https::endpoints>> https::resolve(deadline until) {
  const auto shared = std::make_shared<resolving>();
  std::function<void()> work = [shared, host = options_.host, port = options_.port] {
    resolve_blocking(host, port, *shared);
  };
  const bool ended =
      co_await postgres::await_off_thread(executor_, postgres::chore::connect, std::move(work), until);
  if (ended && !shared->found.empty()) co_return std::move(shared->found);
  const std::string why = ended ? shared->ec.message() : "no answer in time";
  co_return failure{errc::database_unavailable,
                    fmt::format("the host {} cannot be found: {}", options_.host, why)};
}

http_trouble https::no_tls(const connection& c, const error_code& ec) const {
  // The certificate's own fault says more than OpenSSL's error, and does not pass with time.
  const long verdict = SSL_get_verify_result(const_cast<connection&>(c).stream.native_handle());
  const bool refused = verdict != X509_V_OK;
  const std::string why = refused ? X509_verify_cert_error_string(verdict) : ec.message();
  http_trouble out{{refused ? errc::input : errc::database_unavailable,
                    fmt::format("TLS with {} failed: {}", options_.host, why)}};
  out.final = refused;
  return out;
}

awaitable<std::variant<https::connection_ptr, http_trouble>> https::connect(deadline until) {
  using outcome = std::variant<connection_ptr, http_trouble>;
  const auto before = stops_;
  auto found = co_await resolve(until);
  if (found && stops_ != before) found = failure{errc::shutting_down, "the work is ended"};
  if (!found) co_return outcome{http_trouble{found.error()}};
  auto c = std::make_shared<connection>(executor_, *tls_);
  expect_host(c->stream.native_handle(), options_.host);
  const entered here{active_, c.get()};
  error_code ec;
  c->lowest().expires_at(until);
  co_await c->lowest().async_connect(*found, redirected(ec));
  if (ec) {
    failure why{errc::database_unavailable,
                fmt::format("{} cannot be reached: {}", options_.host, ec.message())};
    co_return outcome{http_trouble{std::move(why)}};
  }
  error_code ignored;
  c->lowest().socket().set_option(tcp::no_delay{true}, ignored);
  co_await c->stream.async_handshake(asio::ssl::stream_base::client, redirected(ec));
  if (ec) co_return outcome{no_tls(*c, ec)};
  ++connections_;
  co_return outcome{std::move(c)};
}

awaitable<http_outcome> https::speak(connection_ptr c, const http_request& request, deadline until) {
  bhttp::response_parser<bhttp::string_body> parser;
  parser.body_limit(options_.most_answer_bytes);
  parser.header_limit(longest_head);
  error_code ec;
  const entered here{active_, c.get()};
  c->lowest().expires_at(until);
  co_await bhttp::async_write(c->stream, request, redirected(ec));
  if (!ec) co_await bhttp::async_read(c->stream, c->buffer, parser, redirected(ec));
  if (ec) {
    http_trouble out{{errc::database_unavailable,
                      fmt::format("the connection to {} broke: {}", options_.host, ec.message())}};
    if (ec == beast::error::timeout) out.why.detail = fmt::format("{} did not answer in time", options_.host);
    // A part may have gone out before the write failed.
    out.sent = true;
    out.stale = c->used && !parser.got_some() && ec != beast::error::timeout;
    out.final = ec == bhttp::error::body_limit;
    if (out.final) out.why = {errc::internal, "Snowflake's answer is larger than allowed"};
    co_return http_outcome{std::move(out)};
  }
  auto message = parser.release();
  http_answer out;
  out.status = message.result_int();
  out.body = std::move(message.body());
  out.gzip = beast::iequals(message[bhttp::field::content_encoding], "gzip");
  out.retry_after = read_retry_after(std::string_view{message[bhttp::field::retry_after]});
  bytes_ += out.body.size();
  if (message.keep_alive() && idle_.size() < most_idle) {
    c->used = true;
    c->idle_since = steady::now();
    c->lowest().expires_never();
    idle_.push_back(std::move(c));
  }
  co_return http_outcome{std::move(out)};
}

awaitable<http_outcome> https::exchange(const http_request& request, deadline until) {
  auto c = take_idle();
  if (!c) {
    const deadline by = std::min(until, deadline_in(options_.connect_timeout));
    auto made = co_await connect(by);
    if (auto* trouble = std::get_if<http_trouble>(&made)) co_return http_outcome{std::move(*trouble)};
    c = std::move(std::get<connection_ptr>(made));
  }
  const deadline by = std::min(until, deadline_in(options_.attempt_timeout));
  auto out = co_await speak(std::move(c), request, by);
  const auto* trouble = std::get_if<http_trouble>(&out);
  // Where one was closed, those that waited with it were too.
  if (trouble != nullptr && trouble->stale) idle_.clear();
  co_return out;
}

}  // namespace gridlight::sync::snowflake
