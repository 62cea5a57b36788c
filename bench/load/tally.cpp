#include "bench/load/tally.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gridlight::bench {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  return text;
}

void add_metric(std::array<histogram, 4>& parts, std::string_view metric) {
  constexpr std::string_view duration = "dur=";
  const std::string_view name = trimmed(metric.substr(0, metric.find(';')));
  const auto at = metric.find(duration);
  if (at == metric.npos) return;
  double ms = 0;
  const char* const from = metric.data() + at + duration.size();
  if (std::from_chars(from, metric.data() + metric.size(), ms).ec != std::errc{}) return;
  for (std::size_t i = 0; i < server_parts.size(); ++i)
    if (server_parts[i] == name) parts[i].add(std::chrono::nanoseconds{static_cast<std::int64_t>(ms * 1e6)});
}

}  // namespace

void add_server_timing(std::array<histogram, 4>& parts, std::string_view header) {
  while (!header.empty()) {
    const auto comma = header.find(',');
    add_metric(parts, header.substr(0, comma));
    if (comma == header.npos) return;
    header.remove_prefix(comma + 1);
  }
}

std::uint64_t tally::error_count() const {
  std::uint64_t out = 0;
  for (const auto& [kind, n] : errors)
    out += n;
  return out;
}

void tally::add(const tally& other) {
  ok += other.ok;
  unchanged += other.unchanged;
  bytes += other.bytes;
  for (const auto& [kind, n] : other.errors)
    errors[kind] += n;
  latency.add(other.latency);
  for (std::size_t i = 0; i < server.size(); ++i)
    server[i].add(other.server[i]);
}

tally outcome::total() const {
  tally out{"total"};
  for (const tally& each : kinds)
    out.add(each);
  return out;
}

std::string outcome::client_limit() const {
  constexpr double busy = 0.9, late_ms = 5;
  if (client_cpu_share > busy)
    return fmt::format(
        "a thread of this client used {:.0f} % of a core: ask for less or give it more --threads",
        client_cpu_share * 100);
  if (const double by = late.quantile_ms(0.99); by > late_ms)
    return fmt::format(
        "requests left up to {:.1f} ms late although a connection was free: this machine was too busy", by);
  return {};
}

double outcome::rps() const {
  return seconds_counted > 0 ? static_cast<double>(total().ok) / seconds_counted : 0;
}

}  // namespace gridlight::bench
