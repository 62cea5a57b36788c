#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bench/load/target.hpp"

namespace gridlight::bench {

/// A connection failed; the text is the kind of failure ("connect: Connection refused"), the same for all
/// alike.
struct connection_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What came back; the views are valid until the connection's next exchange.
struct answer {
  int status = 0;
  std::string_view type, encoding, etag, server_timing, body;
};

/// Addresses of a server. \throws usage_error when its name cannot be resolved
std::vector<boost::asio::ip::tcp::endpoint> resolve(const target& at);

/// Checks certificates by the system's authorities, or those of a file. \param insecure  checks none
/// \throws usage_error when the file cannot be read
boost::asio::ssl::context make_tls(const std::string& ca_file, bool insecure);

/// One keep-alive connection of one thread.
class connection {
 public:
  /// \param tls  for https, else nullptr; all arguments must outlive this
  connection(boost::asio::io_context& io, const target& at,
             const std::vector<boost::asio::ip::tcp::endpoint>& addresses, boost::asio::ssl::context* tls);

  bool is_open() const noexcept { return open_; }
  /// \throws connection_error
  boost::asio::awaitable<void> open();
  /// \param request  a whole request head
  /// \throws connection_error; the connection is closed then. Whatever follows the answer is an error, too.
  boost::asio::awaitable<answer> exchange(std::string_view request);
  void close() noexcept;

 private:
  using tcp_socket = boost::asio::ip::tcp::socket;
  template <class Stream>
  boost::asio::awaitable<void> talk(Stream& stream, std::string_view request);
  [[noreturn]] void fail(std::string_view doing, const boost::system::error_code& ec);

  boost::asio::io_context& io_;
  const target& at_;
  const std::vector<boost::asio::ip::tcp::endpoint>& addresses_;
  boost::asio::ssl::context* const tls_context_;
  tcp_socket socket_;
  std::optional<boost::asio::ssl::stream<tcp_socket&>> tls_;
  bool open_ = false;
  boost::beast::flat_buffer in_;
  std::optional<boost::beast::http::response_parser<boost::beast::http::string_body>> parser_;
};

}  // namespace gridlight::bench
