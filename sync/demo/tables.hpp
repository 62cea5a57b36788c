#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "sync/demo/copy_rows.hpp"
#include "sync/demo/world.hpp"

namespace gridlight::sync::demo {

/// A table that the demo fills, and how: its rows come in pieces of at most some thousand.
struct demo_table {
  std::string_view layer, table;
  std::string_view columns;  ///< of the COPY, comma-separated, in the order written
  int (*rows)(const world&);
  std::size_t (*pieces)(const world&);
  void (*write)(const world&, std::size_t piece, copy_rows& out);
};

/// All but service_areas, which follow from the assets.
std::span<const demo_table> demo_tables();

extern const demo_table substations_table, transformers_table, power_lines_table, meters_table,
    customers_table, assets_table, topology_table, circuits_table, buildings_table, water_table,
    vegetation_table, outages_table, work_orders_table;

/// "XF-" and 42 give "XF-0000042".
std::string id(std::string_view prefix, int number, int digits);
std::string substation_id(int index);
std::string circuit_id(int index);
std::string transformer_id(int index);
std::string pole_id(int index);
std::string meter_id(int index);
std::string line_id(int index);

/// Load and health of one transformer or pole: its circuit's, give or take.
struct condition {
  bool known;
  double load, health;
};
condition condition_of(const world& w, const circuit& c, std::uint64_t asset);
std::string_view status_text(const circuit& c);

/// Who lives or works where a meter stands.
struct customer {
  std::string name, address;
  std::string_view segment;
};
customer customer_at(const world& w, int meter);

struct substation_figures {
  double capacity;  ///< MVA
  std::string_view voltage;
  int commissioned;  ///< days since 2000
  std::string_view status;
};
substation_figures figures_of(const world& w, int index);

struct transformer_figures {
  double kva;
  int year;
};
transformer_figures figures_of_transformer(const world& w, int index);

template <class T>
const T& at(const std::vector<T>& all, int index) {
  return all[static_cast<std::size_t>(index)];
}
inline const substation& home(const world& w, const circuit& c) {
  return at(w.substations, c.substation);
}

double rounded(double v, int decimals);

}  // namespace gridlight::sync::demo
