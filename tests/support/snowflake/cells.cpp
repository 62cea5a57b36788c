#include "tests/support/snowflake/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "geo/wkb.hpp"
#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"
#include "tests/support/snowflake/times.hpp"

namespace gridlight::test::snowflake {
namespace {

std::string format_for(const std::string& kind, const parameters& given) {
  const auto find = [&](const std::string& name) {
    const auto found = given.find(name);
    return found == given.end() || found->second == "AUTO" ? std::string{} : found->second;
  };
  if (kind == "date" || kind == "time" || kind == "binary") return find(upper(kind) + "_OUTPUT_FORMAT");
  if (!kind.starts_with("timestamp")) return "";
  std::string own = find(upper(kind) + "_OUTPUT_FORMAT");
  return own.empty() ? find("TIMESTAMP_OUTPUT_FORMAT") : own;
}

std::vector<std::byte> unhex(std::string_view text) {
  std::vector<std::byte> out;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<std::byte>(digit(text[i]) * 16 + digit(text[i + 1])));
  return out;
}

// `<seconds>.<nanoseconds>[ <offset+1440>]`, as raw columns hold it.
std::string raw_moment(std::string_view value, const std::string& format) {
  const auto space = value.find(' '), point = value.find('.');
  const std::string digits{point == std::string_view::npos ? "" : value.substr(point + 1, space - point - 1)};
  moment at{std::atoll(std::string{value.substr(0, point)}.c_str()),
            std::atoll((digits + std::string(9 - std::min<std::size_t>(9, digits.size()), '0')).c_str())};
  if (value.front() == '-' && at.nanoseconds != 0) at = {at.seconds - 1, 1'000'000'000 - at.nanoseconds};
  const int offset =
      space == std::string_view::npos ? 0 : std::atoi(std::string{value.substr(space + 1)}.c_str()) - 1440;
  return formatted(at, offset, format);
}

std::string time_text(const column& c, std::string_view value, const settings& how) {
  if (c.raw && !c.format.empty() && c.kind == "date")
    return formatted({std::atoll(std::string{value}.c_str()) * 86'400, 0}, 0, c.format);
  if (c.raw) return c.format.empty() ? std::string{value} : raw_moment(value, c.format);
  if (value == "infinity" || value == "-infinity" || value.ends_with("BC"))
    throw sql_failure{422, "100035", "22007", "Timestamp '" + std::string{value} + "' is not recognized"};
  if (!c.format.empty()) return formatted(read_moment(value), 0, c.format);
  if (c.kind == "date") return std::to_string(days_of(value));
  return epoch_text(read_moment(value), how);
}

std::string geo_text(std::string_view value) {
  std::string out;
  if (!geo::append_geojson(out, unhex(value), 14))
    throw sql_failure{422, "100205", "22000", "Invalid geometry"};
  return out;
}

void note_scale(column& c, std::string_view value) {
  const auto point = value.find('.');
  if (point != std::string_view::npos)
    c.scale = std::max(c.scale, static_cast<int>(value.size() - point - 1));
}

std::string member(std::string_view name, int value) {
  return fmt::format(R"("{}":{})", name, value < 0 ? "null" : std::to_string(value));
}

}  // namespace

std::vector<column> describe_columns(database& session, const PGresult* result, const parameters& given) {
  const int count = PQnfields(result);
  std::string types, modifiers, tables, attributes;
  for (int i = 0; i < count; ++i) {
    const std::string_view comma = i == 0 ? "" : ",";
    types += fmt::format("{}{}", comma, PQftype(result, i));
    modifiers += fmt::format("{}{}", comma, PQfmod(result, i));
    tables += fmt::format("{}{}", comma, PQftable(result, i));
    attributes += fmt::format("{}{}", comma, PQftablecol(result, i));
  }
  const database::rows found =
      session.run(fmt::format("SELECT * FROM snowflake.describe('{{{}}}', '{{{}}}', '{{{}}}', '{{{}}}')",
                              types, modifiers, tables, attributes));
  std::vector<column> out;
  for (int i = 0; i < count; ++i) {
    const auto text = [&](int field) { return std::string{PQgetvalue(found.get(), i, field)}; };
    const auto integer = [&](int field) {
      return PQgetisnull(found.get(), i, field) != 0 ? -1 : std::atoi(PQgetvalue(found.get(), i, field));
    };
    column c{swap_case(PQfname(result, i)),
             text(0),
             text(1) == "t",
             integer(2),
             integer(3),
             integer(4),
             text(5) == "t",
             text(6),
             text(7),
             text(8),
             {},
             false};
    if (c.kind == "fixed" && c.scale < 0) {
      c.scale_from_values = true;
      c.scale = 0;
    }
    c.format = format_for(c.kind, given);
    out.push_back(std::move(c));
  }
  return out;
}

void append_json(std::string& out, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(done, i - done));
    done = i + 1;
    if (c == '"' || c == '\\')
      (out += '\\') += static_cast<char>(c);
    else if (c == '\n')
      out += "\\n";
    else
      ((out += "\\u00") += hex[c >> 4]) += hex[c & 15];
  }
  out.append(text.substr(done));
  out += '"';
}

std::string json(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

void append_cell(std::string& out, column& c, std::string_view value, const settings& how) {
  if (c.kind == "fixed") {
    if (c.scale_from_values) note_scale(c, value);
    append_json(out, value);
  } else if (c.kind == "date" || c.kind == "time" || c.kind.starts_with("timestamp")) {
    append_json(out, time_text(c, value, how));
  } else if (c.raw) {
    const std::size_t start = out.size();
    append_json(out, value);
    for (auto at = out.find("\u2400", start); at != std::string::npos; at = out.find("\u2400", at))
      out.replace(at, 3, "\\u0000");
  } else if (c.kind == "boolean") {
    out += value == "t" ? "\"true\"" : "\"false\"";
  } else if (c.kind == "real") {
    append_json(out, value == "Infinity" ? "inf" : value == "-Infinity" ? "-inf" : value);
  } else if (c.kind == "binary") {
    append_json(out, upper(value.substr(2)));
  } else if (c.kind == "geography" || c.kind == "geometry") {
    append_json(out, geo_text(value));
  } else {
    append_json(out, value);
  }
}

std::string row_type(const std::vector<column>& columns, const settings& how) {
  std::string out = "[";
  for (const column& c : columns) {
    const bool geo = c.kind == "geography" || c.kind == "geometry";
    const std::string kind = geo && !how.geography_as_type ? "object" : c.kind;
    if (out.size() > 1) out += ',';
    out += R"({"name":)" + json(c.name) + R"(,"database":)" + json(c.database) + R"(,"schema":)" +
           json(c.schema) + R"(,"table":)" + json(c.table) + R"(,"type":)" +
           json(how.upper_types ? upper(kind) : kind) + "," + member("precision", c.precision) + "," +
           member("scale", c.scale) + "," + member("length", c.length) + "," +
           member("byteLength", c.length) +
           (c.nullable ? R"(,"nullable":true,"collation":null)" : R"(,"nullable":false,"collation":null)");
    if (geo && !how.geography_as_type) out += R"(,"extTypeName":)" + json(upper(c.kind));
    out += '}';
  }
  return out + "]";
}

}  // namespace gridlight::test::snowflake
