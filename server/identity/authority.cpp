#include "server/identity/authority.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/beast/core/string.hpp>

namespace gridlight::identity {
namespace {

namespace beast = boost::beast;
namespace ip = boost::asio::ip;

constexpr std::string_view token_header = "Gridlight-Token";
constexpr std::size_t longest_token = 1024;

std::string_view to_view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

// The value of a header; `doubled` when there are two.
std::optional<std::string_view> only(const beast::http::fields& headers, std::string_view name,
                                     bool& doubled) {
  const auto [first, last] = headers.equal_range(beast::string_view{name.data(), name.size()});
  if (first == last) return std::nullopt;
  if (std::next(first) != last) doubled = true;
  return to_view(first->value());
}

// What follows "Bearer" (any case); nothing for other schemes, which are not ours.
std::optional<std::string_view> bearer(std::string_view value) {
  constexpr std::string_view scheme = "Bearer";
  if (value.size() < scheme.size() ||
      !beast::iequals({value.data(), scheme.size()}, {scheme.data(), scheme.size()}))
    return std::nullopt;
  value.remove_prefix(scheme.size());
  if (!value.empty() && value[0] != ' ') return std::nullopt;
  while (value.starts_with(' '))
    value.remove_prefix(1);
  return value;
}

bool on_loopback(const std::string& text) {
  boost::system::error_code ec;
  const auto address = ip::make_address(text, ec);
  if (ec) return false;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback();
  return address.is_loopback();
}

authority::verdict refused(std::string why, caller who = {}) {
  return {std::move(who), failure{errc::unauthorized, std::move(why)}};
}

}  // namespace

bool anonymous_may_read(const config& settings) {
  if (settings.auth.anonymous != "auto") return settings.auth.anonymous == "read";
  return settings.http.open || on_loopback(settings.http.address);
}

std::optional<std::string> refusal_to_listen(const config& settings) {
  const bool known = !settings.auth.tokens_file.empty() || !settings.auth.trusted_user_header.empty();
  const bool sealed = settings.http.tls.enabled();
  if (settings.http.open || on_loopback(settings.http.address) || (known && sealed)) return std::nullopt;
  const std::string_view missing = known    ? "TLS (http.tls.certificate and http.tls.key)"
                                   : sealed ? "tokens (auth.tokens_file)"
                                            : "TLS (http.tls.certificate and http.tls.key) and tokens "
                                              "(auth.tokens_file)";
  return fmt::format(
      "http.address {} lets other machines in, and nothing protects the data from them. Set {}; or listen on "
      "127.0.0.1; or say http.open: true, when whoever reaches this address may ask (for example because a "
      "proxy in front decides)",
      settings.http.address, missing);
}

authority::authority(const config& settings)
    : settings_(settings.auth),
      ingress_(settings.auth.trusted_user_networks),
      tokens_(std::make_shared<const std::vector<token_entry>>()) {
  if (!anonymous_may_read(settings)) anonymous_.allowed = {};
  for (const std::string& each : settings.auth.trusted_user_scopes)
    if (const auto known = scope_named(each)) of_users_.add(*known);
}

result<void> authority::load() {
  if (settings_.tokens_file.empty()) return {};
  auto tokens = read_tokens(settings_.tokens_file);
  if (!tokens) return tokens.error();
  tokens_.store(std::make_shared<const std::vector<token_entry>>(*std::move(tokens)));
  return {};
}

void authority::reload() {
  if (settings_.tokens_file.empty()) return;
  if (const auto loaded = load(); !loaded)
    spdlog::error("the tokens stay as they were: {}", loaded.error().detail);
  else
    tell_loaded();
}

void authority::tell_loaded() const {
  if (!settings_.tokens_file.empty())
    spdlog::info("{} tokens read from {}", tokens_.load()->size(), settings_.tokens_file);
}

authority::verdict authority::by_token(std::string_view text, clock::time_point now) const {
  if (text.empty() || text.size() > longest_token) return refused("the token is not known");
  const digest hash = sha256(text);
  const auto tokens = tokens_.load();
  // All are compared, so that the time tells nothing of which one it was.
  const token_entry* found = nullptr;
  for (const token_entry& each : *tokens)
    if (equal(each.hash, hash)) found = &each;
  if (found == nullptr) return refused("the token is not known");
  caller who{found->name, {}, found->allowed, found->priority};
  if (found->expires && *found->expires <= now) {
    who.allowed = {};
    return refused("the token has expired", std::move(who));
  }
  return {std::move(who), std::nullopt};
}

authority::verdict authority::identify(const beast::http::fields& headers, const ip::address& peer,
                                       clock::time_point now) const {
  bool doubled = false;
  const auto own = only(headers, token_header, doubled);
  const auto authorization = only(headers, "Authorization", doubled);
  std::optional<std::string_view> user;
  if (!settings_.trusted_user_header.empty() && ingress_.contains(peer))
    user = only(headers, settings_.trusted_user_header, doubled);
  if (!own && !authorization && !user) return {anonymous_, std::nullopt};
  if (doubled) return refused("a header that tells who asks was sent twice");

  verdict out{anonymous_, std::nullopt};
  if (own) {
    out = by_token(*own, now);
  } else if (user && !user->empty()) {
    out.who.allowed = of_users_;
  } else if (const auto token = authorization ? bearer(*authorization) : std::nullopt) {
    out = by_token(*token, now);
  }
  if (user) out.who.user = *user;
  return out;
}

std::optional<failure> refusal(const caller& who, access needed) {
  if (needed == access::open) return std::nullopt;
  const scope wanted = needed == access::write ? scope::write : scope::read;
  if (who.allowed.has(wanted)) return std::nullopt;
  if (who.anonymous())
    return failure{errc::unauthorized,
                   "a token is needed; send it as Authorization: Bearer TOKEN or Gridlight-Token: TOKEN"};
  return failure{errc::forbidden, fmt::format("scope {} is needed, which the {} does not have", name(wanted),
                                              who.token.empty() ? "user" : "token")};
}

}  // namespace gridlight::identity
