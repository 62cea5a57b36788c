#include "sync/snowflake/response.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cctype>

#include "sync/snowflake/json_walk.hpp"

namespace gridlight::sync::snowflake {
namespace {

namespace dom = simdjson::dom;

failure no_answer(std::string why) {
  return {errc::internal, "Snowflake's answer cannot be read: " + std::move(why)};
}

std::string folded(std::string_view text, int (*each)(int)) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [each](unsigned char c) { return static_cast<char>(each(c)); });
  return out;
}

std::string text_of(const dom::object& o, std::string_view name) {
  std::string_view out;
  return o[name].get(out) == simdjson::SUCCESS ? std::string{out} : std::string{};
}

std::int64_t number_of(const dom::object& o, std::string_view name) {
  std::int64_t out = 0;
  return o[name].get(out) == simdjson::SUCCESS ? out : 0;
}

// Counts are never below zero; a number that is anyway is one that fits nothing.
std::uint64_t count_of(const dom::object& o, std::string_view name) {
  std::uint64_t out = 0;
  return o[name].get(out) == simdjson::SUCCESS ? out : 0;
}

column read_column(const dom::object& o) {
  column out;
  out.name = text_of(o, "name");
  out.type = folded(text_of(o, "type"), std::tolower);
  out.extension = folded(text_of(o, "extTypeName"), std::toupper);
  out.precision = static_cast<int>(std::clamp<std::int64_t>(number_of(o, "precision"), 0, 1000));
  out.scale = static_cast<int>(std::clamp<std::int64_t>(number_of(o, "scale"), 0, 1000));
  out.length = number_of(o, "length");
  bool nullable = true;
  if (o["nullable"].get(nullable) == simdjson::SUCCESS) out.nullable = nullable;
  return out;
}

result<void> read_metadata(const dom::object& o, answer& out) {
  out.rows = count_of(o, "numRows");
  if (const std::string format = text_of(o, "format"); !format.empty() && format != "jsonv2")
    return no_answer("its format is " + format + ", not jsonv2");
  dom::array list;
  if (o["rowType"].get(list) == simdjson::SUCCESS)
    for (const dom::element e : list) {
      dom::object each;
      if (e.get(each) != simdjson::SUCCESS) return no_answer("a column is no object");
      out.columns.push_back(read_column(each));
    }
  if (o["partitionInfo"].get(list) != simdjson::SUCCESS) return {};
  std::uint64_t sum = 0;
  for (const dom::element e : list) {
    dom::object each;
    if (e.get(each) != simdjson::SUCCESS) return no_answer("a partition is no object");
    out.partitions.push_back(
        {count_of(each, "rowCount"), count_of(each, "uncompressedSize"), count_of(each, "compressedSize")});
    sum += out.partitions.back().rows;
  }
  if (!out.partitions.empty() && sum != out.rows)
    return no_answer("its partitions have " + std::to_string(sum) + " rows, the result " +
                     std::to_string(out.rows));
  return {};
}

result<answer> read_members(const dom::object& o) {
  answer out;
  out.code = text_of(o, "code");
  out.sql_state = text_of(o, "sqlState");
  out.message = text_of(o, "message");
  out.handle = text_of(o, "statementHandle");
  out.created_ms = number_of(o, "createdOn");
  dom::array handles;
  if (o["statementHandles"].get(handles) == simdjson::SUCCESS)
    for (const dom::element e : handles) {
      std::string_view handle;
      if (e.get(handle) == simdjson::SUCCESS) out.handles.emplace_back(handle);
    }
  dom::object inner;
  if (o["stats"].get(inner) == simdjson::SUCCESS)
    out.changed = {number_of(inner, "numRowsInserted"), number_of(inner, "numRowsUpdated"),
                   number_of(inner, "numRowsDeleted"), number_of(inner, "numDuplicateRowsUpdated")};
  if (o["resultSetMetaData"].get(inner) == simdjson::SUCCESS)
    if (const auto ok = read_metadata(inner, out); !ok) return ok.error();
  return out;
}

// The object without its data, which is by far the most of it.
result<std::string> without_data(std::string_view body, bool& has_data) {
  json_walk walk{body};
  if (!walk.take('{')) return no_answer("it is no JSON object");
  std::string out = "{";
  while (walk.peek() != '}') {
    if (out.size() > 1 && !walk.take(',')) return no_answer("a comma is missing");
    const std::string_view name = walk.string();
    if (name.empty() || !walk.take(':')) return no_answer("it is cut off or no JSON");
    const std::string_view value = walk.value();
    if (value.empty()) return no_answer("it is cut off or no JSON");
    if (out.size() > 1) out += ',';
    const bool data = name == "\"data\"";
    has_data |= data && value.front() == '[';
    out.append(name).append(":").append(data ? "null" : value);
  }
  walk.take('}');
  if (walk.peek() != '\0') return no_answer("something follows it");
  return out += '}';
}

}  // namespace

result<answer> read_answer(std::string_view body) {
  bool has_data = false;
  const auto small = without_data(body, has_data);
  if (!small) return small.error();
  dom::parser parser;
  dom::object object;
  if (const auto e = parser.parse(*small).get(object); e != simdjson::SUCCESS)
    return no_answer(simdjson::error_message(e));
  auto out = read_members(object);
  if (out) out->has_data = has_data;
  return out;
}

}  // namespace gridlight::sync::snowflake
