#pragma once

#include <cstdint>
#include <vector>

#include "sync/demo/plane.hpp"

namespace gridlight::sync::demo {

/// Rows of each layer at a scale from 0.001 to 1; at 1 those of production.
struct row_counts {
  explicit row_counts(double scale);
  int substations, circuits, transformers, power_lines, water, vegetation, meters, customers, assets,
      topology;
  int buildings, outages, work_orders;
  int poles() const noexcept { return assets - substations - transformers - meters; }
};

/// Cuts `total` into shares in proportion to `weights`; the shares' sum is exactly `total`.
std::vector<int> apportioned(std::int64_t total, const std::vector<int>& weights);

/// Land between two districts, wide enough for a bayou when `half_width` says so.
struct corridor {
  vec from, to;  ///< its middle line in the plan, along an axis
  double half_width;
};

/// The city's land: one rectangle a substation, smaller where the city is denser, and some that are lakes.
struct territory {
  std::vector<rect> districts;  ///< nearest to the core first; corridors are cut off
  std::vector<rect> lakes;
  std::vector<corridor> corridors;  ///< widest first
};

/// Lays out as much land around the core as the counts need: smaller scales give a smaller city of equal
/// density.
territory lay_out(const row_counts& counts);

}  // namespace gridlight::sync::demo
