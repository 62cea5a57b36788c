#include "tests/support/snowflake/result_set.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <stdexcept>

namespace gridlight::test::snowflake {

result_set::result_set(const settings& how) : how_(how) {}

void result_set::add(const PGresult* row, int index) {
  open_ += open_rows_ == 0 ? '[' : ',';
  for (int i = 0; i < static_cast<int>(columns_.size()); ++i) {
    open_ += i == 0 ? '[' : ',';
    if (PQgetisnull(row, index, i) != 0) {
      open_ += "null";
      continue;
    }
    const std::string_view value{PQgetvalue(row, index, i),
                                 static_cast<std::size_t>(PQgetlength(row, index, i))};
    append_cell(open_, columns_[static_cast<std::size_t>(i)], value, how_);
  }
  open_ += ']';
  ++open_rows_;
  ++rows_;
  const std::size_t most = partitions_.empty() ? how_.first_rows : how_.partition_rows;
  if (open_rows_ >= most || open_.size() >= how_.partition_bytes) cut();
}

void result_set::finish() {
  if (open_rows_ > 0 || partitions_.empty()) cut();
}

void result_set::cut() {
  open_ += open_rows_ == 0 ? "[]" : "]";
  partition p{open_rows_, open_.size(), 0, end_};
  if (partitions_.empty()) {
    first_ = std::move(open_);
  } else {
    if (!file_) file_.reset(std::tmpfile());
    const std::string packed = packer_.pack_always(how_.bare_partitions ? open_ : "{\"data\":" + open_ + "}");
    p.packed = packed.size();
    if (!file_ || ::pwrite(fileno(file_.get()), packed.data(), packed.size(), end_) !=
                      static_cast<ssize_t>(packed.size()))
      throw std::runtime_error{"no room for a result"};
    end_ += static_cast<std::int64_t>(packed.size());
  }
  partitions_.push_back(p);
  open_.clear();
  open_rows_ = 0;
}

std::string result_set::packed(std::size_t n) const {
  const partition& p = partitions_.at(n);
  std::string out(p.packed, '\0');
  if (::pread(fileno(file_.get()), out.data(), out.size(), p.at) != static_cast<ssize_t>(out.size()))
    throw std::runtime_error{"a result cannot be read"};
  return out;
}

std::string result_set::metadata(const settings& how, std::size_t rows_shown) const {
  std::string parts;
  for (const partition& p : partitions_) {
    parts +=
        fmt::format(R"({}{{"rowCount":{},"uncompressedSize":{})", parts.empty() ? "" : ",", p.rows, p.size);
    if (p.packed > 0) parts += fmt::format(R"(,"compressedSize":{})", p.packed);
    parts += '}';
  }
  return fmt::format(R"({{"numRows":{},"format":"jsonv2","rowType":{},"partitionInfo":[{}]}})", rows_shown,
                     row_type(columns_, how), parts);
}

}  // namespace gridlight::test::snowflake
