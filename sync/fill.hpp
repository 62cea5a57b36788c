#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/postgres/connection.hpp"
#include "sync/load/row_encoder.hpp"
#include "sync/source.hpp"

namespace gridlight::sync {

/// A row that could not be stored.
struct rejected_row {
  std::string key, reason;
  std::vector<std::pair<std::string, std::string>> values;  ///< column, text; of some rows none
};

struct filled {
  std::int64_t read = 0, stored = 0, rejected = 0;
  std::uint64_t bytes = 0;
  std::vector<rejected_row> rejects;  ///< the first thousand
  void reject(rejected_row r);
};

struct fill_request {
  std::string copy_sql;
  std::vector<std::string> columns;  ///< what the source's columns are called in reports
  std::vector<std::size_t> key;      ///< which of them are the key
  std::int64_t max_errors = 0;
  std::function<void(std::int64_t)> progress;  ///< rows so far; may be empty
};

/// Rows to a table by binary COPY, in the transaction that is open. Fails with errc::input when more rows are
/// bad than may be, with errc::conflict when the source gives another number than it promised, and as the
/// source and Postgres do; `out` is right in every case.
boost::asio::awaitable<result<void>> fill(postgres::connection& db, batch_reader& rows, row_encoder& encoder,
                                          fill_request request, filled& out);

}  // namespace gridlight::sync
