#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/snowflake/client.hpp"

namespace gridlight::sync::snowflake {

struct http_answer {
  unsigned status = 0;
  std::string body;  ///< as sent
  bool gzip = false;
  std::optional<std::chrono::seconds> retry_after;
};

/// Why there is no answer.
struct http_trouble {
  failure why;
  bool sent = false;   ///< the server may have got the request
  bool stale = false;  ///< a kept connection was closed before any of the answer: try again at once
  bool final = false;  ///< another attempt would end the same way
};

using http_outcome = std::variant<http_answer, http_trouble>;
using http_request = boost::beast::http::request<boost::beast::http::string_body>;

/// A TLS context that checks certificates. Fails with errc::input when the CA file cannot be used.
result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(const std::string& ca_file);

/// Connections to one host, each for one exchange at a time, kept alive between them.
class https {
 public:
  /// \param options  must outlive it
  https(boost::asio::any_io_executor executor, std::shared_ptr<boost::asio::ssl::context> tls,
        const client_options& options);
  ~https();

  /// One request and its answer, or why not. \param request  must live until the end
  boost::asio::awaitable<http_outcome> exchange(const http_request& request, deadline until);
  /// Waits; false when stop() woke it.
  boost::asio::awaitable<bool> pause(steady::duration time);

  void stop();  ///< what is under way ends now; what begins later does not notice
  std::uint64_t connections() const noexcept { return connections_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  struct connection;
  using connection_ptr = std::shared_ptr<connection>;
  using endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

  connection_ptr take_idle();
  boost::asio::awaitable<result<endpoints>> resolve(deadline until);
  boost::asio::awaitable<std::variant<connection_ptr, http_trouble>> connect(deadline until);
  boost::asio::awaitable<http_outcome> speak(connection_ptr c, const http_request& request, deadline until);
  http_trouble no_tls(const connection& c, const boost::system::error_code& ec) const;

  boost::asio::any_io_executor executor_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  const client_options& options_;
  std::vector<connection_ptr> idle_;
  std::set<connection*> active_;
  std::set<boost::asio::steady_timer*> timers_;
  std::uint64_t connections_ = 0, bytes_ = 0, stops_ = 0;
};

}  // namespace gridlight::sync::snowflake
