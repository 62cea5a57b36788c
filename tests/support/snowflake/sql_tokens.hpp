#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gridlight::test::snowflake {

/// A piece of Snowflake's SQL. Comments are left out.
struct token {
  enum class kind { word, quoted, number, string, bind, mark } type;
  std::string text;     ///< as it will be sent to Postgres
  bool spaced = false;  ///< white space stands before it

  bool is(std::string_view word) const;  ///< a word, in any case, or a mark
  bool is_name() const { return type == kind::word || type == kind::quoted; }
};
using tokens = std::vector<token>;

/// \throws sql_failure (001003) on an unfinished string or comment
tokens split_tokens(std::string_view sql);
/// At the semicolons; empty statements are dropped.
std::vector<tokens> split_statements(const tokens& all);
std::string join(const tokens& all, std::size_t from = 0, std::size_t to = std::string::npos);

/// The place of the bracket that closes the one at `open`. \throws sql_failure (001003)
std::size_t closing(const tokens& all, std::size_t open);
/// Replaces [from, to) by one token of ready text.
void replace(tokens& all, std::size_t from, std::size_t to, std::string text);

/// "ABC" <-> "abc".
std::string swap_case(std::string_view name);
std::string upper(std::string_view text);

}  // namespace gridlight::test::snowflake
