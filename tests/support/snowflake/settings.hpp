#pragma once

#include <chrono>
#include <cstddef>
#include <set>
#include <string>

namespace gridlight::test::snowflake {

/// How the emulated account behaves. Each switch of the second part stands for something that the contract
/// could not settle.
struct settings {
  std::string database = {};  ///< conninfo of the Postgres database under it; gets the schema snowflake
  std::string account = "GRIDLIGHT-TEST", user = "SYNC";
  std::set<std::string> warehouses = {"WH"}, roles = {"SYNC"};

  std::chrono::milliseconds wait{45'000};  ///< a POST is answered 202 after so long; 0: always
  std::chrono::milliseconds delay{0};      ///< added to each statement's execution
  std::chrono::milliseconds result_life{24 * 3600 * 1000};
  std::chrono::milliseconds jwt_life{3600 * 1000};  ///< after iat, whatever exp says; whole seconds
  std::size_t most_results = 400;                   ///< the oldest are forgotten: each may hold a file open
  std::size_t first_rows = 1'000;                   ///< of partition 0 at most
  std::size_t partition_rows = 50'000;
  std::size_t partition_bytes = 8 << 20;  ///< a partition ends when it is larger

  bool bare_partitions = false;     ///< [[…]] instead of {"data":[[…]]}
  bool upper_types = false;         ///< rowType says FIXED, not fixed
  int fraction_digits = 9;          ///< of times; -1: nanoseconds as one integer
  bool added_fraction = false;      ///< before 1970: -1.5 s is -2.500000000, whole seconds floored
  bool geography_as_type = false;   ///< type geography instead of object with extTypeName
  bool geospatial_changes = false;  ///< CHANGES(DEFAULT) may return them
  bool tracks_by_default = true;    ///< tables have change tracking though nobody asked for it
  bool array_binds = true;          ///< a bind's value may be an array, in a one-row INSERT … VALUES
};

}  // namespace gridlight::test::snowflake
