#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gridlight::test::snowflake {

struct http_question {
  std::string method, path;
  std::map<std::string, std::string> query, headers;  ///< header names in lower case
  std::string body;

  std::string header(const std::string& name) const;
  std::string parameter(const std::string& name) const;
};

struct http_answer {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::size_t> cut = {};  ///< the connection ends after so many bytes of the whole answer
  std::size_t pause_at = 0;             ///< of the whole answer
  std::function<void()> pause = {};     ///< called when so many bytes have been sent
};

/// HTTP/1.1 over TLS on 127.0.0.1, a thread a connection. Stops in its destructor, whatever clients do.
class tls_listener {
 public:
  using handler = std::function<http_answer(const http_question&)>;

  /// \param port  0: any. \throws boost::system::system_error
  tls_listener(const std::string& certificate, const std::string& key, std::uint16_t port, handler answer);
  ~tls_listener();
  tls_listener(const tls_listener&) = delete;
  tls_listener& operator=(const tls_listener&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void accept_all();
  void serve(boost::asio::ip::tcp::socket socket);

  handler answer_;
  boost::asio::io_context io_;
  boost::asio::ssl::context tls_{boost::asio::ssl::context::tls_server};
  boost::asio::ip::tcp::acceptor acceptor_{io_};
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  bool stopping_ = false;
  std::map<int, std::thread> threads_;  ///< by socket
  std::vector<std::thread> ended_;
  std::thread accepting_;
};

}  // namespace gridlight::test::snowflake
