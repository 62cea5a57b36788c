#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/snowflake/database.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"

namespace gridlight::test::snowflake {

/// One of `bindings`; several values when the client bound an array.
struct bind {
  std::string type;
  std::vector<std::optional<std::string>> values;
  bool array = false;
};
using binds = std::vector<bind>;  ///< [0] is "1"

/// Puts the values in place of the question marks, as literals: an AT clause takes constants only. Array
/// binds repeat the tuple after VALUES. \throws sql_failure (100037 for a value that its type does not take)
void put_binds(tokens& sql, const binds& values, const database& db, bool arrays);

}  // namespace gridlight::test::snowflake
