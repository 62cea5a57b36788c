#include "geo/lattice_lines.hpp"

namespace gridlight::geo {
namespace {

constexpr unsigned line = 2, multi_line = 5;  // of TWKB's types
constexpr unsigned is_empty = 0x10;

}  // namespace

lattice_lines::lattice_lines(std::span<const std::byte> bytes) noexcept
    : at_{bytes.data()}, end_{bytes.data() + bytes.size()} {
  if (bytes.size() < 3) return;
  const auto order = std::to_integer<int>(bytes[0]);
  const auto type = std::to_integer<unsigned>(bytes[1]), flags = std::to_integer<unsigned>(bytes[2]);
  at_ += 3;
  // The type's upper half is the precision.
  if (order > max_order || (type != line && type != multi_line) || (flags & ~is_empty) != 0) return;
  good_ = true;
  if (flags == 0) lines_ = type == line ? 1 : number();
  if (good_) order_ = order;
}

std::size_t lattice_lines::next_line() noexcept {
  if (!good_ || lines_ == 0) return 0;
  --lines_;
  const std::uint64_t points = number();
  // Two bytes a point at least.
  good_ = good_ && points > 0 && points <= static_cast<std::uint64_t>(end_ - at_) / 2;
  return good_ ? static_cast<std::size_t>(points) : 0;
}

lattice_lines::cell lattice_lines::next_point() noexcept {
  last_.x = moved(last_.x);
  last_.y = moved(last_.y);
  return last_;
}

std::int32_t lattice_lines::moved(std::int32_t from) noexcept {
  const std::uint64_t zigzag = number();
  const auto by = static_cast<std::int64_t>(zigzag >> 1) ^ -static_cast<std::int64_t>(zigzag & 1);
  constexpr std::int64_t most = 1 << 30;
  if (by > 2 * most || by < -2 * most || from + by > most || from + by < -most) {
    good_ = false;
    return from;
  }
  return static_cast<std::int32_t>(from + by);
}

std::uint64_t lattice_lines::number() noexcept {
  std::uint64_t out = 0;
  for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
    const auto byte = std::to_integer<std::uint64_t>(*at_++);
    out |= (byte & 0x7f) << shift;
    if (byte < 0x80) return out;
  }
  good_ = false;
  return 0;
}

}  // namespace gridlight::geo
