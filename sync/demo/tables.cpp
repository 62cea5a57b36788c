#include "sync/demo/tables.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t {
  condition_draws = 64,
  customer_draws,
  substation_draws,
  transformer_draws
};

}  // namespace

// The largest alone first: one lane takes it, the other the rest.
std::span<const demo_table> demo_tables() {
  static const std::array all{buildings_table,  assets_table,       topology_table,    meters_table,
                              customers_table,  transformers_table, power_lines_table, vegetation_table,
                              water_table,      circuits_table,     substations_table, outages_table,
                              work_orders_table};
  return all;
}

std::string id(std::string_view prefix, int number, int digits) {
  const std::string n = std::to_string(number);
  std::string out{prefix};
  out.append(n.size() < static_cast<std::size_t>(digits) ? static_cast<std::size_t>(digits) - n.size() : 0,
             '0');
  return out.append(n);
}
std::string substation_id(int index) {
  return id("SUB-", index + 1, 3);
}
std::string circuit_id(int index) {
  return id("FD-", index + 1, 4);
}
std::string transformer_id(int index) {
  return id("XF-", index + 1, 7);
}
std::string pole_id(int index) {
  return id("PL-", index + 1, 7);
}
std::string meter_id(int index) {
  return id("MTR-", index + 1, 7);
}
std::string line_id(int index) {
  return id("LN-", index + 1, 6);
}

double rounded(double v, int decimals) {
  constexpr double powers[] = {1, 10, 100, 1000, 10000};
  const double p = powers[decimals];
  return std::floor(v * p + 0.5) / p;
}

condition condition_of(const world& w, const circuit& c, std::uint64_t asset) {
  random r = w.stream(condition_draws, asset);
  const double load = std::max(3.0, c.load + r.between(-16.0, 16.0));
  const double health = std::clamp(c.health + r.between(-10.0, 10.0), 5.0, 100.0);
  return {c.state != mood::unknown, rounded(load, 1), rounded(health, 1)};
}

std::string_view status_text(const circuit& c) {
  if (c.open_outages > 0) return "outage";
  switch (c.state) {
    case mood::good:
      return "good";
    case mood::warning:
      return "warning";
    case mood::critical:
      return "critical";
    case mood::unknown:
      break;
  }
  return "unknown";
}

customer customer_at(const world& w, int number) {
  const meter& m = w.meters[static_cast<std::size_t>(number)];
  const circuit& c = w.circuits[static_cast<std::size_t>(m.circuit)];
  random r = w.stream(customer_draws, static_cast<std::uint64_t>(number));
  const building b = w.building_at(c, m.building);
  const circuit_layout::lot lot = c.layout.lot_at(c.layout.lot_of_building(m.building));
  customer out;
  // A street's number says where in the city it is, so that neighbouring circuits share no address.
  out.address = std::to_string(lot.number + (m.circuit % 90 + 1) * 100) + " " +
                std::string{street_name(m.circuit * 7 + lot.street)};
  using kind = building::kind;
  if (b.type == kind::house || b.type == kind::apartments || b.type == kind::garage) {
    out.segment = "RESIDENTIAL";
    out.name = person_name(r);
  } else if (b.type == kind::industrial) {
    out.segment = "INDUSTRIAL";
    out.name = business_name(r, "Industries");
  } else {
    out.segment = "COMMERCIAL";
    constexpr auto kinds =
        std::to_array<std::string_view>({"Market", "Café", "Clinic", "Partners", "Supply", "School"});
    out.name = business_name(r, r.pick<std::string_view>(kinds));
  }
  return out;
}

substation_figures figures_of(const world& w, int index) {
  constexpr auto capacities = std::to_array<double>({40, 50, 67, 75, 100, 120, 150, 200});
  constexpr auto voltages = std::to_array<std::string_view>({"138kV", "138kV", "138kV", "69kV", "345kV"});
  random r = w.stream(substation_draws, static_cast<std::uint64_t>(index));
  return {r.pick<double>(capacities), r.pick<std::string_view>(voltages), r.between(-16000, 8800),
          r.chance(94) ? "OPERATIONAL" : "MAINTENANCE"};
}

transformer_figures figures_of_transformer(const world& w, int index) {
  constexpr auto sizes = std::to_array<double>({15, 25, 25, 37.5, 50, 50, 75, 75, 100, 167, 250, 500});
  random r = w.stream(transformer_draws, static_cast<std::uint64_t>(index));
  return {r.pick<double>(sizes), r.between(1972, 2025)};
}

}  // namespace gridlight::sync::demo
