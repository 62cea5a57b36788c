#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

namespace gridlight::bench {

/// What came back; `body` is valid until the next exchange.
struct reply {
  int status = 0;
  std::string_view body;
};

/// One keep-alive connection that reads no more of HTTP than a load generator needs: status and
/// Content-Length. \throws boost::system::system_error on network errors, std::runtime_error on an answer it
/// cannot read
class http_connection {
 public:
  explicit http_connection(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}
  boost::asio::awaitable<void> connect(boost::asio::ip::tcp::endpoint where);
  /// \param request  head and body, complete
  boost::asio::awaitable<reply> exchange(std::string_view request);
  void close() noexcept;

 private:
  boost::asio::ip::tcp::socket socket_;
  std::string in_;
};

}  // namespace gridlight::bench
