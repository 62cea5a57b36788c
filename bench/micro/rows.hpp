#pragma once

#include <random>
#include <string>
#include <vector>

#include "geo/lonlat.hpp"
#include "server/catalog.hpp"
#include "server/postgres/result.hpp"

// Layers as gridlight.yaml declares them, and made-up rows of them as lookups get them from Postgres: the
// same ones in every run.
namespace gridlight::bench {

layer transformers();
/// With a distance in the last column, as within and nearest add it.
postgres::result_set transformer_rows(int count);

layer buildings();
postgres::result_set building_rows(int count);

/// The columns of circuit_summary, for so many substations.
postgres::result_set summary_rows(int count);

/// A position in the core of Houston, with seven decimals.
geo::lonlat random_place(std::mt19937_64& random);

/// EWKB with SRID 4326 and coordinates of seven decimals.
std::vector<std::string> points(int count);
std::vector<std::string> lines(int count);     ///< power lines: 2 to 24 vertices
std::vector<std::string> polygons(int count);  ///< footprints: 5 to 48 vertices, half of them 19 or fewer

}  // namespace gridlight::bench
