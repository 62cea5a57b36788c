#include <string>
#include <string_view>

#include "server/postgres/connection.hpp"

namespace gridlight::postgres {
namespace {

errc code_of(std::string_view state) {
  if (state == "57014" || state == "55P03") return errc::deadline;
  if (state == "53300" || state.starts_with("57P") || state.starts_with("08"))
    return errc::database_unavailable;
  if (state == "22021") return errc::bad_parameter;  // text that is no UTF-8 can only have come from a client
  // A table, column or right that is not there, or a column of another type: 42501 is what a role meets from
  // which a grant was taken.
  if (state == "42P01" || state == "42703" || state == "42804" || state == "42501")
    return errc::schema_mismatch;
  return errc::internal;
}

// What a client may read: nothing of the server's own words.
std::string_view words(errc code) {
  switch (code) {
    case errc::deadline:
      return "the query did not finish within the time allowed";
    case errc::database_unavailable:
      return "the database cannot be reached";
    case errc::bad_parameter:
      return "a text value is not valid UTF-8";
    case errc::schema_mismatch:
      return "the database does not have the tables or columns that are expected, or not the right to read "
             "them";
    default:
      return "the query failed";
  }
}

}  // namespace

failure from_sqlstate(std::string_view sqlstate, std::string_view message) {
  const errc code = code_of(sqlstate);
  std::string log{sqlstate};
  log += ": ";
  for (const char c : message) {  // libpq's own words come in several lines
    const bool space = c == '\n' || c == '\t' || c == ' ';
    if (!space || log.back() != ' ') log += space ? ' ' : c;
  }
  if (log.back() == ' ') log.pop_back();
  return {code, std::string{words(code)}, {}, std::move(log)};
}

}  // namespace gridlight::postgres
