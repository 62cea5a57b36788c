#pragma once

#include <libpq-fe.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "server/postgres/result.hpp"

namespace gridlight::test {

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = bytes; i-- > 0;)
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 255));
  return out;
}
inline std::string binary(double v) {
  return big_endian(std::bit_cast<std::uint64_t>(v), 8);
}
inline std::string binary(float v) {
  return big_endian(std::bit_cast<std::uint32_t>(v), 4);
}

/// Rows as Postgres would send them in binary format, without one.
inline postgres::result_set hand_made(const std::vector<Oid>& types,
                                      const std::vector<std::vector<std::optional<std::string>>>& rows) {
  PGresult* made = PQmakeEmptyPGresult(nullptr, PGRES_TUPLES_OK);
  std::vector<PGresAttDesc> columns(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    columns[i].name = const_cast<char*>("column");
    columns[i].format = 1;
    columns[i].typid = types[i];
  }
  PQsetResultAttrs(made, static_cast<int>(columns.size()), columns.data());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const auto& value = rows[r][c];
      PQsetvalue(made, static_cast<int>(r), static_cast<int>(c),
                 value ? const_cast<char*>(value->data()) : nullptr,
                 value ? static_cast<int>(value->size()) : -1);
    }
  }
  return postgres::result_set{made};
}

}  // namespace gridlight::test
