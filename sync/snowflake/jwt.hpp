#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "server/error.hpp"
#include "server/secret.hpp"

struct evp_pkey_st;

namespace gridlight::sync::snowflake {

struct free_key {
  void operator()(evp_pkey_st* key) const noexcept;
};
using private_key = std::unique_ptr<evp_pkey_st, free_key>;

/// An RSA key of at least 2048 bits. Fails with errc::input and what is wrong with the text.
result<private_key> read_private_key(const secret& pem, const secret& passphrase);

/// "SHA256:" and the padded base64 of SHA-256 over the public key's DER, as DESC USER shows it.
result<std::string> fingerprint(evp_pkey_st* key);

/// A token signed with RS256. \param subject  "ACCOUNT.USER"; times in seconds since 1970
result<secret> sign_jwt(evp_pkey_st* key, std::string_view subject, std::string_view finger,
                        std::int64_t issued_at, std::int64_t expires_at);

}  // namespace gridlight::sync::snowflake
