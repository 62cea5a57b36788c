#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "geo/lonlat.hpp"
#include "geo/wkb.hpp"

namespace gridlight::test {

/// A geometry as a test thinks of it: encoders here are written apart from those they check.
struct shape {
  geo::geometry_type type{};
  std::vector<std::vector<geo::lonlat>>
      runs;                    ///< Point: one run of 0 or 1; LineString: one; Polygon: its rings
  std::vector<shape> members;  ///< of Multi* and GeometryCollection
};

struct encoding {
  bool big_endian = false, iso = false, z = false, m = false;
  std::uint32_t srid = 0;
};

std::vector<std::byte> to_wkb(const shape& s, const encoding& how = {});
/// As append_geojson should write it with 7 decimals: rings turned to the right-hand rule.
std::string to_geojson(const shape& s);

struct shape_options {
  bool empties = true;       ///< empty geometries and members among them
  int depth = 3;             ///< of collections
  int decimals = -1;         ///< coordinates rounded so; -1: whatever the random bits are
  std::size_t longest = 12;  ///< positions of a run
};
shape random_shape(std::mt19937_64& random, const shape_options& options = {});

/// A seed from GRIDLIGHT_SEED or a fixed one; printed when a test fails (CAPTURE it).
std::uint64_t test_seed();
/// `small`, or `large` when GRIDLIGHT_SOAK=1.
int rounds(int small, int large);

/// Rounded by the C library, half-way decimals sent to the even neighbour; trailing zeros and "-0" trimmed.
/// \pre below 10^(14 - decimals), where a half-way decimal is the shortest one of its double
std::string decimal_by_printf(double value, int decimals);

std::string to_hex(const std::vector<std::byte>& bytes);

}  // namespace gridlight::test
