#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace gridlight::geo {

/// Lines in whole cells of a tile's lattice, as generalised tables hold those that were merged: a byte n,
/// then TWKB (precision 0, two dimensions, no bounding box, size or ids) of a line or a multi-line. Cells are
/// counted from the tile's north-west corner, 2^n to its side; outside of it they are negative or beyond
/// that.
class lattice_lines {
 public:
  static constexpr int max_order = 12;

  explicit lattice_lines(std::span<const std::byte> bytes) noexcept;

  /// Of the lattice; -1 when the bytes are no such lines.
  int order() const noexcept { return order_; }
  /// Begins the next line: how many points it has. 0 after the last, or when what follows is damaged.
  std::size_t next_line() noexcept;
  struct cell {
    std::int32_t x = 0, y = 0;
  };
  /// The line's next point. \pre not called more often than next_line() said
  cell next_point() noexcept;
  /// Whether everything was read and was right. \pre next_line() has returned 0
  bool complete() const noexcept { return good_ && lines_ == 0 && at_ == end_; }

 private:
  std::uint64_t number() noexcept;
  std::int32_t moved(std::int32_t from) noexcept;

  const std::byte *at_, *end_;
  std::uint64_t lines_ = 0;  // that are still to come
  cell last_;
  int order_ = -1;
  bool good_ = false;
};

}  // namespace gridlight::geo
