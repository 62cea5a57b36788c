#include "server/http/tls_stream.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <new>
#include <string>

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

// OpenSSL's own BIO of a socket would write without MSG_NOSIGNAL, and a client that has gone would end us.
int descriptor_of(BIO* bio) {
  return static_cast<tls_stream::socket_type*>(BIO_get_data(bio))->native_handle();
}

bool is_retry() noexcept {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

int write_socket(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::send(descriptor_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (n < 0 && is_retry()) BIO_set_retry_write(bio);
  return static_cast<int>(n);
}

int read_socket(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  const auto n = ::recv(descriptor_of(bio), data, static_cast<std::size_t>(size), 0);
  if (n < 0 && is_retry()) BIO_set_retry_read(bio);
  return static_cast<int>(n);
}

long control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    if (m == nullptr) throw std::bad_alloc{};
    BIO_meth_set_write(m, write_socket);
    BIO_meth_set_read(m, read_socket);
    BIO_meth_set_ctrl(m, control);
    return m;
  }();
  return made;
}

}  // namespace

tls_stream::tls_stream(socket_type& socket, SSL_CTX* context) : socket_(socket), ssl_(SSL_new(context)) {
  BIO* const bio = BIO_new(socket_method());
  if (!ssl_ || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc{};
  }
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_read_ahead(ssl_.get(), 1);  // a record at once, not its header first
}

awaitable<tls_stream::error_code> tls_stream::wait_for(int returned) {
  const int wanted = SSL_get_error(ssl_.get(), returned);
  if (wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE) {
    const auto direction =
        wanted == SSL_ERROR_WANT_READ ? asio::socket_base::wait_read : asio::socket_base::wait_write;
    const auto [ec] = co_await socket_.async_wait(direction, as_result);
    co_return ec;
  }
  if (wanted == SSL_ERROR_ZERO_RETURN) co_return asio::error::make_error_code(asio::error::eof);
  const unsigned long why = ERR_get_error();
  ERR_clear_error();
  if (why != 0) co_return error_code{static_cast<int>(why), asio::error::get_ssl_category()};
  co_return asio::error::make_error_code(asio::error::connection_reset);
}

awaitable<tls_stream::error_code> tls_stream::handshake() {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_accept(ssl_.get());
    if (done == 1) co_return error_code{};
    if (const error_code ec = co_await wait_for(done)) co_return ec;
  }
}

awaitable<std::pair<tls_stream::error_code, std::size_t>> tls_stream::read_some(asio::mutable_buffer into) {
  for (;;) {
    std::size_t got = 0;
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &got);
    if (done == 1) co_return std::pair{error_code{}, got};
    if (const error_code ec = co_await wait_for(done)) co_return std::pair{ec, std::size_t{0}};
  }
}

awaitable<std::pair<tls_stream::error_code, std::size_t>> tls_stream::write_some(
    std::array<asio::const_buffer, 2> parts) {
  constexpr std::size_t record = 16 * 1024;
  asio::const_buffer one = parts[parts[0].size() != 0 ? 0 : 1];
  std::string joined;
  if (parts[0].size() != 0 && parts[0].size() < record && parts[1].size() != 0) {
    // The head of an answer goes out with its body, in one packet when both are short.
    const std::size_t more = std::min(parts[1].size(), record - parts[0].size());
    joined.reserve(parts[0].size() + more);
    joined.append(static_cast<const char*>(parts[0].data()), parts[0].size());
    joined.append(static_cast<const char*>(parts[1].data()), more);
    one = asio::buffer(joined);
  }
  const std::size_t size = std::min(one.size(), record);
  for (;;) {
    std::size_t written = 0;
    ERR_clear_error();
    const int done = SSL_write_ex(ssl_.get(), one.data(), size, &written);
    if (done == 1) co_return std::pair{error_code{}, written};
    if (const error_code ec = co_await wait_for(done)) co_return std::pair{ec, std::size_t{0}};
  }
}

bool tls_stream::drop_incoming() {
  std::array<char, 1024> dropped;
  std::size_t got = 0;
  ERR_clear_error();
  // Bounded: who sends without end shall not hold the thread.
  for (int i = 0; i < 16; ++i)
    if (const int done = SSL_read_ex(ssl_.get(), dropped.data(), dropped.size(), &got); done != 1) {
      const int wanted = SSL_get_error(ssl_.get(), done);
      ERR_clear_error();
      return wanted == SSL_ERROR_WANT_READ || wanted == SSL_ERROR_WANT_WRITE;
    }
  return true;
}

awaitable<void> tls_stream::shutdown() {
  for (;;) {
    ERR_clear_error();
    const int done = SSL_shutdown(ssl_.get());
    if (done >= 0) co_return;
    if (const error_code ec = co_await wait_for(done)) co_return;
  }
}

}  // namespace gridlight::http
