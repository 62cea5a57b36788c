#include "server/postgres/result.hpp"

#include <bit>
#include <cassert>
#include <charconv>
#include <cstring>

namespace gridlight::postgres {
namespace {

template <class Int>
Int load(const char* at) noexcept {
  Int v{};
  for (std::size_t i = 0; i < sizeof v; ++i)
    v = static_cast<Int>((v << 8) | static_cast<unsigned char>(at[i]));
  return v;
}

}  // namespace

bool result_set::boolean(int row, int column) const noexcept {
  assert(type(column) == oid::boolean && PQfformat(pg_.get(), column) == 1);
  const std::string_view v = text(row, column);
  return !v.empty() && v.front() != 0;
}

std::int64_t result_set::integer(int row, int column) const noexcept {
  assert(PQfformat(pg_.get(), column) == 1);
  assert(type(column) == oid::int2 || type(column) == oid::int4 || type(column) == oid::int8);
  const std::string_view v = text(row, column);
  switch (v.size()) {
    case 2:
      return static_cast<std::int16_t>(load<std::uint16_t>(v.data()));
    case 4:
      return static_cast<std::int32_t>(load<std::uint32_t>(v.data()));
    case 8:
      return static_cast<std::int64_t>(load<std::uint64_t>(v.data()));
    default:
      return 0;  // NULL
  }
}

double result_set::number(int row, int column) const noexcept {
  assert(PQfformat(pg_.get(), column) == 1);
  const std::string_view v = text(row, column);
  switch (type(column)) {
    case oid::float8:
      return v.size() == 8 ? std::bit_cast<double>(load<std::uint64_t>(v.data())) : 0;
    case oid::float4:
      return v.size() == 4 ? std::bit_cast<float>(load<std::uint32_t>(v.data())) : 0;
    default:
      return static_cast<double>(integer(row, column));
  }
}

std::int64_t result_set::affected() const noexcept {
  if (!pg_) return 0;
  const char* digits = PQcmdTuples(pg_.get());
  std::int64_t n = 0;
  std::from_chars(digits, digits + std::strlen(digits), n);
  return n;
}

}  // namespace gridlight::postgres
