#include "server/http/request_metrics.hpp"

#include <string>

namespace gridlight::http {

std::shared_ptr<live_counts> make_live_counts(metrics& m) {
  auto counts = std::make_shared<live_counts>();
  const auto as_double = [](const auto& value) {
    return static_cast<double>(value.load(std::memory_order_relaxed));
  };
  m.add_gauge("gridlight_http_connections", "Open client connections.", {},
              [=] { return as_double(counts->connections); });
  m.add_gauge("gridlight_http_requests_in_flight", "Requests being answered.", {},
              [=] { return as_double(counts->in_flight); });
  m.add_counter_source(
      "gridlight_http_connections_refused_total",
      "Connections turned away: http.max_connections were open, or an address had its share.", {},
      [=] { return as_double(counts->refused); });
  m.add_counter_source("gridlight_http_connections_evicted_total",
                       "Connections without a request that were closed because others wanted in.", {},
                       [=] { return as_double(counts->made_room); });
  m.add_gauge("gridlight_events_listeners", "Clients to whom events are being sent.", {},
              [=] { return as_double(counts->listeners); });
  m.add_counter_source("gridlight_events_dropped_total",
                       "Listeners that were cut off because they took events too slowly.", {},
                       [=] { return as_double(counts->dropped); });
  return counts;
}

request_metrics::request_metrics(metrics& m, const std::vector<route>& routes)
    : metrics_(m), first_(routes.data()), series_(routes.size() + 1) {
  for (std::size_t i = 0; i < series_.size(); ++i) {
    series& s = series_[i];
    s.route = i < routes.size() ? std::string_view{routes[i].pattern} : "unmatched";
    s.duration = m.make_histogram("gridlight_http_request_duration_seconds",
                                  "From the whole head to the last byte handed to the kernel.",
                                  {{"route", std::string{s.route}}});
  }
}

void request_metrics::count(const route* found, int status, double ms) {
  series& s = found == nullptr ? series_.back() : series_[static_cast<std::size_t>(found - first_)];
  s.duration.observe_ms(ms);
  for (auto& [of, counter] : s.by_status)
    if (of == status) return counter.add();
  auto counter = metrics_.make_counter("gridlight_http_requests_total", "Requests answered.",
                                       {{"route", std::string{s.route}}, {"status", std::to_string(status)}});
  counter.add();
  s.by_status.emplace_back(status, counter);
}

}  // namespace gridlight::http
