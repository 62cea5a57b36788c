#pragma once

#include <openssl/evp.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "server/secret.hpp"
#include "tests/support/snowflake/settings.hpp"

namespace gridlight::test::snowflake {

/// The public keys and tokens that an account accepts. For all threads.
class authority {
 public:
  using clock = std::chrono::system_clock;

  /// Registers a key in PEM; returns its fingerprint, standard base64. \throws std::runtime_error
  std::string add_key(const std::string& public_pem);
  /// \param kind  PROGRAMMATIC_ACCESS_TOKEN or OAUTH
  void add_token(const std::string& kind, const secret& token, clock::time_point expires);
  void forget_all();

  /// \param kind  of X-Snowflake-Authorization-Token-Type; empty: the token tells
  /// \throws sql_failure 401 (390101, 390144, 390303, 390318, 390100) or 400
  void check(std::string_view authorization, std::string_view kind, const settings& how) const;

 private:
  struct free_key {
    void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
  };
  struct known_token {
    std::string kind;
    clock::time_point expires;
  };
  void check_jwt(std::string_view token, const settings& how) const;
  void check_token(std::string_view token, std::string_view kind) const;

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<EVP_PKEY, free_key>> keys_;
  std::map<std::string, known_token, std::less<>> tokens_;
};

}  // namespace gridlight::test::snowflake
