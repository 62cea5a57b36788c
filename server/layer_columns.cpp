#include "server/layer_columns.hpp"

#include <algorithm>

#include "server/postgres/connection.hpp"

namespace gridlight {
namespace {

std::string quoted(std::string_view name) {
  return postgres::connection::quote_identifier(name);
}

}  // namespace

std::vector<property> served_properties(const layer& l) {
  std::vector<property> out;
  for (const property& p : l.properties)
    if (std::find(l.config.personal.begin(), l.config.personal.end(), p.name) == l.config.personal.end())
      out.push_back(p);
  return out;
}

namespace layer_columns {
namespace {

place place_at(const std::string& alias, const std::string& geometry, const std::string& longitude,
               const std::string& latitude, bool geography) {
  if (!longitude.empty()) {
    const std::string made =
        "ST_SetSRID(ST_MakePoint(" + alias + quoted(longitude) + ", " + alias + quoted(latitude) + "), 4326)";
    return {made, made + "::geography"};
  }
  const std::string column = alias + quoted(geometry);
  return {column + (geography ? "::geometry" : ""), column + (geography ? "" : "::geography")};
}

// Times are told in ISO 8601; sessions are in UTC.
std::string part_text(const property& p) {
  const std::string text = "t." + quoted(p.name) + "::text";
  if (p.cast_to_text) return text;
  if (p.type == postgres::oid::timestamp) return "replace(" + text + ", ' ', 'T')";
  if (p.type == postgres::oid::timestamptz) return "replace(replace(" + text + ", ' ', 'T'), '+00', 'Z')";
  return text;
}

}  // namespace

std::string table(const layer& l) {
  return quoted(l.config.schema) + "." + quoted(l.config.table) + " t";
}

std::string join(const layer& l) {
  if (!l.snap) return {};
  return " LEFT JOIN " + quoted(l.snap->schema) + "." + quoted(l.snap->table) + " a ON a." +
         quoted(l.snap->key) + " = t." + quoted(l.snap->by);
}

place place_of(const layer& l) {
  if (!l.has_place()) return {};
  if (l.snap) return place_at("a.", l.snap->geometry, l.snap->longitude, l.snap->latitude, l.snap->geography);
  return place_at("t.", l.config.geometry, l.config.longitude, l.config.latitude, l.geography);
}

std::string read(const property& p) {
  return "t." + quoted(p.name) + (p.cast_to_text ? "::text" : "");
}

std::string key_text(const layer& l) {
  if (l.key.size() == 1) return part_text(l.key[0]);
  std::string out;
  for (const property& p : l.key) {
    const std::string escaped = "replace(replace(" + part_text(p) + R"(, '\', '\\'), ':', '\:'))";
    out += (out.empty() ? "" : " || ':' || ") + escaped;
  }
  return out;
}

}  // namespace layer_columns
}  // namespace gridlight
