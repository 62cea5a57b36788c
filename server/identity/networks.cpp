#include "server/identity/networks.hpp"

#include <algorithm>
#include <charconv>

namespace gridlight::identity {
namespace {

namespace ip = boost::asio::ip;

std::array<unsigned char, 16> bytes_of(const ip::address& a) {
  return (a.is_v4() ? ip::make_address_v6(ip::v4_mapped, a.to_v4()) : a.to_v6()).to_bytes();
}

}  // namespace

networks::networks(std::span<const std::string> texts) {
  for (const std::string& text : texts) {
    const auto slash = text.find('/');
    const ip::address address = ip::make_address(text.substr(0, slash));
    unsigned bits = address.is_v4() ? 32 : 128;
    if (slash != text.npos) std::from_chars(text.data() + slash + 1, text.data() + text.size(), bits);
    blocks_.push_back({bytes_of(address), address.is_v4() ? bits + 96 : bits});
  }
}

bool networks::contains(const ip::address& peer) const noexcept {
  const auto bytes = bytes_of(peer);
  return std::any_of(blocks_.begin(), blocks_.end(), [&](const block& b) {
    const unsigned whole = b.bits / 8, rest = b.bits % 8;
    if (!std::equal(bytes.begin(), bytes.begin() + whole, b.start.begin())) return false;
    return rest == 0 || (bytes[whole] ^ b.start[whole]) >> (8 - rest) == 0;
  });
}

}  // namespace gridlight::identity
