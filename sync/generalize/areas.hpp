#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gridlight::sync::generalize {

/// A box in degrees.
struct box {
  double west = 0, south = 0, east = 0, north = 0;
};

/// Cells of a grid over the world in web mercator, from the west and the north edge, all bounds included.
struct cells {
  std::int64_t x0 = 0, x1 = 0, y0 = 0, y1 = 0;

  friend bool operator==(const cells&, const cells&) = default;
};

/// The cells of a grid of 2^order a side that the boxes touch, each once. A box may be grown first by
/// `margin` cells on each side; beyond the pyramid it is cut off.
std::vector<cells> touched(const std::vector<box>& boxes, int order, double margin);

/// How many, but no more than `enough`.
std::int64_t count(const std::vector<cells>& areas, std::int64_t enough);

/// A FROM item with the columns cx0, cx1, cy0, cy1.
std::string values_sql(const std::vector<cells>& areas);

}  // namespace gridlight::sync::generalize
