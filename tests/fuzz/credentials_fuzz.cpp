// Headers that tell who asks, of any text and number: without tokens nobody becomes more than anonymous, and
// only the ingress names users.
#include <algorithm>
#include <boost/beast/http/fields.hpp>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/identity/authority.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight;
  const auto must = [](bool holds) {
    if (!holds) std::abort();
  };
  static const identity::authority who{[] {
    config c;
    c.auth.trusted_user_header = "X-User";
    c.auth.trusted_user_networks = {"10.0.0.0/8"};
    return c;
  }()};
  boost::beast::http::fields headers;
  constexpr std::string_view names[] = {"Authorization", "Gridlight-Token", "X-User"};
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  bool token = false, user = false;
  for (int lines = 0; !rest.empty() && lines < 6; ++lines) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.empty()) continue;
    const std::size_t name = static_cast<unsigned char>(line[0]) % 3;
    token = token || name == 1;
    user = user || name == 2;
    headers.insert({names[name].data(), names[name].size()},
                   boost::beast::string_view{line.data() + 1, line.size() - 1});
  }
  for (const char* peer : {"10.1.1.1", "192.0.2.1"}) {
    const auto verdict = who.identify(headers, boost::asio::ip::make_address(peer));
    must(verdict.who.token.empty());
    must(!token || verdict.refused.has_value());
    must(!verdict.who.allowed.has(identity::scope::write) &&
         !verdict.who.allowed.has(identity::scope::personal));
    if (*peer == '1' && peer[1] == '9') must(verdict.who.user.empty());
    if (!user) must(verdict.who.user.empty());
  }
  return 0;
}
