#include "server/http/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace gridlight::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr unsigned char spoken[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

// A client that names protocols must name ours (RFC 7301); one that names none is taken as it is.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* offered,
                    unsigned int offered_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, spoken, sizeof spoken, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

failure unusable(std::string_view key, const std::string& path, std::string_view why) {
  return {errc::input, fmt::format("http.tls.{} {}: {}", key, path, why)};
}

result<std::string> read_file(std::string_view key, const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in) return unusable(key, path, fmt::format("cannot be read: {}", std::strerror(errno)));
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

result<std::shared_ptr<tls_keeper::context>> make_context(
    const config::http_settings::tls_settings& settings) {
  const auto certificate = read_file("certificate", settings.certificate);
  if (!certificate) return certificate.error();
  const auto key = read_file("key", settings.key);
  if (!key) return key.error();

  using context = tls_keeper::context;
  auto out = std::make_shared<context>(context::tls_server);
  SSL_CTX* const raw = out->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);          // an idle connection needs none
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets do, and they are kept by the clients
  SSL_CTX_set_alpn_select_cb(raw, choose_protocol, nullptr);

  error_code ec;
  // Without this OpenSSL would ask at the terminal.
  out->set_password_callback([](std::size_t, context::password_purpose) { return std::string{}; }, ec);
  ERR_clear_error();
  out->use_certificate_chain(asio::buffer(*certificate), ec);
  if (ec) return unusable("certificate", settings.certificate, "is no certificate in PEM: " + ec.message());
  out->use_private_key(asio::buffer(*key), context::pem, ec);
  if (ec)
    return unusable(
        "key", settings.key,
        "is no private key in PEM without a passphrase that fits the certificate: " + ec.message());
  if (SSL_CTX_check_private_key(raw) != 1) {
    ERR_clear_error();
    return unusable("key", settings.key, "is not the key of " + settings.certificate);
  }
  return out;
}

}  // namespace

result<void> tls_keeper::load() {
  if (!enabled()) return {};
  auto made = make_context(settings());
  if (!made) return made.error();
  current_.store(*std::move(made));
  return {};
}

result<std::shared_ptr<tls_keeper::context>> tls_keeper::read(const file_settings& settings) {
  if (!settings.enabled()) return std::shared_ptr<context>{};
  return make_context(settings);
}

void tls_keeper::adopt(file_settings settings, std::shared_ptr<context> made) {
  if (!enabled()) return;
  const std::lock_guard guard{lock_};
  settings_ = std::move(settings);
  current_.store(std::move(made));
  spdlog::info("TLS certificate read from {}", settings_.certificate);
}

void tls_keeper::reload() {
  if (!enabled()) return;
  if (const auto loaded = load(); !loaded)
    spdlog::error("the TLS certificate stays as it was: {}", loaded.error().detail);
  else
    spdlog::info("TLS certificate read from {}", settings().certificate);
}

}  // namespace gridlight::http
