#pragma once

#include <stdexcept>
#include <string>

namespace gridlight::test::snowflake {

/// What a statement or request fails with, in the contract's terms.
struct sql_failure : std::runtime_error {
  sql_failure(int http, std::string number, std::string state, const std::string& message)
      : std::runtime_error(message), status(http), code(std::move(number)), sql_state(std::move(state)) {}
  int status;
  std::string code, sql_state;
};

inline sql_failure compilation(std::string code, std::string state, const std::string& what) {
  return {422, std::move(code), std::move(state), "SQL compilation error:\n" + what};
}
inline sql_failure unsupported(const std::string& what) {
  return {422, "391911", "0A000", "Unsupported statement type '" + what + "'."};
}

}  // namespace gridlight::test::snowflake
