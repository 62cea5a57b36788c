#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/snowflake/database.hpp"
#include "tests/support/snowflake/settings.hpp"

namespace gridlight::test::snowflake {

/// A result's column, as rowType shows it; -1 is null.
struct column {
  std::string name, kind;
  bool raw = false;  ///< the value is what goes over the wire already
  int precision = -1, scale = -1, length = -1;
  bool nullable = true;
  std::string database, schema, table;
  std::string format;  ///< *_OUTPUT_FORMAT, or empty
  bool scale_from_values = false;
};

/// `parameters` of a request, names in upper case.
using parameters = std::map<std::string, std::string>;

/// What the result's columns are. Asks the database.
std::vector<column> describe_columns(database& session, const PGresult* result, const parameters& given);

/// Appends Postgres's text of a value as section 4 of the contract writes it, JSON quotes included.
void append_cell(std::string& out, column& c, std::string_view value, const settings& how);

/// Appends a JSON string; U+2400, with which a raw text stands for it, becomes U+0000.
void append_json(std::string& out, std::string_view text);
std::string json(std::string_view text);

/// The members of resultSetMetaData.rowType, as a JSON array.
std::string row_type(const std::vector<column>& columns, const settings& how);

}  // namespace gridlight::test::snowflake
