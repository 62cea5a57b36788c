#pragma once

#include <fmt/format.h>

#include <string>

namespace gridlight::test {

/// SQL of what a row `t` of a generalised table of merged lines shows, in degrees; `t.geom` is as
/// geo/lattice_lines.hpp says.
inline std::string lattice_sql() {
  const std::string cell = "(40075016.68557849 / 2 ^ (t.zoom + get_byte(t.geom, 0)))",
                    side = "2 ^ get_byte(t.geom, 0)";
  return fmt::format(
      "ST_Transform(ST_SetSRID(ST_Affine(ST_GeomFromTWKB(substring(t.geom FROM 2)), {0}, 0, 0, -{0}, "
      "(t.tx * {1} + 0.5) * {0} - 20037508.342789244, 20037508.342789244 - (t.ty * {1} + 0.5) * {0}), 3857), "
      "4326)",
      cell, side);
}

}  // namespace gridlight::test
