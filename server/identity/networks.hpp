#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <span>
#include <string>
#include <vector>

namespace gridlight::identity {

/// Addresses and networks of a configuration ("10.0.0.0/8", "::1"), asked whether they hold a peer. An IPv4
/// address is the same as its mapped IPv6 one.
class networks {
 public:
  networks() = default;
  /// \pre each passed config_detail::is_network
  explicit networks(std::span<const std::string> texts);
  bool contains(const boost::asio::ip::address& peer) const noexcept;

 private:
  struct block {
    std::array<unsigned char, 16> start;  // IPv6, or IPv4 mapped into it
    unsigned bits;
  };
  std::vector<block> blocks_;
};

}  // namespace gridlight::identity
