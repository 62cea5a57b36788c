#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "server/error.hpp"
#include "server/secret.hpp"

namespace gridlight::sync::snowflake {

/// What a request carries: the token, and X-Snowflake-Authorization-Token-Type.
struct bearer {
  secret token;
  std::string_view type;
};

/// Where tokens come from. Made once, shared by the clients of one account; all calls on one thread.
class credentials {
 public:
  virtual ~credentials() = default;
  /// A token that is good now. Fails with errc::input, saying what is wrong with a key or file.
  virtual result<bearer> token() = 0;
  /// The server refused the last token: whether the next may be another one.
  virtual bool renew() = 0;
};

/// An RSA key in PEM (PKCS#8, plain or encrypted, or PKCS#1).
struct key_pair {
  std::string account;  ///< ORG-NAME, or a locator with or without its region
  std::string user;     ///< LOGIN_NAME
  secret private_key;   ///< the PEM text itself
  secret passphrase;    ///< of an encrypted key
};
using wall_clock = std::chrono::system_clock;
inline constexpr std::chrono::seconds jwt_life{59 * 60};

/// Signed tokens of 59 minutes, made anew at 80 % of that. Fails with errc::input when the key or the account
/// cannot be used, saying why. \param now  for tests
result<std::unique_ptr<credentials>> from_key_pair(const key_pair& pair,
                                                   wall_clock::time_point (*now)() = wall_clock::now);

enum class token_kind { programmatic, oauth };
/// A token that stays as it is.
std::unique_ptr<credentials> from_token(token_kind kind, secret token);
/// A file that others renew (Snowpark Container Services): read for every request.
std::unique_ptr<credentials> from_token_file(token_kind kind, std::filesystem::path file);

/// ACCOUNT as a JWT names it: upper case, a locator without region and cloud. Fails with errc::input on a URL
/// or on characters that no account has.
result<std::string> jwt_account(std::string_view account);
/// The host of an account's API.
result<std::string> account_host(std::string_view account);

}  // namespace gridlight::sync::snowflake
