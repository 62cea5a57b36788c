#include "tests/support/snowflake/tls_listener.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cctype>
#include <stdexcept>

#include "server/http/url.hpp"

namespace gridlight::test::snowflake {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using stream = asio::ssl::stream<tcp::socket>;

constexpr std::uint64_t longest_body = 64 << 20;

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

http_question read_question(const beast::http::request<beast::http::string_body>& r) {
  http_question out;
  out.method = std::string{r.method_string()};
  const std::string_view target{r.target().data(), r.target().size()};
  const auto parts = gridlight::http::split_target(target);
  const auto path = gridlight::http::decode_path(parts.path);
  const auto query = gridlight::http::decode_query(parts.query);
  if (!path || !query) throw std::runtime_error{"a target that cannot be decoded"};
  out.path = *path;
  for (const auto& p : *query)
    out.query[p.name] = p.value;
  for (const auto& field : r)
    out.headers[lower({field.name_string().data(), field.name_string().size()})] =
        std::string{field.value().data(), field.value().size()};
  out.body = r.body();
  return out;
}

std::string bytes_of(const http_answer& a, bool keeps) {
  const auto reason = beast::http::obsolete_reason(static_cast<beast::http::status>(a.status));
  std::string out =
      "HTTP/1.1 " + std::to_string(a.status) + " " + std::string{reason.data(), reason.size()} + "\r\n";
  for (const auto& [name, value] : a.headers)
    out += name + ": " + value + "\r\n";
  out += "Content-Length: " + std::to_string(a.body.size()) + "\r\n";
  out += keeps ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out + a.body;
}

void answer_all(stream& s, const tls_listener::handler& answer) {
  boost::system::error_code error;
  s.handshake(stream::server, error);
  beast::flat_buffer buffer;
  while (!error) {
    beast::http::request_parser<beast::http::string_body> parser;
    parser.body_limit(longest_body);
    beast::http::read(s, buffer, parser, error);
    if (error) return;
    const bool keeps = parser.get().keep_alive();
    const http_answer out = answer(read_question(parser.get()));
    const std::string bytes = bytes_of(out, keeps);
    if (out.cut) {
      asio::write(s, asio::buffer(bytes, *out.cut), error);
      return;  // no close_notify: the client must see that it was cut
    }
    const std::size_t sent = out.pause ? std::min(out.pause_at, bytes.size()) : 0;
    if (sent > 0) asio::write(s, asio::buffer(bytes, sent), error);
    if (out.pause) out.pause();
    if (!error) asio::write(s, asio::buffer(bytes) + sent, error);
    if (!keeps) {
      s.shutdown(error);
      return;
    }
  }
}

}  // namespace

std::string http_question::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

std::string http_question::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? "" : found->second;
}

tls_listener::tls_listener(const std::string& certificate, const std::string& key, std::uint16_t port,
                           handler answer)
    : answer_(std::move(answer)) {
  tls_.use_certificate_chain_file(certificate);
  tls_.use_private_key_file(key, asio::ssl::context::pem);
  const tcp::endpoint where{asio::ip::address_v4::loopback(), port};
  acceptor_.open(where.protocol());
  acceptor_.set_option(tcp::acceptor::reuse_address(true));
  acceptor_.bind(where);
  acceptor_.listen();
  port_ = acceptor_.local_endpoint().port();
  accepting_ = std::thread{[this] { accept_all(); }};
}

tls_listener::~tls_listener() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    for (const auto& [socket, thread] : threads_)
      ::shutdown(socket, SHUT_RDWR);
  }
  accepting_.join();
  for (;;) {
    std::vector<std::thread> waiting;
    {
      const std::lock_guard lock{mutex_};
      waiting.swap(ended_);
      for (auto& [socket, thread] : threads_)
        waiting.push_back(std::move(thread));
      threads_.clear();
    }
    if (waiting.empty()) return;
    for (std::thread& t : waiting)
      t.join();
  }
}

void tls_listener::accept_all() {
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket{io_};
    acceptor_.accept(socket, error);
    std::vector<std::thread> ended;
    {
      const std::lock_guard lock{mutex_};
      if (stopping_) return;
      ended.swap(ended_);
      if (!error) {
        const int handle = socket.native_handle();
        threads_[handle] = std::thread{[this, s = std::move(socket)]() mutable { serve(std::move(s)); }};
      }
    }
    for (std::thread& t : ended)
      t.join();
  }
}

void tls_listener::serve(tcp::socket socket) {
  const int handle = socket.native_handle();
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  stream s{std::move(socket), tls_};
  try {
    answer_all(s, answer_);
  } catch (const std::exception&) {
    // The connection ends, and the client sees that.
  }
  const std::lock_guard lock{mutex_};
  // Under the lock, so that the number is not given to another socket while it stands in the map.
  if (const auto own = threads_.find(handle); own != threads_.end()) {
    ended_.push_back(std::move(own->second));
    threads_.erase(own);
  }
  s.next_layer().close(ignored);
}

}  // namespace gridlight::test::snowflake
