#pragma once

#include <libpq-fe.h>

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace gridlight::postgres {

/// Type ids of pg_type that are decoded natively; they are fixed in every PostgreSQL.
namespace oid {
inline constexpr Oid boolean = 16, bytea = 17, int8 = 20, int2 = 21, int4 = 23, text = 25, json = 114,
                     float4 = 700, float8 = 701, bpchar = 1042, varchar = 1043, date = 1082, timestamp = 1114,
                     timestamptz = 1184, numeric = 1700, uuid = 2950, jsonb = 3802, int8_array = 1016,
                     text_array = 1009;
}

/// Rows of one statement, in binary format unless said; owns the PGresult. Views live as long as it does.
/// Rows and columns count from 0; reading out of range, or a type other than the column's, is a bug (assert).
class result_set {
 public:
  result_set() = default;
  explicit result_set(PGresult* owned) : pg_(owned) {}

  int rows() const noexcept { return pg_ ? PQntuples(pg_.get()) : 0; }
  int columns() const noexcept { return pg_ ? PQnfields(pg_.get()) : 0; }
  Oid type(int column) const noexcept { return PQftype(pg_.get(), column); }
  bool is_null(int row, int column) const noexcept { return PQgetisnull(pg_.get(), row, column) != 0; }

  std::span<const std::byte> bytes(int row, int column) const noexcept {
    const std::string_view raw = text(row, column);
    return {reinterpret_cast<const std::byte*>(raw.data()), raw.size()};
  }
  /// The raw bytes as text.
  std::string_view text(int row, int column) const noexcept {
    assert(row >= 0 && row < rows() && column >= 0 && column < columns());
    return {PQgetvalue(pg_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(pg_.get(), row, column))};
  }
  bool boolean(int row, int column) const noexcept;
  std::int64_t integer(int row, int column) const noexcept;  ///< int2, int4, int8
  double number(int row, int column) const noexcept;         ///< float4, float8 and the integers

  /// Rows touched by INSERT, UPDATE, DELETE, COPY; 0 for others.
  std::int64_t affected() const noexcept;
  const PGresult* native() const noexcept { return pg_.get(); }

 private:
  struct clear {
    void operator()(PGresult* r) const noexcept { PQclear(r); }
  };
  std::unique_ptr<PGresult, clear> pg_;
};

}  // namespace gridlight::postgres
