#pragma once

#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/certificate.hpp"
#include "tests/support/temp_folder.hpp"

namespace gridlight::test {

struct canned {
  unsigned status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  bool cut = false;          ///< closes the connection in the middle of the answer
  bool cut_before = false;   ///< closes it without a word
  bool close_after = false;  ///< closes it after the answer, without having said so
  std::chrono::milliseconds wait{0};
};

/// Speaks TLS on 127.0.0.1, a thread a connection; what to say is asked of `answer`, one at a time.
class snowflake_server {
 public:
  using request = boost::beast::http::request<boost::beast::http::string_body>;
  using handler = std::function<canned(const request&)>;

  explicit snowflake_server(handler answer) : answer_(std::move(answer)) {
    make_certificate(certificate(), folder_.path() / "key.pem", "snow");
    tls_.use_certificate_chain_file(certificate());
    tls_.use_private_key_file((folder_.path() / "key.pem").string(), boost::asio::ssl::context::pem);
    thread_ = std::thread{[this] { accept(); }};
  }
  ~snowflake_server() {
    stopping_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket wake{io_};
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
    {
      const std::lock_guard hold{mutex_};
      for (auto* s : open_)
        ::shutdown(s->native_handle(), SHUT_RDWR);
    }
    for (auto& t : sessions_)
      t.join();
  }
  snowflake_server(const snowflake_server&) = delete;
  snowflake_server& operator=(const snowflake_server&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string certificate() const { return (folder_.path() / "cert.pem").string(); }
  std::vector<std::string> seen() {
    const std::lock_guard hold{mutex_};
    return seen_;
  }

 private:
  using tcp = boost::asio::ip::tcp;
  using stream = boost::asio::ssl::stream<tcp::socket>;

  void accept() {
    while (!stopping_) {
      tcp::socket socket{io_};
      boost::system::error_code ec;
      acceptor_.accept(socket, ec);
      if (ec || stopping_) return;
      sessions_.emplace_back([this, s = std::make_shared<tcp::socket>(std::move(socket))] { talk(*s); });
    }
  }

  void talk(tcp::socket& socket) {
    stream tls{std::move(socket), tls_};
    {
      const std::lock_guard hold{mutex_};
      open_.push_back(&tls.next_layer());
    }
    boost::system::error_code ec;
    tls.handshake(stream::server, ec);
    boost::beast::flat_buffer buffer;
    while (!ec && !stopping_) {
      request r;
      boost::beast::http::read(tls, buffer, r, ec);
      if (ec || !reply(tls, r)) break;
    }
    const std::lock_guard hold{mutex_};
    std::erase(open_, &tls.next_layer());
  }

  bool reply(stream& tls, const request& r) {
    canned c;
    {
      const std::lock_guard hold{mutex_};
      seen_.push_back(std::string{r.method_string()} + " " + std::string{r.target()});
      c = answer_(r);
    }
    std::this_thread::sleep_for(c.wait);
    if (c.cut_before) return false;
    boost::beast::http::response<boost::beast::http::string_body> out{
        static_cast<boost::beast::http::status>(c.status), 11};
    for (const auto& [name, value] : c.headers)
      out.set(name, value);
    out.body() = c.body;
    out.prepare_payload();
    if (c.cut) {
      out.content_length(c.body.size() + 100);
    }
    boost::system::error_code ec;
    boost::beast::http::write(tls, out, ec);
    return !ec && !c.cut && !c.close_after;
  }

  handler answer_;
  temp_folder folder_;
  boost::asio::io_context io_;
  tcp::acceptor acceptor_{io_, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::vector<tcp::socket*> open_;
  std::vector<std::thread> sessions_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace gridlight::test
