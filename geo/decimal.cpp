#include "geo/decimal.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace gridlight::geo {
namespace {

constexpr std::array<std::uint64_t, 16> powers = [] {
  std::array<std::uint64_t, 16> p{1};
  for (std::size_t i = 1; i < p.size(); ++i)
    p[i] = p[i - 1] * 10;
  return p;
}();

constexpr std::array<char, 200> pairs = [] {
  std::array<char, 200> p{};
  for (std::size_t i = 0; i < 100; ++i) {
    p[2 * i] = static_cast<char>('0' + i / 10);
    p[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return p;
}();

// Below this a half-way decimal has at most 15 digits, so it is the shortest one of its double; and all
// integers made of the scaled value are exact.
constexpr double exact_limit = 1e14;

// The integer nearest to magnitude * scale. The product is rounded, so close to a half it cannot be trusted:
// there the half-way decimal itself, as a double, is compared with the value.
[[gnu::always_inline]] inline std::uint64_t scaled(double magnitude, double product,
                                                   std::uint64_t scale) noexcept {
  const auto floor = static_cast<std::uint64_t>(product);
  const double fraction = product - static_cast<double>(floor);
  if (std::abs(fraction - 0.5) > product * 0x1p-51) [[likely]]
    return floor + (fraction > 0.5 ? 1 : 0);
  const double half_way = static_cast<double>(2 * floor + 1) / static_cast<double>(2 * scale);
  const bool up = magnitude > half_way || (magnitude == half_way && floor % 2 == 1);
  return floor + (up ? 1 : 0);
}

inline char* write_integer(char* at, std::uint64_t n) noexcept {
  if (n < 10) {
    *at = static_cast<char>('0' + n);
    return at + 1;
  }
  if (n < 100) {
    std::memcpy(at, &pairs[2 * n], 2);
    return at + 2;
  }
  if (n < 1000) {
    *at = static_cast<char>('0' + n / 100);
    std::memcpy(at + 1, &pairs[2 * (n % 100)], 2);
    return at + 3;
  }
  return std::to_chars(at, at + 20, n).ptr;
}

// The eight digits of n < 10^8, one a byte from the lowest on: halves, then quarters, then eighths of the
// number at once.
[[gnu::always_inline]] inline std::uint64_t eight_digits(std::uint64_t n) noexcept {
  constexpr std::uint64_t sevens = 0x0000007F0000007FU, nibbles = 0x000F000F000F000FU;
  std::uint64_t x = n / 10000 | n % 10000 << 32;
  const std::uint64_t hundreds =
      (x * 10486 >> 20) & sevens;  // 10486 / 2^20 and 103 / 2^10 divide so few digits
  x = hundreds | (x - hundreds * 100) << 16;
  const std::uint64_t tens = (x * 103 >> 10) & nibbles;
  return tens | (x - tens * 10) << 8;
}

// The digits after the point, `decimals` of them, without their trailing zeros. \pre n > 0
[[gnu::always_inline]] inline char* write_fraction(char* at, std::uint64_t n, int decimals) noexcept {
  if (decimals <= 8 && std::endian::native == std::endian::little) {
    const std::uint64_t digits = eight_digits(n) >> (8 * (8 - decimals));
    const std::uint64_t text = digits | 0x3030303030303030U;
    std::memcpy(at, &text, sizeof text);
    return at + (8 - std::countl_zero(digits) / 8);
  }
  char* const end = at + decimals;
  char* p = end;
  for (; p - at >= 2; n /= 100) {
    p -= 2;
    std::memcpy(p, &pairs[2 * (n % 100)], 2);
  }
  if (p != at) *at = static_cast<char>('0' + n);
  p = end;
  while (p[-1] == '0')
    --p;
  return p;
}

[[gnu::always_inline]] inline char* write_scaled(char* at, std::uint64_t n, bool negative, int decimals,
                                                 std::uint64_t scale) noexcept {
  if (negative && n != 0) *at++ = '-';
  at = write_integer(at, n / scale);
  const std::uint64_t fraction = n % scale;
  if (fraction == 0) return at;
  *at++ = '.';
  return write_fraction(at, fraction, decimals);
}

// No number at all, or far beyond any coordinate: then the shortest digits that mean the value, unless these
// are too many.
char* write_large(char* at, double value, int decimals) noexcept {
  if (!std::isfinite(value)) {
    std::memcpy(at, "null", 4);
    return at + 4;
  }
  char* const room = at + max_decimal_chars;
  if (std::abs(value) >= 1e15) return std::to_chars(at, room, value, std::chars_format::scientific).ptr;
  char* end = std::to_chars(at, room, value, std::chars_format::fixed).ptr;
  const char* const point = std::find(at, end, '.');
  if (end - point <= decimals + 1) return end;
  end = std::to_chars(at, room, value, std::chars_format::fixed, decimals).ptr;
  if (decimals == 0) return end;
  while (end[-1] == '0')
    --end;
  return end[-1] == '.' ? end - 1 : end;
}

}  // namespace

namespace {

// With decimals a constant the divisions become multiplications.
template <int decimals>
inline char* write_fixed(char* at, double value) noexcept {
  constexpr std::uint64_t scale = powers[decimals];
  const double magnitude = std::abs(value), product = magnitude * static_cast<double>(scale);
  if (product < exact_limit) [[likely]]
    return write_scaled(at, scaled(magnitude, product, scale), value < 0, decimals, scale);
  return write_large(at, value, decimals);
}

}  // namespace

char* write_decimal(char* at, double value, int decimals) noexcept {
  assert(decimals >= 0 && decimals <= 15);
  if (decimals == 7) return write_fixed<7>(at, value);  // nearly every call: coordinates
  if (decimals == 3) return write_fixed<3>(at, value);  // and measures
  const double magnitude = std::abs(value);
  const std::uint64_t scale = powers[static_cast<std::size_t>(decimals)];
  const double product = magnitude * static_cast<double>(scale);
  if (product < exact_limit)
    return write_scaled(at, scaled(magnitude, product, scale), value < 0, decimals, scale);
  return write_large(at, value, decimals);
}

char* write_thousandths(char* at, std::int64_t n) noexcept {
  const auto magnitude = static_cast<std::uint64_t>(n < 0 ? -n : n);
  return write_scaled(at, magnitude, n < 0, 3, powers[3]);
}

void append_decimal(std::string& out, double value, int decimals) {
  char buffer[max_decimal_chars];
  out.append(buffer, static_cast<std::size_t>(write_decimal(buffer, value, decimals) - buffer));
}

}  // namespace gridlight::geo
