#include "geo/decimal.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/shapes.hpp"

using gridlight::geo::append_decimal;
using gridlight::test::decimal_by_printf;

namespace {

std::string decimal(double value, int decimals = 7) {
  std::string out;
  append_decimal(out, value, decimals);
  return out;
}

}  // namespace

TEST_CASE("a decimal has as many digits as it needs and no more than allowed") {
  CHECK(decimal(-95.3698) == "-95.3698");
  CHECK(decimal(29.76040000001) == "29.7604");
  CHECK(decimal(12) == "12");
  CHECK(decimal(100) == "100");
  CHECK(decimal(180) == "180");
  CHECK(decimal(-179.9999999) == "-179.9999999");
  CHECK(decimal(0.1) == "0.1");
  CHECK(decimal(1e-7) == "0.0000001");
  CHECK(decimal(34.9182, 3) == "34.918");
  CHECK(decimal(7.5, 0) == "8");
  CHECK(decimal(1234567, 0) == "1234567");
  CHECK(decimal(0.123456789012345, 15) == "0.123456789012345");
}

TEST_CASE("a decimal rounds up into the next integer") {
  CHECK(decimal(0.99999999) == "1");
  CHECK(decimal(-179.99999999) == "-180");
  CHECK(decimal(9.9996, 3) == "10");
}

TEST_CASE("zero has no sign, whatever rounds to it") {
  CHECK(decimal(0.0) == "0");
  CHECK(decimal(-0.0) == "0");
  CHECK(decimal(-0.00000004) == "0");
  CHECK(decimal(-4.9e-324) == "0");
  CHECK(decimal(-0.4, 0) == "0");
}

TEST_CASE("half-way decimals go to the even neighbour, exact in binary or not") {
  CHECK(decimal(0.00390625) == "0.0039062");
  CHECK(decimal(0.01171875) == "0.0117188");
  CHECK(decimal(-100.00390625) == "-100.0039062");
  CHECK(decimal(0.5, 0) == "0");
  CHECK(decimal(1.5, 0) == "2");
  // 29.12345675 is a little more in binary, 29.12345665 a little less; what counts is the decimal they stand
  // for.
  CHECK(decimal(29.12345675) == "29.1234568");
  CHECK(decimal(29.12345665) == "29.1234566");
  CHECK(decimal(std::nextafter(29.12345665, 30)) == "29.1234567");
  CHECK(decimal(std::nextafter(29.12345675, 29)) == "29.1234567");
  CHECK(decimal(1.005, 2) == "1");
  CHECK(decimal(1.015, 2) == "1.02");
}

TEST_CASE("numbers far beyond any coordinate are written out, in digits that mean something") {
  CHECK(decimal(123456789012.12346) == "123456789012.12346");
  CHECK(decimal(225179981.3685248) == "225179981.3685248");
  CHECK(decimal(225179981.36852484, 2) == "225179981.37");
  CHECK(decimal(-100000000000000) == "-100000000000000");
  CHECK(decimal(999999999999999.75, 0) == "1000000000000000");
  CHECK(decimal(-999999999999999.25, 15).size() <= gridlight::geo::max_decimal_chars);
}

TEST_CASE("what is no number is null") {
  CHECK(decimal(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(decimal(-std::numeric_limits<double>::infinity(), 2) == "null");
}

TEST_CASE("numbers that no JSON integer may be have an exponent, as PostGIS writes them") {
  CHECK(decimal(-1e15) == "-1e+15");
  CHECK(decimal(1e20, 0) == "1e+20");
  CHECK(decimal(1234567890123456789.0) == "1.2345678901234568e+18");
  CHECK(decimal(-std::numeric_limits<double>::max(), 15) == "-1.7976931348623157e+308");
}

TEST_CASE("random decimals are those of printf") {
  const auto seed = gridlight::test::test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::uniform_real_distribution<double> degrees{-180, 180}, exponent{-12, 14.9};
  std::uniform_int_distribution<int> digits{0, 15};
  for (int i = gridlight::test::rounds(100'000, 20'000'000); i > 0; --i) {
    const double d = degrees(random);
    if (decimal(d) != decimal_by_printf(d, 7)) FAIL("differs: " << decimal_by_printf(d, 17));
    const double wide = std::copysign(std::pow(10.0, exponent(random)), d);
    const int n = digits(random);
    const std::string ours = decimal(wide, n);
    if (std::abs(wide) * std::pow(10.0, n) < 9e13) {
      if (ours != decimal_by_printf(wide, n))
        FAIL("differs with " << n << ": " << decimal_by_printf(wide, 17));
    } else if (std::abs(std::stod(ours) - wide) > std::pow(10.0, -n)) {
      FAIL("far off with " << n << ": " << decimal_by_printf(wide, 17));
    }
  }
}

TEST_CASE("a number of seven decimals comes back as it was read") {
  std::mt19937_64 random{gridlight::test::test_seed()};
  std::uniform_int_distribution<std::int64_t> grid{-1'800'000'000, 1'800'000'000};
  for (int i = 0; i < 100'000; ++i) {
    const double d = static_cast<double>(grid(random)) / 1e7;
    if (std::stod(decimal(d)) != d) FAIL("lost: " << decimal_by_printf(d, 17));
  }
}
