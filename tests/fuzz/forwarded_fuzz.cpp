// X-Forwarded-For and networks of any text: the client is the peer or an address of the text, never one that
// is trusted while an untrusted one stands behind it; and a network that passes its check can be made.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "server/config_values.hpp"
#include "server/http/forwarded.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gridlight;
  const auto must = [](bool holds) {
    if (!holds) std::abort();
  };
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  static const std::vector<std::string> proxies{"10.0.0.0/8", "fd00::/8"};
  static const identity::networks trusted{proxies};
  const auto peer = boost::asio::ip::make_address("10.0.0.1");
  const auto client = http::client_of(text, peer, trusted);
  must(client == http::client_of(std::string{text} + ",10.2.3.4", peer, trusted) || trusted.contains(client));
  if (text.find(',') == text.npos)
    must(client == http::client_of("192.0.2.9," + std::string{text}, peer, trusted) ||
         trusted.contains(client));
  if (config_detail::is_network(text)) {
    const std::vector<std::string> one{std::string{text}};
    const identity::networks all{one};
    const auto slash = text.find('/');
    must(all.contains(boost::asio::ip::make_address(std::string{text.substr(0, slash)})));
  }
  return 0;
}
