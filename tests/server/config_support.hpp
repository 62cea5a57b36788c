#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <string_view>

#include "server/config.hpp"

namespace gridlight::test {

using environment = std::map<std::string, std::string>;

/// The configuration that `yaml` is.
inline config good(std::string_view yaml, const environment& variables = {}) {
  auto c = parse_config(yaml, "t.yaml", variables);
  REQUIRE_MESSAGE(c.has_value(), c.error().detail);
  return *std::move(c);
}

/// Why it is none.
inline std::string bad(std::string_view yaml, const environment& variables = {}) {
  const auto c = parse_config(yaml, "t.yaml", variables);
  REQUIRE(c.has_error());
  CHECK(c.error().code == errc::input);
  return c.error().detail;
}

}  // namespace gridlight::test
