#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"

namespace gridlight::sync::snowflake {

/// A column of a result, as its metadata says it.
struct column {
  std::string name;
  std::string type;       ///< lower case: fixed, real, text, timestamp_ntz, variant, …
  std::string extension;  ///< extTypeName in upper case: GEOGRAPHY, GEOMETRY; mostly empty
  int precision = 0, scale = 0;
  std::int64_t length = 0;
  bool nullable = true;
};

struct partition_size {
  std::uint64_t rows = 0, unpacked = 0, packed = 0;
};

/// Rows that a DML statement touched.
struct changed_rows {
  std::int64_t inserted = 0, updated = 0, deleted = 0, duplicates = 0;
};

/// An answer without its data.
struct answer {
  std::string code, sql_state, message;
  std::string handle;
  std::vector<std::string> handles;  ///< of a request with several statements
  std::vector<column> columns;
  std::vector<partition_size> partitions;
  std::uint64_t rows = 0;  ///< in all partitions
  changed_rows changed;
  std::int64_t created_ms = 0;  ///< since 1970
  bool has_data = false;
};

/// Reads a JSON answer, passing over `data`, whatever the order of its members. Fails with errc::internal on
/// what is no such object (HTML, nothing at all).
result<answer> read_answer(std::string_view body);

}  // namespace gridlight::sync::snowflake
