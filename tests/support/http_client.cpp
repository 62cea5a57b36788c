#include "tests/support/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace gridlight::test {
namespace {

namespace beast = boost::beast;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error{"http_client: " + what};
}
[[noreturn]] void fail_errno(const std::string& what) {
  fail(what + ": " + std::strerror(errno));
}

std::uint16_t port_of(std::string_view text) {
  std::uint16_t port = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), port).ec != std::errc{}) fail("bad port");
  return port;
}

}  // namespace

std::string http_reply::header(std::string_view name) const {
  const auto it = headers.find(beast::string_view{name.data(), name.size()});
  return it == headers.end() ? std::string{} : std::string{it->value()};
}

bool http_reply::has(std::string_view name) const {
  return headers.find(beast::string_view{name.data(), name.size()}) != headers.end();
}

http_client::http_client(std::string_view address, std::chrono::milliseconds timeout) : timeout_(timeout) {
  if (const auto scheme = address.find("://"); scheme != std::string_view::npos)
    address.remove_prefix(scheme + 3);
  address = address.substr(0, address.find('/'));
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) fail("no port in the address");
  host_ = address.substr(0, colon);
  port_ = port_of(address.substr(colon + 1));
}

http_client::http_client(std::uint16_t port, std::chrono::milliseconds timeout)
    : host_("127.0.0.1"), port_(port), timeout_(timeout) {}

http_client::~http_client() {
  close();
}

void http_client::connect() {
  if (socket_ != -1) return;
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ == -1) fail_errno("socket");
  const auto ms = timeout_.count();
  const timeval limit{ms / 1000, (ms % 1000) * 1000};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int one = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  if (::inet_pton(AF_INET, host_.c_str(), &to.sin_addr) != 1) fail("not an IPv4 address: " + host_);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    const int error = errno;
    close();
    errno = error;
    fail_errno("connect to port " + std::to_string(port_));
  }
  buffer_.clear();
  ++connections_;
}

void http_client::send(std::string_view bytes) {
  connect();
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) fail_errno("send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool http_client::fill() {
  std::array<char, 64 * 1024> block;
  const ssize_t n = ::recv(socket_, block.data(), block.size(), 0);
  if (n < 0) fail_errno("receive");
  buffer_.append(block.data(), static_cast<std::size_t>(n));
  return n > 0;
}

http_reply http_client::receive(bool to_head) {
  for (;;) {
    beast::http::response_parser<beast::http::string_body> parser;
    parser.body_limit(boost::none);
    parser.eager(true);
    parser.skip(to_head);
    bool ended = false;
    while (!parser.is_done()) {
      beast::error_code ec;
      const std::size_t used = parser.put(boost::asio::buffer(buffer_), ec);
      buffer_.erase(0, used);
      if (ec && ec != beast::http::error::need_more) fail("malformed answer: " + ec.message());
      if (parser.is_done()) break;
      if (used != 0 && !ec) continue;
      if (ended || !fill()) {
        if (!parser.got_some() || ended) fail("the connection ended before the answer");
        ended = true;
        parser.put_eof(ec);
        if (ec) fail("the connection ended within an answer");
      }
    }
    auto message = parser.release();
    http_reply out;
    out.status = static_cast<int>(message.result_int());
    out.http_1_1 = message.version() == 11;
    out.keep_alive = message.keep_alive();
    out.body = std::move(message.body());
    out.headers = std::move(message.base());
    if (out.status >= 100 && out.status < 200) {
      ++interim_;
      continue;
    }
    return out;
  }
}

http_reply http_client::request(std::string_view method, std::string_view target, const http_headers& headers,
                                std::string_view body) {
  std::string text;
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: ").append(host_).append("\r\n");
  for (const auto& [name, value] : headers)
    text.append(name).append(": ").append(value).append("\r\n");
  if (!body.empty()) text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  text.append("\r\n").append(body);
  send(text);
  http_reply out = receive(method == "HEAD");
  if (!out.keep_alive) close();
  return out;
}

http_reply http_client::get(std::string_view target, const http_headers& headers) {
  return request("GET", target, headers);
}

http_reply http_client::head(std::string_view target, const http_headers& headers) {
  return request("HEAD", target, headers);
}

http_reply http_client::post(std::string_view target, std::string_view body, std::string_view type,
                             const http_headers& headers) {
  http_headers all = headers;
  all.emplace_back("Content-Type", type);
  if (body.empty()) all.emplace_back("Content-Length", "0");
  return request("POST", target, all, body);
}

std::vector<http_reply> http_client::pipelined(const std::vector<std::string>& targets) {
  std::string text;
  for (const auto& target : targets)
    text += "GET " + target + " HTTP/1.1\r\nHost: " + host_ + "\r\n\r\n";
  send(text);
  std::vector<http_reply> out;
  for (std::size_t i = 0; i < targets.size(); ++i)
    out.push_back(receive());
  return out;
}

std::string http_client::receive_until_close() {
  while (fill())
    continue;
  return std::exchange(buffer_, {});
}

bool http_client::closed_by_server() {
  if (!buffer_.empty()) return false;
  std::array<char, 256> block;
  const ssize_t n = ::recv(socket_, block.data(), block.size(), 0);
  if (n < 0 && errno != ECONNRESET) fail_errno("waiting for the close");
  if (n > 0) buffer_.append(block.data(), static_cast<std::size_t>(n));
  return n <= 0;
}

void http_client::shutdown_send() {
  ::shutdown(socket_, SHUT_WR);
}

void http_client::close() {
  if (socket_ != -1) ::close(socket_);
  socket_ = -1;
  buffer_.clear();
}

void http_client::reset() {
  const linger none{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  close();
}

void connect_to(int socket, std::uint16_t port) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    fail_errno("connect to port " + std::to_string(port));
}

std::string gunzip(std::string_view packed) {
  z_stream z{};
  if (inflateInit2(&z, 15 + 16) != Z_OK) fail("inflateInit2");
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  std::array<char, 64 * 1024> block;
  int state = Z_OK;
  while (state == Z_OK) {
    z.next_out = reinterpret_cast<Bytef*>(block.data());
    z.avail_out = block.size();
    state = inflate(&z, Z_NO_FLUSH);
    out.append(block.data(), block.size() - z.avail_out);
  }
  inflateEnd(&z);
  if (state != Z_STREAM_END) fail("not gzip, or cut short");
  return out;
}

}  // namespace gridlight::test
