#include "server/http/forwarded.hpp"

#include <algorithm>
#include <optional>
#include <string>

namespace gridlight::http {
namespace {

namespace ip = boost::asio::ip;

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// "203.0.113.7", "2001:db8::1", "[2001:db8::1]", each also with ":port" where that is clear.
std::optional<ip::address> read_address(std::string_view text) {
  if (text.starts_with('[')) {
    text = text.substr(1, text.find(']') - 1);
  } else if (const auto colon = text.find(':'); colon != text.npos && text.rfind(':') == colon) {
    text = text.substr(0, colon);
  }
  // A zone means nothing here; at a NUL Asio would stop to read.
  if (text.empty() || text.size() > 45 || text.find_first_of(std::string_view{"%\0", 2}) != text.npos)
    return std::nullopt;
  boost::system::error_code ec;
  const ip::address out = ip::make_address(std::string{text}, ec);
  if (ec) return std::nullopt;
  if (out.is_v6() && out.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, out.to_v6());
  return out;
}

}  // namespace

ip::address client_of(std::string_view forwarded, const ip::address& peer,
                      const identity::networks& trusted) {
  ip::address out = peer;
  for (bool more = true; more;) {
    const auto comma = forwarded.rfind(',');
    more = comma != forwarded.npos;
    const auto last = read_address(trim(more ? forwarded.substr(comma + 1) : forwarded));
    if (!last) break;
    out = *last;
    if (!trusted.contains(out)) break;
    if (more) forwarded = forwarded.substr(0, comma);
  }
  return out;
}

ip::address client_of(const boost::beast::http::fields& headers, const ip::address& peer,
                      const identity::networks& trusted) {
  std::string joined;
  const auto [first, last] = headers.equal_range("X-Forwarded-For");
  for (auto it = first; it != last; ++it) {
    if (!joined.empty()) joined += ',';
    joined.append(it->value().data(), it->value().size());
  }
  return client_of(joined, peer, trusted);
}

namespace {

// The first of a list: what the proxy next to the client wrote.
std::string_view first_of(const request& req, std::string_view name) {
  const auto found = req.headers.find({name.data(), name.size()});
  if (found == req.headers.end()) return {};
  const std::string_view text{found->value().data(), found->value().size()};
  return trim(text.substr(0, text.find(',')));
}

bool only_of(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           more.find(c) != more.npos;
  });
}

}  // namespace

std::string base_url(const request& req, const config::http_settings& settings) {
  std::string_view scheme = req.secure ? "https" : "http", host = first_of(req, "Host"),
                   prefix = settings.base_path;
  if (req.from_proxy) {
    if (const auto proto = first_of(req, "X-Forwarded-Proto"); proto == "http" || proto == "https")
      scheme = proto;
    if (const auto forwarded = first_of(req, "X-Forwarded-Host"); only_of(forwarded, "-._~:[]"))
      host = forwarded;
    if (auto forwarded = first_of(req, "X-Forwarded-Prefix");
        only_of(forwarded, "-._~/") && forwarded[0] == '/') {
      while (forwarded.ends_with('/'))
        forwarded.remove_suffix(1);
      prefix = forwarded;
    }
  }
  if (!only_of(host, "-._~:[]")) return std::string{prefix};
  return std::string{scheme} + "://" + std::string{host} + std::string{prefix};
}

}  // namespace gridlight::http
