#pragma once

#include <libpq-fe.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/postgres/result.hpp"

namespace gridlight::postgres {

/// SQL text with the types of its parameters; each connection prepares it once, on first use, under its id.
/// Build it once and keep it (a layer's statements, a handler's constant): every construction is a new id.
class statement {
 public:
  /// \param columns  when not empty, the column types that the code reads by position; a difference found
  /// when the
  ///                 statement is prepared fails with errc::schema_mismatch.
  /// \param weight   the memory that a session takes to keep it, a lookup's being 1; 0: it is not kept but
  /// parsed
  ///                 for each use
  explicit statement(std::string sql, std::vector<Oid> parameters = {}, std::vector<Oid> columns = {},
                     std::uint32_t weight = 1);

  std::uint64_t id() const noexcept { return id_; }
  const std::string& sql() const noexcept { return sql_; }
  std::uint32_t weight() const noexcept { return weight_; }
  std::span<const Oid> parameters() const noexcept { return parameters_; }
  std::span<const Oid> columns() const noexcept { return columns_; }
  /// A SELECT, or a WITH, VALUES or TABLE without a writing word in it: pool::query runs it again when its
  /// connection dies under it. Side effects therefore never hide in a function that a SELECT calls.
  bool repeatable() const noexcept { return repeatable_; }

 private:
  std::uint64_t id_;
  std::string sql_;
  std::vector<Oid> parameters_;
  std::vector<Oid> columns_;
  std::uint32_t weight_;
  bool repeatable_;
};

/// Values for a statement's parameters, in order, in binary format; owns its bytes.
class arguments {
 public:
  arguments& add(double v);                            ///< float8
  arguments& add(std::int64_t v);                      ///< int8
  arguments& add(std::int32_t v);                      ///< int4
  arguments& add(bool v);                              ///< boolean
  arguments& add_text(std::string_view v);             ///< any type, in text format (bound, never spliced)
  arguments& add_bytes(std::span<const std::byte> v);  ///< bytea, or geometry as EWKB
  arguments& add_null();

  int size() const noexcept { return static_cast<int>(items_.size()); }
  /// Parallel arrays as PQsendQueryPrepared wants them; valid until the next add.
  struct native {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<int> formats;
  };
  native to_native() const;
  void to_native(native& out) const;  ///< the same, into vectors that are used again
  /// A text value has a zero byte in it, which Postgres cannot take: such a query fails as
  /// errc::bad_parameter.
  bool has_zero_byte() const noexcept { return zero_byte_; }

 private:
  struct item {
    std::size_t at, length;
    bool null, binary;
  };
  void put(const void* data, std::size_t n, bool binary);
  std::string buffer_;
  std::vector<item> items_;
  bool zero_byte_ = false;
};

}  // namespace gridlight::postgres
