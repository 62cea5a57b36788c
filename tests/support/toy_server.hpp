#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "server/http/server.hpp"

namespace gridlight::test {

/// Two threads on a free port of 127.0.0.1.
config::http_settings quick_settings();

/// An http::server in this process with routes that need no database; stopped and joined by the destructor.
///   /hello  /echo/{a}/{b}  /bytes?n=  /tagged (an ETag)  /empty (204)  /inject  /throw  /fail  /slow?ms=
///   POST /echo  /always (whatever the rate)
///   /stream?count=&size=&every_ms= (texts of a size, then its end; count 0: none)
class toy_server {
 public:
  explicit toy_server(const config::http_settings& settings = quick_settings(),
                      http::tls_keeper* tls = nullptr);
  ~toy_server();
  toy_server(const toy_server&) = delete;
  toy_server& operator=(const toy_server&) = delete;

  void stop();
  std::uint16_t port() const { return server_.port(); }
  http::server& server() { return server_; }
  std::string metrics_text() const { return metrics_.render(); }

  static std::atomic<int> workers_alive, workers_stopped;

 private:
  metrics metrics_;
  http::server server_;
  std::thread thread_;
  std::atomic<bool> ok_{false};
};

}  // namespace gridlight::test
