#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gridlight::test {

namespace asio = boost::asio;

/// Passes bytes between its port and Postgres, until it is told to refuse, or to say nothing any more: a
/// database that goes away or falls silent, and comes back.
class doorman {
 public:
  explicit doorman(const std::string& uri) : uri_(uri) {
    asio::ip::tcp::acceptor probe{io_, {asio::ip::address_v4::loopback(), 0}};
    port_ = probe.local_endpoint().port();
  }
  ~doorman() { close(); }
  std::string uri() const { return uri_ + " host=127.0.0.1 port=" + std::to_string(port_); }
  void open() {
    io_.restart();
    acceptor_.emplace(io_, asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), port_});
    asio::co_spawn(io_, accept(), asio::detached);
    thread_ = std::thread{[this] { io_.run(); }};
  }
  /// Nothing passes, but nothing is closed, and new connections are taken and left alone.
  void fall_silent() {
    io_.stop();
    thread_.join();
  }
  void speak() {
    io_.restart();
    thread_ = std::thread{[this] { io_.run(); }};
  }
  void close() {
    if (thread_.joinable()) fall_silent();
    acceptor_.reset();
    for (auto& s : sockets_)
      s->close();
    sockets_.clear();
  }

 private:
  using socket = std::shared_ptr<asio::ip::tcp::socket>;
  std::string part(const char* key) const {
    const auto from = uri_.find(std::string{key} + "='") + std::string_view{key}.size() + 2;
    return uri_.substr(from, uri_.find('\'', from) - from);
  }
  asio::awaitable<void> accept() {
    for (;;) {
      const auto in =
          std::make_shared<asio::ip::tcp::socket>(co_await acceptor_->async_accept(asio::use_awaitable));
      const auto out = std::make_shared<asio::ip::tcp::socket>(io_);
      const asio::ip::tcp::endpoint to{asio::ip::make_address(part("host")),
                                       static_cast<asio::ip::port_type>(std::stoi(part("port")))};
      co_await out->async_connect(to, asio::use_awaitable);
      sockets_.push_back(in);
      sockets_.push_back(out);
      asio::co_spawn(io_, pass(in, out), asio::detached);
      asio::co_spawn(io_, pass(out, in), asio::detached);
    }
  }
  static asio::awaitable<void> pass(socket from, socket to) {
    std::vector<char> buffer(64 * 1024);
    for (;;) {
      const auto [ec, n] =
          co_await from->async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
      if (ec) break;
      const asio::const_buffer got{buffer.data(), n};
      co_await asio::async_write(*to, got, asio::use_awaitable);
    }
    boost::system::error_code ignored;
    to->shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  }

  std::string uri_;
  asio::io_context io_{1};
  unsigned short port_ = 0;
  std::optional<asio::ip::tcp::acceptor> acceptor_;
  std::vector<socket> sockets_;
  std::thread thread_;
};

}  // namespace gridlight::test
