#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sync/demo/plane.hpp"

namespace gridlight::sync::demo {

/// Rows in Postgres's binary COPY format, appended to one buffer. Begin with header(), end with trailer();
/// every row gives exactly as many values as it was announced with.
class copy_rows {
 public:
  void header() {
    bytes_.append("PGCOPY\n\377\r\n\0", 11);
    integer32(0);
    integer32(0);
  }
  void trailer() { integer16(-1); }
  copy_rows& row(int values) {
    integer16(static_cast<std::int16_t>(values));
    ++rows_;
    return *this;
  }

  copy_rows& null() {
    integer32(-1);
    return *this;
  }
  copy_rows& text(std::string_view v) {
    integer32(static_cast<std::int32_t>(v.size()));
    bytes_.append(v);
    return *this;
  }
  copy_rows& integer(std::int32_t v) {
    integer32(4);
    integer32(v);
    return *this;
  }
  copy_rows& bigint(std::int64_t v) {
    integer32(8);
    big_endian(static_cast<std::uint64_t>(v), 8);
    return *this;
  }
  copy_rows& number(double v) { return bigint(std::bit_cast<std::int64_t>(v)); }
  /// Microseconds since 2000-01-01T00:00:00Z, as Postgres counts.
  copy_rows& timestamp(std::int64_t microseconds) { return bigint(microseconds); }
  copy_rows& date(std::int32_t days_since_2000) { return integer(days_since_2000); }
  /// numeric with two decimals. \pre 0 <= hundredths < 10^12
  copy_rows& numeric2(std::int64_t hundredths);

  copy_rows& longitude(position p) { return number(p.longitude()); }
  copy_rows& latitude(position p) { return number(p.latitude()); }

  copy_rows& point(position p);
  copy_rows& line(std::span<const position> path);
  /// One ring, closed here; `ring` does not repeat its first position.
  copy_rows& polygon(std::span<const position> ring);

  std::string_view bytes() const noexcept { return bytes_; }
  std::int64_t rows() const noexcept { return rows_; }
  void clear() noexcept {
    bytes_.clear();
    rows_ = 0;
  }

 private:
  void big_endian(std::uint64_t v, int size) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8)
      bytes_.push_back(static_cast<char>(v >> shift & 255));
  }
  void integer16(std::int16_t v) { big_endian(static_cast<std::uint16_t>(v), 2); }
  void integer32(std::int32_t v) { big_endian(static_cast<std::uint32_t>(v), 4); }
  void ewkb_head(std::uint32_t type, std::size_t length);
  void little_endian(std::uint32_t v);
  void ewkb_position(position p);

  std::string bytes_;
  std::int64_t rows_ = 0;
};

}  // namespace gridlight::sync::demo
