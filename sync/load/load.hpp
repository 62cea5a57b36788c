#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/config.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync {

/// What `gridlight load` was asked for.
struct load_options {
  std::vector<std::string> files;  ///< files, folders (their files of known kinds, by name), or "-"
  std::string layer;               ///< empty: of each file the layer whose table has the file's base name
  bool create = false;             ///< make a new layer of the file's columns
  std::vector<std::pair<std::string, std::string>> map;  ///< target column, source column
  bool ignore_extra = false;    ///< leave out source columns that the table does not have
  std::int64_t max_errors = 0;  ///< bad rows that are left out; one more and nothing changes
  duplicate_rule duplicates = duplicate_rule::reject;  ///< `last`: replaced rows are no bad rows
  bool yes = false;                                    ///< replace rows without asking
  bool allow_shrink = false;                           ///< even by less than 80 % as many
  std::string timezone;  ///< of times without a zone: UTC or +HH:MM; empty: they are bad rows
};

/// The subcommand. A layer's rows are replaced by those of its files, all or none: they are written to a
/// staging table, checked, indexed and swapped in. Before anything is read it says which rows will go, and
/// asks unless `yes`; without a terminal it refuses. Bad rows are named on stderr as file:line: reason. With
/// `create`, the catalog's entry for the new layer goes to stdout. Returns the exit code; with several
/// layers, each is loaded for itself.
int run_load(const config& settings, const load_options& options);

}  // namespace gridlight::sync
