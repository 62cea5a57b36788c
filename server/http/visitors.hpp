#pragma once

#include <array>
#include <atomic>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "server/config.hpp"
#include "server/deadline.hpp"

namespace gridlight::http {

/// What each client address has open and asks, over all threads, so that one of them cannot take all there
/// is. The addresses of an IPv6 network of 64 bits, which is what one customer has, are taken for one. Memory
/// is bounded: when too many addresses are about, further ones go unlimited until some are forgotten.
class visitors {
 public:
  using address = boost::asio::ip::address;

  explicit visitors(const config::http_settings& settings);

  /// Other limits from now on. Connections that came when there was no limit are not counted. Any thread.
  void adopt(const config::http_settings& settings) noexcept;

  bool limits_connections() const noexcept { return most_connections_ > 0; }
  bool limits_requests() const noexcept { return interval_ns_ > 0; }

  /// A connection wants in; false: its address has as many as it may. leave() once for each true.
  bool enter(const address& of);
  void leave(const address& of);

  /// A request of `of`; zero: it may be answered; else how long until the next one may. Evenly, so many a
  /// second, and so many more at once after a pause.
  std::chrono::nanoseconds ask(const address& of, steady::time_point now = steady::now());

 private:
  using key = std::array<unsigned char, 16>;
  struct hash {
    std::size_t operator()(const key& k) const noexcept;
  };
  struct visitor {
    std::size_t connections = 0;
    steady::time_point paid_until{};  // its requests so far are worth the time until then
  };
  struct shard {
    std::mutex lock;
    std::unordered_map<key, visitor, hash> known;
    std::size_t sweep_at = 256;
    steady::time_point swept{};
  };
  static constexpr std::size_t shard_count = 64, most_known = 4096;

  static key key_of(const address& of);
  shard& shard_of(const key& k) noexcept { return shards_[hash{}(k) % shard_count]; }
  static visitor* find(shard& in, const key& k, steady::time_point now);
  static void sweep(shard& in, steady::time_point now);

  std::atomic<std::size_t> most_connections_{0};
  std::atomic<std::int64_t> interval_ns_{0}, slack_ns_{0};
  std::unique_ptr<shard[]> shards_ = std::make_unique<shard[]>(shard_count);
};

}  // namespace gridlight::http
