#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "server/http/compress.hpp"
#include "tests/support/snowflake/cells.hpp"

namespace gridlight::test::snowflake {

/// A finished result, cut into partitions once and for all. Partition 0 is kept as text, the others packed in
/// a file without a name. Immutable after finish(): any thread may read.
class result_set {
 public:
  struct partition {
    std::size_t rows = 0, size = 0, packed = 0;  ///< packed is 0 for partition 0
    std::int64_t at = 0;
  };

  explicit result_set(const settings& how);

  /// Rows, in order, in Postgres's text format.
  void begin(std::vector<column> columns) { columns_ = std::move(columns); }
  void add(const PGresult* row, int index);
  void finish();

  const std::vector<column>& columns() const noexcept { return columns_; }
  const std::vector<partition>& partitions() const noexcept { return partitions_; }
  std::size_t rows() const noexcept { return rows_; }
  std::string first() const { return first_; }  ///< [[…],[…]]
  std::string packed(std::size_t n) const;      ///< gzip. \pre 1 <= n < partitions().size()
  /// {"numRows":…} of the answer.
  std::string metadata(const settings& how, std::size_t rows_shown) const;

 private:
  void cut();

  struct close_file {
    void operator()(std::FILE* f) const noexcept { std::fclose(f); }
  };
  settings how_;
  std::vector<column> columns_;
  std::vector<partition> partitions_;
  std::string open_, first_;
  std::size_t open_rows_ = 0, rows_ = 0;
  std::int64_t end_ = 0;
  std::unique_ptr<std::FILE, close_file> file_;
  http::gzip_packer packer_{1};
};

}  // namespace gridlight::test::snowflake
