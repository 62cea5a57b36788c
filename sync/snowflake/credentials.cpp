#include "sync/snowflake/credentials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "sync/load/values.hpp"
#include "sync/snowflake/jwt.hpp"

namespace gridlight::sync::snowflake {
namespace {

constexpr std::size_t longest_token = 64 * 1024;

std::string_view header_value(token_kind kind) {
  return kind == token_kind::oauth ? "OAUTH" : "PROGRAMMATIC_ACCESS_TOKEN";
}

std::string mapped(std::string_view text, int (*each)(int)) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [each](unsigned char c) { return static_cast<char>(each(c)); });
  return out;
}

result<void> check_account(std::string_view account) {
  const auto wrong = [&](std::string_view why) {
    return failure{errc::input, fmt::format("the account \"{}\" {}", account, why)};
  };
  if (account.empty()) return failure{errc::input, "there is no account"};
  if (account.find("://") != account.npos || account.find('/') != account.npos)
    return wrong("is a URL; only the part before .snowflakecomputing.com is wanted");
  if (mapped(account, std::tolower).find("snowflakecomputing") != std::string::npos)
    return wrong("is a host; only the part before .snowflakecomputing.com is wanted");
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  if (!std::all_of(account.begin(), account.end(), fits))
    return wrong("has a character that no account has; it is ORGANISATION-NAME or a locator");
  if (std::isalnum(static_cast<unsigned char>(account.front())) == 0) return wrong("begins with a sign");
  return {};
}

// What is signed must stay JSON and one name.
result<void> check_user(std::string_view user) {
  if (user.empty()) return failure{errc::input, "there is no user"};
  const bool fits = std::none_of(user.begin(), user.end(), [](unsigned char c) {
    return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
  });
  if (!fits) return failure{errc::input, "the user has a quote, backslash or control character in it"};
  return {};
}

class key_pair_credentials final : public credentials {
 public:
  key_pair_credentials(private_key key, std::string subject, std::string finger,
                       wall_clock::time_point (*now)())
      : key_(std::move(key)), subject_(std::move(subject)), finger_(std::move(finger)), now_(now) {}

  result<bearer> token() override {
    const auto now = now_();
    // A clock that was set back must not keep a token from the future alive.
    if (token_.empty() || now >= renew_at_ || now < issued_) {
      const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
      auto made = sign_jwt(key_.get(), subject_, finger_, seconds, seconds + jwt_life.count());
      if (!made) return made.error();
      token_ = std::move(*made);
      issued_ = now;
      renew_at_ = now + jwt_life * 4 / 5;
    }
    return bearer{token_, "KEYPAIR_JWT"};
  }

  bool renew() override {
    token_ = secret{};
    return true;
  }

 private:
  private_key key_;
  std::string subject_, finger_;
  wall_clock::time_point (*now_)();
  secret token_;
  wall_clock::time_point issued_, renew_at_;
};

class fixed_credentials final : public credentials {
 public:
  fixed_credentials(token_kind kind, secret token) : kind_(kind), token_(std::move(token)) {}
  result<bearer> token() override {
    if (token_.empty()) return failure{errc::input, "the token is empty"};
    return bearer{token_, header_value(kind_)};
  }
  bool renew() override { return false; }

 private:
  token_kind kind_;
  secret token_;
};

class file_credentials final : public credentials {
 public:
  file_credentials(token_kind kind, std::filesystem::path file) : kind_(kind), file_(std::move(file)) {}

  result<bearer> token() override {
    std::ifstream in{file_, std::ios::binary};
    if (!in) return unusable(fmt::format("cannot be read: {}", std::strerror(errno)));
    std::string text(longest_token + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    const std::string_view token = trim({text.data(), static_cast<std::size_t>(in.gcount())});
    if (token.empty()) return unusable("is empty");
    const bool one_line =
        std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
    if (!one_line || token.size() > longest_token) return unusable("holds something that is no token");
    return bearer{secret{std::string{token}}, header_value(kind_)};
  }
  bool renew() override { return true; }

 private:
  failure unusable(std::string_view why) const {
    return {errc::input, fmt::format("the token file {} {}", file_.string(), why)};
  }

  token_kind kind_;
  std::filesystem::path file_;
};

}  // namespace

result<std::string> jwt_account(std::string_view account) {
  account = trim(account);
  if (const auto ok = check_account(account); !ok) return ok.error();
  const std::string lower = mapped(account, std::tolower);
  const char cut = lower.find(".global") != lower.npos ? '-' : '.';
  return mapped(account.substr(0, account.find(cut)), std::toupper);
}

result<std::string> account_host(std::string_view account) {
  account = trim(account);
  if (const auto ok = check_account(account); !ok) return ok.error();
  std::string host = mapped(account, std::tolower);
  // No host name may have an underscore; Snowflake answers to the dash.
  std::replace(host.begin(), host.end(), '_', '-');
  return host + ".snowflakecomputing.com";
}

result<std::unique_ptr<credentials>> from_key_pair(const key_pair& pair, wall_clock::time_point (*now)()) {
  auto account = jwt_account(pair.account);
  if (!account) return account.error();
  const std::string_view user = trim(pair.user);
  if (const auto ok = check_user(user); !ok) return ok.error();
  auto key = read_private_key(pair.private_key, pair.passphrase);
  if (!key) return key.error();
  auto finger = fingerprint(key->get());
  if (!finger) return finger.error();
  return std::unique_ptr<credentials>{std::make_unique<key_pair_credentials>(
      std::move(*key), *account + "." + mapped(user, std::toupper), std::move(*finger), now)};
}

std::unique_ptr<credentials> from_token(token_kind kind, secret token) {
  return std::make_unique<fixed_credentials>(kind, std::move(token));
}

std::unique_ptr<credentials> from_token_file(token_kind kind, std::filesystem::path file) {
  return std::make_unique<file_credentials>(kind, std::move(file));
}

}  // namespace gridlight::sync::snowflake
