#include "sync/demo/copy_rows.hpp"

#include <cstring>

namespace gridlight::sync::demo {
namespace {

constexpr std::uint32_t srid_flag = 0x20000000U, srid = 4326;
constexpr std::size_t head_size = 1 + 4 + 4, position_size = 16;

}  // namespace

copy_rows& copy_rows::numeric2(std::int64_t hundredths) {
  // Digits of base 10,000; the last holds the two decimals in its upper half.
  const std::int64_t whole = hundredths / 100;
  const std::int16_t digits[] = {
      static_cast<std::int16_t>(whole / 100000000), static_cast<std::int16_t>(whole / 10000 % 10000),
      static_cast<std::int16_t>(whole % 10000), static_cast<std::int16_t>(hundredths % 100 * 100)};
  int first = 0;
  while (first < 4 && digits[first] == 0)
    ++first;
  int last = 4;
  while (last > first && digits[last - 1] == 0)
    --last;
  integer32(8 + 2 * (last - first));
  integer16(static_cast<std::int16_t>(last - first));
  integer16(static_cast<std::int16_t>(first == last ? 0 : 2 - first));  // weight of the first digit
  integer16(0);                                                         // positive
  integer16(2);                                                         // digits shown after the point
  for (int i = first; i < last; ++i)
    integer16(digits[i]);
  return *this;
}

void copy_rows::little_endian(std::uint32_t v) {
  for (int shift = 0; shift < 32; shift += 8)
    bytes_.push_back(static_cast<char>(v >> shift & 255));
}

void copy_rows::ewkb_position(position p) {
  for (const double v : {p.longitude(), p.latitude()}) {
    const auto bits = std::bit_cast<std::uint64_t>(v);
    little_endian(static_cast<std::uint32_t>(bits));
    little_endian(static_cast<std::uint32_t>(bits >> 32));
  }
}

void copy_rows::ewkb_head(std::uint32_t type, std::size_t length) {
  integer32(static_cast<std::int32_t>(head_size + length));
  bytes_.push_back(1);  // little-endian
  little_endian(type | srid_flag);
  little_endian(srid);
}

copy_rows& copy_rows::point(position p) {
  ewkb_head(1, position_size);
  ewkb_position(p);
  return *this;
}

copy_rows& copy_rows::line(std::span<const position> path) {
  ewkb_head(2, 4 + path.size() * position_size);
  little_endian(static_cast<std::uint32_t>(path.size()));
  for (const position p : path)
    ewkb_position(p);
  return *this;
}

copy_rows& copy_rows::polygon(std::span<const position> ring) {
  ewkb_head(3, 8 + (ring.size() + 1) * position_size);
  little_endian(1);
  little_endian(static_cast<std::uint32_t>(ring.size() + 1));
  for (const position p : ring)
    ewkb_position(p);
  ewkb_position(ring.front());
  return *this;
}

}  // namespace gridlight::sync::demo
