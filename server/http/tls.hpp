#pragma once

#include <atomic>
#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "server/config.hpp"
#include "server/error.hpp"

namespace gridlight::http {

/// The certificate and key with which TLS is spoken: 1.2 or later, ALPN http/1.1. Shared by all threads;
/// load() may run while others shake hands. A handshake that has begun keeps the certificate it began with.
class tls_keeper {
 public:
  using context = boost::asio::ssl::context;

  explicit tls_keeper(config::http_settings::tls_settings settings) : settings_(std::move(settings)) {}

  bool enabled() const noexcept { return settings_.enabled(); }
  const config::http_settings::tls_settings& settings() const noexcept { return settings_; }

  /// Reads both files. A failure (errc::input, naming file and fault) leaves what was there.
  result<void> load();
  /// load(), with the outcome in the log.
  void reload();
  /// \pre load() went well once
  std::shared_ptr<context> get() const noexcept { return current_.load(); }

 private:
  config::http_settings::tls_settings settings_;
  std::atomic<std::shared_ptr<context>> current_;
};

}  // namespace gridlight::http
