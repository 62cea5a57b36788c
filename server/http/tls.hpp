#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>

#include "server/config.hpp"
#include "server/error.hpp"
#include "server/published.hpp"

namespace gridlight::http {

/// The certificate and key with which TLS is spoken: 1.2 or later, ALPN http/1.1. Shared by all threads;
/// load() may run while others shake hands. A handshake that has begun keeps the certificate it began with.
class tls_keeper {
 public:
  using context = boost::asio::ssl::context;

  using file_settings = config::http_settings::tls_settings;

  explicit tls_keeper(file_settings settings)
      : enabled_(settings.enabled()), settings_(std::move(settings)) {}

  bool enabled() const noexcept { return enabled_; }
  config::http_settings::tls_settings settings() const {
    const std::lock_guard guard{lock_};
    return settings_;
  }

  /// Reads both files. A failure (errc::input, naming file and fault) leaves what was there.
  result<void> load();
  /// load(), with the outcome in the log.
  void reload();
  /// What load() would keep of other files; null when there are none.
  static result<std::shared_ptr<context>> read(const file_settings& settings);
  /// Goes on with these files, of which `read` made a context.
  void adopt(file_settings settings, std::shared_ptr<context> made);
  /// \pre load() went well once
  std::shared_ptr<context> get() const noexcept { return current_.load(); }

 private:
  const bool enabled_;
  mutable std::mutex lock_;  // of settings_
  file_settings settings_;
  published<context> current_;
};

}  // namespace gridlight::http
