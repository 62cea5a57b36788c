#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/fields.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/error.hpp"
#include "server/identity/networks.hpp"
#include "server/identity/token_file.hpp"
#include "server/published.hpp"

namespace gridlight::identity {

/// True when callers without a token may read: auth.anonymous, or, when that is auto, on loopback and with
/// http.open.
bool anonymous_may_read(const config& settings);

/// Why `serve` must not listen with these settings, and what to do; nothing: it may. Beyond loopback it takes
/// TLS with tokens (or an ingress's users), or http.open.
std::optional<std::string> refusal_to_listen(const config& settings);

/// Says who asks. Shared by all threads; load() may run while others ask.
class authority {
 public:
  explicit authority(const config& settings);

  /// Reads the tokens' file, when there is one. A failure (errc::input) leaves the tokens as they were.
  result<void> load();
  void tell_loaded() const;  ///< in the log, how many tokens there are
  /// load(), with the outcome in the log.
  void reload();

  struct verdict {
    caller who;
    std::optional<failure> refused;  ///< unauthorized; `who` has the token's name when it is known
  };
  /// By Gridlight-Token, else by the user header when `peer` may set it, else by Authorization: Bearer. A
  /// token that is unknown, expired or given twice is refused, never taken for none.
  verdict identify(const boost::beast::http::fields& headers, const boost::asio::ip::address& peer,
                   clock::time_point now = clock::now()) const;

  const std::string& file() const noexcept { return settings_.tokens_file; }  ///< or empty
  /// The header of an ingress's user, or empty: answers vary by it.
  const std::string& user_header() const noexcept { return settings_.trusted_user_header; }

 private:
  verdict by_token(std::string_view text, clock::time_point now) const;

  config::auth_settings settings_;
  caller anonymous_;
  scopes of_users_;
  networks ingress_;
  published<const std::vector<token_entry>> tokens_;
};

/// What a route asks of its callers.
enum class access : std::uint8_t {
  open,   ///< nothing: not even who they are
  read,   ///< scope read
  write,  ///< scope write
};

/// Nothing when `who` may use a route of this kind; else unauthorized or forbidden.
std::optional<failure> refusal(const caller& who, access needed);

}  // namespace gridlight::identity
