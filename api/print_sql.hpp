#pragma once

#include <string>

#include "server/config.hpp"

namespace gridlight::api {

struct print_sql_options {
  std::string layer;  ///< a layer of the catalog; `substations` with the lookup `status` is the route's
  std::string
      lookup;  ///< within, nearest, features, intersects, feature or status; empty: all of the layer's
};

/// The subcommand `sql`: prints the statements that lookups on a layer run, as they are prepared, for EXPLAIN
/// and for benchmarks. Reads the catalog from the database. Returns its exit code.
int run_print_sql(const config& settings, const print_sql_options& options);

}  // namespace gridlight::api
