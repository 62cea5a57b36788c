#pragma once

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <utility>

namespace gridlight::http {

/// TLS over a connected socket, the server's side. Unlike Asio's own it has no buffers: OpenSSL reads from
/// and writes to the descriptor, and an idle connection costs what OpenSSL keeps of it alone. Whatever waits
/// ends with operation_aborted when the socket's operations are cancelled; then the stream is of no further
/// use.
class tls_stream {
 public:
  using socket_type =
      boost::asio::ip::tcp::socket::rebind_executor<boost::asio::io_context::executor_type>::other;
  using error_code = boost::system::error_code;

  /// \param socket   non-blocking; must outlive the stream
  /// \param context  kept by the stream
  tls_stream(socket_type& socket, SSL_CTX* context);

  boost::asio::awaitable<error_code> handshake();
  /// At least one byte, or an error; eof: the client has closed the stream in peace.
  boost::asio::awaitable<std::pair<error_code, std::size_t>> read_some(boost::asio::mutable_buffer into);
  /// At least one byte of what is not empty, or an error.
  boost::asio::awaitable<std::pair<error_code, std::size_t>> write_some(
      std::array<boost::asio::const_buffer, 2> parts);
  /// Says that nothing more will come from here; does not wait for the client to say so too.
  boost::asio::awaitable<void> shutdown();
  /// Reads what has come and drops it; false when the client has ended the stream, or it is broken.
  bool drop_incoming();
  bool has_more() const noexcept {
    return SSL_has_pending(ssl_.get()) == 1;
  }  ///< taken off the socket, not read yet

 private:
  struct free_ssl {
    void operator()(SSL* s) const noexcept { SSL_free(s); }
  };
  // Waits for what `returned` says is wanted. No error: try again.
  boost::asio::awaitable<error_code> wait_for(int returned);

  socket_type& socket_;
  std::unique_ptr<SSL, free_ssl> ssl_;
};

}  // namespace gridlight::http
