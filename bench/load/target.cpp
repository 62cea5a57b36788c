#include "bench/load/target.hpp"

#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <charconv>
#include <cmath>

namespace gridlight::bench {

target parse_target(std::string_view url) {
  const auto refuse = [&](std::string_view why) {
    throw usage_error{fmt::format("--url {}: {}; it must look like http://127.0.0.1:8080", url, why)};
  };
  const auto parsed = boost::urls::parse_uri(boost::core::string_view{url.data(), url.size()});
  if (!parsed) refuse("this is no URL");
  const auto& u = *parsed;
  target out;
  out.tls = u.scheme_id() == boost::urls::scheme::https;
  if (!out.tls && u.scheme_id() != boost::urls::scheme::http) refuse("its scheme is neither http nor https");
  if (u.host().empty()) refuse("it names no host");
  if (u.has_query() || u.has_fragment() || u.has_userinfo())
    refuse("a query, a fragment or a user makes no sense here");
  out.host = u.host_type() == boost::urls::host_type::ipv6 ? u.host_address() : u.host();
  out.port = u.has_port() ? std::string{u.port()} : out.tls ? "443" : "80";
  out.prefix = std::string{u.encoded_path().substr(0)};
  while (out.prefix.ends_with('/'))
    out.prefix.pop_back();
  out.authority = std::string{u.encoded_host_and_port().substr(0)};
  return out;
}

double parse_seconds(std::string_view text, std::string_view what) {
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  const double scale = unit == "ms" ? 1e-3 : unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : 0;
  if (ec != std::errc{} || scale == 0 || !std::isfinite(value) || value < 0)
    throw usage_error{fmt::format("{} is {}; it must be a time such as 500ms, 20s or 2m", what, text)};
  return value * scale;
}

}  // namespace gridlight::bench
