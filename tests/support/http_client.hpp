#pragma once

#include <boost/beast/http/fields.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gridlight::test {

struct http_reply {
  int status = 0;
  bool http_1_1 = true;
  bool keep_alive = true;
  boost::beast::http::fields headers;
  std::string body;  ///< as sent: a gzip body is not unpacked

  std::string header(std::string_view name) const;  ///< "" when absent
  bool has(std::string_view name) const;
};

using http_headers = std::vector<std::pair<std::string, std::string>>;

/// A blocking HTTP client on one connection, kept alive and reopened when the server closed it after an
/// answer. Whatever goes wrong (refused, timed out, malformed answer) throws std::runtime_error, which fails
/// the test.
class http_client {
 public:
  /// \param address  "http://127.0.0.1:8080", as server_process::url() gives it
  explicit http_client(std::string_view address,
                       std::chrono::milliseconds timeout = std::chrono::seconds{20});
  explicit http_client(std::uint16_t port, std::chrono::milliseconds timeout = std::chrono::seconds{20});
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  http_reply get(std::string_view target, const http_headers& headers = {});
  http_reply head(std::string_view target, const http_headers& headers = {});
  http_reply post(std::string_view target, std::string_view body, std::string_view type = "application/json",
                  const http_headers& headers = {});
  /// Adds Host, and Content-Length when there is a body.
  http_reply request(std::string_view method, std::string_view target, const http_headers& headers = {},
                     std::string_view body = {});
  /// GETs sent in one write, then all answers, in order.
  std::vector<http_reply> pipelined(const std::vector<std::string>& targets);

  // Raw bytes, for what a well-behaved client never sends.
  void connect();  ///< anew, when not connected
  void send(std::string_view bytes);
  http_reply receive(bool to_head = false);  ///< the next final answer; 1xx are counted and skipped
  std::string receive_until_close();         ///< all bytes until the server closes
  bool closed_by_server();                   ///< waits up to the timeout; false when more bytes come
  void shutdown_send();
  void close();
  void reset();  ///< closes with RST
  int interim_replies() const noexcept { return interim_; }
  int connections_made() const noexcept { return connections_; }

 private:
  bool fill();  // false at the end of the stream
  std::string host_;
  std::uint16_t port_;
  std::chrono::milliseconds timeout_;
  int socket_ = -1;
  int interim_ = 0, connections_ = 0;
  std::string buffer_;
};

/// Connects a TCP socket to 127.0.0.1. \throws std::runtime_error
void connect_to(int socket, std::uint16_t port);

/// The body of a gzip answer unpacked.
std::string gunzip(std::string_view packed);

}  // namespace gridlight::test
