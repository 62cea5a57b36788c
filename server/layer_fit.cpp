#include "server/layer_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "server/postgres/statement.hpp"

namespace gridlight {
namespace {

namespace oid = postgres::oid;

property as_property(const column& c) {
  struct native {
    Oid type;
    std::string_view json, format;
  };
  static constexpr native natives[] = {
      {oid::boolean, "boolean", ""},
      {oid::int2, "integer", ""},
      {oid::int4, "integer", ""},
      {oid::int8, "integer", ""},
      {oid::float4, "number", ""},
      {oid::float8, "number", ""},
      {oid::numeric, "number", ""},
      {oid::text, "string", ""},
      {oid::varchar, "string", ""},
      {oid::bpchar, "string", ""},
      {oid::date, "string", "date"},
      {oid::timestamp, "string", "date-time"},
      {oid::timestamptz, "string", "date-time"},
      {oid::uuid, "string", "uuid"},
      {oid::json, "object", ""},
      {oid::jsonb, "object", ""},
  };
  for (const native& n : natives)
    if (n.type == c.type) return {c.name, c.type, false, n.json, n.format};
  return {c.name, oid::text, true, "string", ""};
}

bool is_spatial(const column& c) {
  return c.type_name == "geometry" || c.type_name == "geography";
}

bool is_number(const column& c) {
  return c.type == oid::float4 || c.type == oid::float8 || c.type == oid::numeric || c.type == oid::int2 ||
         c.type == oid::int4 || c.type == oid::int8;
}

bool is_text(const column& c) {
  return c.type == oid::text || c.type == oid::varchar || c.type == oid::bpchar;
}

// "geometry(PointZ,4326)" → "Point" and 4326; a bare "geometry" → "Geometry" and 0, a bare "geography" →
// 4326.
std::pair<std::string, int> spatial_type(const column& c) {
  const auto open = c.declared.find('('), comma = c.declared.find(',');
  if (open == std::string::npos) return {"Geometry", c.type_name == "geography" ? 4326 : 0};
  std::string kind = c.declared.substr(open + 1, c.declared.find_first_of(",)") - open - 1);
  while (kind.ends_with('Z') || kind.ends_with('M'))
    kind.pop_back();
  int srid = c.type_name == "geography" ? 4326 : 0;
  if (comma != std::string::npos)
    std::from_chars(c.declared.data() + comma + 1, c.declared.data() + c.declared.size(), srid);
  return {kind, srid};
}

bool may_hold(geometry_kind declared, std::string_view column_kind) {
  if (column_kind == "Geometry" || declared == geometry_kind::mixed) return true;
  switch (declared) {
    case geometry_kind::point:
      return column_kind == "Point";
    case geometry_kind::line:
      return column_kind == "LineString" || column_kind == "MultiLineString";
    case geometry_kind::polygon:
      return column_kind == "Polygon" || column_kind == "MultiPolygon";
    default:
      return false;
  }
}

bool is_coordinate(std::string_view column) {
  std::string lower;
  for (const char c : column)
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string_view name : {"latitude", "longitude", "lat", "lon", "lng"})
    if (lower == name) return true;
  return false;
}

// Fits one declared layer to its relation; throws nothing, the fault is a text for people.
class fitting {
 public:
  fitting(const layer_config& declared, const relation& found) : found_(found) { out_.config = declared; }

  /// The reason why it does not fit, or empty.
  std::string run();
  layer take() { return std::move(out_); }

 private:
  std::string table() const { return out_.config.schema + "." + out_.config.table; }
  const column* use(std::string_view name, std::string_view what);
  void fit_geometry();
  void fit_properties();

  const relation& found_;
  layer out_;
  std::string fault_;
};

// A column that the layer reads; the first fault is kept.
const column* fitting::use(std::string_view name, std::string_view what) {
  const column* c = found_.find(name);
  if (c != nullptr && c->readable) return c;
  if (!fault_.empty()) return nullptr;
  if (c == nullptr) {
    std::vector<std::string_view> columns;
    for (const column& each : found_.columns)
      columns.push_back(each.name);
    fault_ = fmt::format("{} has no column {}, which is {}; it has {}", table(), name, what,
                         fmt::join(columns, ", "));
  } else {
    fault_ = fmt::format("no SELECT privilege on column {} of {}", name, table());
  }
  return nullptr;
}

void fitting::fit_geometry() {
  const layer_config& l = out_.config;
  if (!out_.has_geometry()) return;
  if (!l.longitude.empty()) {
    for (const std::string& name : {l.longitude, l.latitude}) {
      const column* c = use(name, "its longitude or latitude");
      if (c != nullptr && !is_number(*c) && fault_.empty())
        fault_ = fmt::format("{} of {} is {}, no number", name, table(), c->declared);
    }
    return;
  }
  const column* c = use(l.geometry, "its geometry");
  if (c == nullptr || !fault_.empty()) return;
  if (!is_spatial(*c)) {
    fault_ = fmt::format("{} of {} is {}, neither geometry nor geography", l.geometry, table(), c->declared);
    return;
  }
  const auto [kind, srid] = spatial_type(*c);
  out_.geography = c->type_name == "geography";
  out_.srid = srid;
  if (srid != 4326 && srid != 0) {
    fault_ = fmt::format("{} of {} has SRID {}; it must be 4326", l.geometry, table(), srid);
  } else if (!may_hold(l.geometry_type, kind)) {
    fault_ = fmt::format("{} of {} is {}, but the layer's geometry_type is {}", l.geometry, table(),
                         c->declared, name(l.geometry_type));
  }
}

void fitting::fit_properties() {
  layer_config& l = out_.config;
  const auto is_geometry = [&](const column& c) {
    return is_spatial(c) || c.name == l.longitude || c.name == l.latitude;
  };
  for (const std::string& name : l.properties)
    if (const column* c = use(name, "one of its properties")) out_.properties.push_back(as_property(*c));
  if (l.properties.empty()) {
    for (const column& c : found_.columns) {
      const bool in_key = std::find(l.key.begin(), l.key.end(), c.name) != l.key.end();
      if (!in_key && !is_geometry(c) && c.readable) out_.properties.push_back(as_property(c));
    }
  }
  // A hidden place must not be told by the numbers that it was made of.
  if (out_.hides_place())
    for (const property& p : out_.properties)
      if (is_coordinate(p.name) &&
          std::find(l.personal.begin(), l.personal.end(), p.name) == l.personal.end())
        l.personal.push_back(p.name);
  if (!l.snap_by.empty()) use(l.snap_by, "what its place is snapped by");
  if (!l.circuit.empty()) use(l.circuit, "its circuit");
  for (const std::string& name : l.search) {
    const column* c = use(name, "what a search looks through");
    if (c != nullptr && !is_text(*c) && fault_.empty())
      fault_ = fmt::format("{} of {} is {}, no text to search", name, table(), c->declared);
  }
  if (!l.tiles.merge.empty()) use(l.tiles.merge, "what its tiles merge lines by");
  if (!l.tiles.rank.empty()) {
    const column* c = use(l.tiles.rank, "what its tiles rank features by");
    if (c != nullptr && !is_number(*c) && fault_.empty())
      fault_ = fmt::format("{} of {} is {}, no number to rank by", l.tiles.rank, table(), c->declared);
  }
  // A slip in `personal` must not publish what it meant to hide.
  for (const std::string& name : l.personal)
    if (found_.find(name) == nullptr && fault_.empty())
      fault_ = fmt::format("{} has no column {}, which is declared personal", table(), name);
}

std::string fitting::run() {
  const layer_config& l = out_.config;
  if (!found_.found)
    return fmt::format("{} does not exist{}", table(),
                       l.mode == layer_mode::managed ? "; run gridlight migrate, or load the layer" : "");
  if (!found_.schema_usable) return fmt::format("no USAGE privilege on schema {}", l.schema);
  for (const std::string& name : l.key)
    if (const column* c = use(name, "its key")) {
      out_.key.push_back(as_property(*c));
      out_.key_by_bytes =
          l.key.size() == 1 && c->by_bytes && (c->type == oid::text || c->type == oid::varchar);
    }
  fit_geometry();
  fit_properties();
  return fault_;
}

// Columns of these types can be compared by =.
bool comparable(Oid a, Oid b) {
  const auto kind = [](Oid type) -> Oid {
    if (type == oid::text || type == oid::varchar || type == oid::bpchar) return oid::text;
    if (type == oid::int2 || type == oid::int4 || type == oid::int8) return oid::int8;
    return type;
  };
  return kind(a) == kind(b);
}

}  // namespace

std::string fit_layer(layer& out, const layer_config& declared, const relation& found) {
  fitting fit{declared, found};
  std::string reason = fit.run();
  out = fit.take();
  return reason;
}

std::string fit_snap(layer& l, const relation& own, std::span<const layer> layers,
                     const std::map<std::string, const relation*, std::less<>>& relations) {
  const std::string& wanted = l.config.snap_layer;
  const auto at = std::find_if(layers.begin(), layers.end(),
                               [&](const layer& other) { return other.config.name == wanted; });
  if (at == layers.end())
    return fmt::format("its places are snapped to layer {}, which is not served", wanted);
  const layer_config& other = at->config;
  if (!at->has_geometry() || at->hides_place() || at->key.size() != 1)
    return fmt::format(
        "its places are snapped to layer {}, which must have one key column and places that are "
        "not personal",
        wanted);
  const column *by = own.find(l.config.snap_by), *key = relations.at(wanted)->find(other.key.front());
  if (by == nullptr || key == nullptr || !comparable(by->type, key->type))
    return fmt::format("{}, which its places are snapped by, is no {} as the key of layer {} is",
                       l.config.snap_by, key == nullptr ? "column" : key->declared, wanted);
  l.snap = stand_in{wanted,         other.schema,    other.table,    other.key.front(), l.config.snap_by,
                    other.geometry, other.longitude, other.latitude, at->geography,     at->versioned};
  return {};
}

}  // namespace gridlight
