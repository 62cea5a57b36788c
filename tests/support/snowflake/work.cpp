#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "tests/support/snowflake/statement.hpp"

namespace gridlight::test::snowflake {
namespace {

using simdjson::dom::element;

constexpr auto known_parameters = std::to_array<std::string_view>(
    {"MULTI_STATEMENT_COUNT", "QUERY_TAG", "ROWS_PER_RESULTSET", "TIMEZONE", "USE_CACHED_RESULT",
     "BINARY_OUTPUT_FORMAT", "DATE_OUTPUT_FORMAT", "TIME_OUTPUT_FORMAT", "TIMESTAMP_OUTPUT_FORMAT",
     "TIMESTAMP_LTZ_OUTPUT_FORMAT", "TIMESTAMP_NTZ_OUTPUT_FORMAT", "TIMESTAMP_TZ_OUTPUT_FORMAT",
     "CLIENT_RESULT_CHUNK_SIZE"});

sql_failure bad_payload(const std::string& why) {
  return {400, "390142", "42601", "Incoming request does not contain a valid payload: " + why};
}

std::string text(element e, std::string_view name) {
  std::string_view found;
  const auto member = e[name];
  if (member.error() == simdjson::NO_SUCH_FIELD || member.is_null()) return "";
  if (member.get(found) != simdjson::SUCCESS) throw bad_payload(std::string{name} + " is no string");
  return std::string{found};
}

std::optional<std::string> bound_value(element e) {
  if (e.is_null()) return {};
  std::string_view found;
  if (e.get(found) != simdjson::SUCCESS) throw bad_payload("a binding's value is no string");
  return std::string{found};
}

void read_binds(element body, binds& out) {
  simdjson::dom::object members;
  if (body["bindings"].get(members) != simdjson::SUCCESS) return;
  out.resize(members.size());
  for (const auto& [name, value] : members) {
    const auto slot = static_cast<std::size_t>(std::atoi(std::string{name}.c_str()));
    if (slot < 1 || slot > out.size()) throw bad_payload("binding " + std::string{name});
    bind& b = out[slot - 1];
    b.type = text(value, "type");
    element given;
    if (value["value"].get(given) != simdjson::SUCCESS) throw bad_payload("a binding without a value");
    b.array = given.is_array();
    if (!b.array) {
      b.values.push_back(bound_value(given));
      continue;
    }
    for (const element one : given.get_array())
      b.values.push_back(bound_value(one));
  }
}

void read_parameters(element body, parameters& out) {
  simdjson::dom::object members;
  if (body["parameters"].get(members) != simdjson::SUCCESS) return;
  for (const auto& [name, value] : members) {
    const std::string key = upper(name);
    if (std::find(known_parameters.begin(), known_parameters.end(), key) == known_parameters.end())
      throw bad_payload("parameter " + key);
    std::string_view given;
    out[key] = value.get(given) == simdjson::SUCCESS ? std::string{given} : simdjson::to_string(value);
  }
}

}  // namespace

work read_work(const std::string& body) {
  simdjson::dom::parser parser;
  element e;
  if (parser.parse(body).get(e) != simdjson::SUCCESS || !e.is_object()) throw bad_payload("no JSON object");
  work out;
  out.sql = text(e, "statement");
  if (out.sql.empty()) throw bad_payload("no statement");
  std::int64_t timeout = 0;
  if (e["timeout"].get(timeout) == simdjson::SUCCESS) out.timeout = std::chrono::seconds{timeout};
  out.where = {text(e, "database"), text(e, "schema"), text(e, "warehouse"), text(e, "role")};
  read_binds(e, out.values);
  read_parameters(e, out.given);
  return out;
}

}  // namespace gridlight::test::snowflake
