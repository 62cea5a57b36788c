#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gridlight::geo {

/// Room that write_decimal may need.
inline constexpr std::size_t max_decimal_chars = 40;

/// Writes a number with at most `decimals` (0…15) digits after the point, trailing zeros trimmed, never "-0"
/// ("-95.37", "0", "12"); returns the end. Rounds to the nearest as PostGIS does: a value whose shortest
/// decimal lies half-way (0.00390625 to 7 digits) goes to the even neighbour (0.0039062). From 10^(14 -
/// decimals) on, where a double has no digits to spare, it is the binary value that is rounded; from 10^15 on
/// an exponent is used. JSON has neither NaN nor infinity: they are written as null.
///
/// \pre `at` has room for max_decimal_chars
char* write_decimal(char* at, double value, int decimals) noexcept;

/// n / 1000 in the same form.
/// \pre `at` has room for max_decimal_chars, |n| < 10^17
char* write_thousandths(char* at, std::int64_t n) noexcept;

/// write_decimal, appended to a string.
void append_decimal(std::string& out, double value, int decimals);

}  // namespace gridlight::geo
