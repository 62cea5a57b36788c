#include "server/http/visitors.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

namespace gridlight::http {

visitors::visitors(const config::http_settings& settings) {
  adopt(settings);
}

void visitors::adopt(const config::http_settings& settings) noexcept {
  most_connections_ = settings.max_connections_per_address;
  const auto interval = settings.rate_limit > 0 ? static_cast<std::int64_t>(1e9 / settings.rate_limit) : 0;
  slack_ns_ = interval * static_cast<std::int64_t>(std::max<std::size_t>(1, settings.rate_burst) - 1);
  interval_ns_ = interval;
}

std::size_t visitors::hash::operator()(const key& k) const noexcept {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(k.data()), k.size()});
}

visitors::key visitors::key_of(const address& of) {
  namespace ip = boost::asio::ip;
  if (of.is_v4()) return ip::make_address_v6(ip::v4_mapped, of.to_v4()).to_bytes();
  key out = of.to_v6().to_bytes();
  if (!of.to_v6().is_v4_mapped()) std::fill(out.begin() + 8, out.end(), static_cast<unsigned char>(0));
  return out;
}

// Forgets whom nothing is held against. Not at every turn: a flood of addresses must not make each one
// costly.
void visitors::sweep(shard& in, steady::time_point now) {
  if (now - in.swept < std::chrono::milliseconds{100}) return;
  in.swept = now;
  std::erase_if(in.known, [now](const auto& each) {
    return each.second.connections == 0 && each.second.paid_until <= now;
  });
  in.sweep_at = std::clamp<std::size_t>(in.known.size() * 2, 256, most_known);
}

// The visitor of that address, made when it is new; nullptr when there is no room.
visitors::visitor* visitors::find(shard& in, const key& k, steady::time_point now) {
  const auto it = in.known.find(k);
  if (it != in.known.end()) return &it->second;
  if (in.known.size() >= in.sweep_at) sweep(in, now);
  if (in.known.size() >= most_known) return nullptr;
  return &in.known[k];
}

bool visitors::enter(const address& of) {
  const key k = key_of(of);
  shard& in = shard_of(k);
  const std::lock_guard guard{in.lock};
  visitor* const who = find(in, k, steady::now());
  if (who == nullptr) return true;
  if (who->connections >= most_connections_) return false;
  ++who->connections;
  return true;
}

void visitors::leave(const address& of) {
  const key k = key_of(of);
  shard& in = shard_of(k);
  const std::lock_guard guard{in.lock};
  const auto it = in.known.find(k);
  if (it == in.known.end()) return;
  if (it->second.connections > 0) --it->second.connections;
  if (it->second.connections == 0 && it->second.paid_until <= steady::now()) in.known.erase(it);
}

std::chrono::nanoseconds visitors::ask(const address& of, steady::time_point now) {
  const key k = key_of(of);
  shard& in = shard_of(k);
  const std::lock_guard guard{in.lock};
  visitor* const who = find(in, k, now);
  if (who == nullptr) return std::chrono::nanoseconds{0};
  const auto start = std::max(who->paid_until, now);
  const std::chrono::nanoseconds slack{slack_ns_.load(std::memory_order_relaxed)},
      interval{interval_ns_.load(std::memory_order_relaxed)};
  if (start - now > slack) return start - now - slack;
  who->paid_until = start + interval;
  return std::chrono::nanoseconds{0};
}

}  // namespace gridlight::http
