#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/catalog.hpp"
#include "server/error.hpp"
#include "sync/load/load.hpp"
#include "sync/load/rows.hpp"

namespace gridlight::sync {

/// A file to read, once or more often.
struct load_file {
  std::string path;                   ///< "-": standard input
  std::shared_ptr<int> spooled = {};  ///< of standard input that has to be read twice: a file without a name
};

/// The files of one layer, in order.
struct load_job {
  std::string layer;
  std::vector<load_file> files;
  std::int64_t rows_before = 0;  ///< that it replaces
};

/// Expands folders and groups the files by layer, in order of first appearance. Fails with errc::input:
/// nothing to read, or a file of which the layer cannot be told (the message names the layers that there
/// are).
result<std::vector<load_job>> plan_jobs(const load_options& options, std::span<const layer_config> layers);

/// Copies standard input to a file without a name, so that it can be read twice.
result<void> spool(load_file& file);

result<std::unique_ptr<row_source>> open_load_file(const load_file& file);
std::uint64_t size_of(const load_file& file);  ///< in bytes; 0: not known

/// Which file and line a stored row came from, by its ordinal: runs of rows with equal spacing, so that it
/// stays small.
class line_map {
 public:
  struct place {
    std::size_t file = 0;
    std::uint64_t line = 0;
  };
  void add(std::size_t file, std::uint64_t line);         ///< the next row that is stored
  std::optional<place> find(std::int64_t ordinal) const;  ///< from 1

 private:
  struct run {
    std::int64_t first = 0;
    std::size_t file = 0;
    std::uint64_t line = 0, step = 0;
  };
  std::vector<run> runs_;
  std::int64_t rows_ = 0;
};

}  // namespace gridlight::sync
