// The declared layers against what the database has.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numbers>
#include <utility>

#include "server/catalog.hpp"
#include "server/postgres/statement.hpp"
#include "server/unwatched.hpp"

namespace gridlight {
namespace {

namespace oid = postgres::oid;

struct column {
  std::string name;
  Oid type = 0;           // base type of a domain
  std::string type_name;  // "geometry", "float8"
  std::string declared;   // "geometry(Point,4326)"
  bool readable = false;
  bool by_bytes = false;  // collated "C"
};

struct relation {
  bool found = false, schema_usable = false;
  double tuples = 0;      // planner's estimate; below 0: never analysed
  std::string qualified;  // as gridlight.watched has it
  std::vector<column> columns;

  const column* find(std::string_view wanted) const {
    const auto at =
        std::find_if(columns.begin(), columns.end(), [&](const column& c) { return c.name == wanted; });
    return at == columns.end() ? nullptr : &*at;
  }
};

// What gridlight.layer_state knows of a layer, or rather of the table that is watched under its name.
struct known_state {
  std::string table;
  std::int64_t rows = -1;  // -1: not counted
  double area_km2 = 0;
};

// One row a column; a relation that is not there gives one row without a column.
constexpr std::string_view columns_sql = R"(
SELECT d.n, c.oid IS NOT NULL, coalesce(has_schema_privilege(s.oid, 'USAGE'), false), coalesce(c.reltuples, -1)::float8,
       a.attname::text, b.oid::int8, b.typname::text,
       format_type(b.oid, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END),
       coalesce(has_column_privilege(c.oid, a.attnum, 'SELECT'), false),
       coalesce(a.attcollation IN ('pg_catalog."C"'::regcollation, 'pg_catalog."POSIX"'::regcollation), false),
       format('%I.%I', d.schema_name, d.table_name)
FROM unnest($1, $2) WITH ORDINALITY AS d(schema_name, table_name, n)
LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = d.schema_name
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = d.table_name
                               AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
ORDER BY d.n, a.attnum)";

// to_regclass would fail, not answer null, on a schema that we may not use.
constexpr std::string_view state_exists_sql = R"(
SELECT count(*) FILTER (WHERE has_schema_privilege(s.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) = 2
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = 'gridlight' AND c.relname IN ('layer_state', 'watched'))";

constexpr std::string_view state_sql = R"(
SELECT layer, coalesce(row_count, -1), ST_XMin(bounds), ST_YMin(bounds), ST_XMax(bounds), ST_YMax(bounds), relation
FROM gridlight.watched LEFT JOIN gridlight.layer_state USING (layer))";

// A text[] in its text form.
std::string array_text(std::span<const layer_config> layers, std::string layer_config::*member) {
  std::string out = "{";
  for (const layer_config& l : layers) {
    out += out.size() == 1 ? "\"" : ",\"";
    for (const char c : l.*member) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out + '}';
}

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

double area_km2(double west, double south, double east, double north) {
  constexpr double radius_km = 6371.0088, degree = std::numbers::pi / 180;
  const double area =
      radius_km * radius_km * (east - west) * degree * (std::sin(north * degree) - std::sin(south * degree));
  return std::isfinite(area) && area > 0 ? area : 0;
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

std::vector<relation> read_relations(const postgres::result_set& rows, std::size_t count) {
  std::vector<relation> out(count);
  for (int r = 0; r < rows.rows(); ++r) {
    relation& to = out[static_cast<std::size_t>(rows.integer(r, 0) - 1)];
    to.found = rows.boolean(r, 1);
    to.schema_usable = rows.boolean(r, 2);
    to.tuples = rows.number(r, 3);
    to.qualified = rows.text(r, 10);
    if (rows.is_null(r, 4)) continue;
    to.columns.push_back({std::string{rows.text(r, 4)}, static_cast<Oid>(rows.integer(r, 5)),
                          std::string{rows.text(r, 6)}, std::string{rows.text(r, 7)}, rows.boolean(r, 8),
                          rows.boolean(r, 9)});
  }
  return out;
}

using state_map = std::map<std::string, known_state, std::less<>>;

// What is said of the layers whose tables are watched; nothing when we may not read it.
boost::asio::awaitable<result<state_map>> read_state(postgres::connection& db, deadline until) {
  static const postgres::statement exists{std::string{state_exists_sql}, {}, {oid::boolean}};
  static const postgres::statement read{std::string{state_sql}};
  const auto there = co_await db.query(exists, {}, until);
  if (!there) co_return there.error();
  state_map out;
  if (!there->boolean(0, 0)) co_return out;
  const auto rows = co_await db.query(read, {}, until);
  if (!rows) co_return rows.error();
  for (int r = 0; r < rows->rows(); ++r) {
    known_state& s = out[std::string{rows->text(r, 0)}];
    s.rows = rows->integer(r, 1);
    s.table = rows->text(r, 6);
    if (!rows->is_null(r, 2))
      s.area_km2 = area_km2(rows->number(r, 2), rows->number(r, 3), rows->number(r, 4), rows->number(r, 5));
  }
  co_return out;
}

// A geometry column that declares no SRID: that of its first row; a table without one has the right one.
boost::asio::awaitable<std::string> check_srid(postgres::connection& db, layer& l, deadline until) {
  const auto quote = postgres::connection::quote_identifier;
  const std::string geom = quote(l.config.geometry),
                    table = quote(l.config.schema) + "." + quote(l.config.table);
  const postgres::statement first{
      fmt::format("SELECT ST_SRID({0}) FROM {1} WHERE {0} IS NOT NULL LIMIT 1", geom, table),
      {},
      {oid::int4}};
  const auto rows = co_await db.query(first, {}, until);
  if (!rows)
    co_return fmt::format("the SRID of {} could not be read: {}", l.config.geometry, rows.error().log_detail);
  l.srid = 4326;
  const std::int64_t srid = rows->rows() == 0 ? 4326 : rows->integer(0, 0);
  if (srid == 4326) co_return std::string{};
  co_return fmt::format("{} of {}.{} has SRID {}; it must be 4326", l.config.geometry, l.config.schema,
                        l.config.table, srid);
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

// Finds what stands in for the places that `l` hides; the reason why it cannot, or empty.
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

}  // namespace

boost::asio::awaitable<result<catalog>> read_catalog(postgres::connection& db,
                                                     std::span<const layer_config> declared, deadline until) {
  static const postgres::statement columns{
      std::string{columns_sql},
      {oid::text_array, oid::text_array},
      {oid::int8, oid::boolean, oid::boolean, oid::float8, oid::text, oid::int8, oid::text, oid::text,
       oid::boolean, oid::boolean, oid::text}};
  postgres::arguments names;
  names.add_text(array_text(declared, &layer_config::schema))
      .add_text(array_text(declared, &layer_config::table));
  const auto rows = co_await db.query(columns, names, until);
  if (!rows) co_return rows.error();
  const auto relations = read_relations(*rows, declared.size());
  const auto state = co_await read_state(db, until);
  if (!state) co_return state.error();
  const auto silent = co_await read_unwatched(db, until);
  if (!silent) co_return silent.error();

  std::vector<layer> layers;
  std::vector<catalog::unusable> broken;
  for (std::size_t i = 0; i < declared.size(); ++i) {
    fitting fit{declared[i], relations[i]};
    std::string reason = fit.run();
    layer l = fit.take();
    if (reason.empty() && !l.config.geometry.empty() && l.has_geometry() && l.srid == 0)
      reason = co_await check_srid(db, l, until);
    if (db.broken()) co_return failure{errc::database_unavailable, "the database connection was lost"};
    if (!reason.empty()) {
      broken.push_back({declared[i].name, std::move(reason)});
      continue;
    }
    known_state known;
    // Under its name another table may be watched, a built-in one: of that it is told, not of the layer's.
    const auto told = state->find(l.config.name);
    l.versioned = told != state->end() && told->second.table == relations[i].qualified;
    if (l.versioned) known = told->second;
    l.estimated_rows =
        known.rows >= 0 ? known.rows : std::max<std::int64_t>(0, std::llround(relations[i].tuples));
    l.extent_area_km2 = known.area_km2;
    // What its version says may be of the table that had this name before.
    if (const auto at = silent->find(l.config.name); at != silent->end() && at->second.whole)
      l.versioned = false;
    layers.push_back(std::move(l));
  }
  std::map<std::string, const relation*, std::less<>> by_name;
  for (std::size_t i = 0; i < declared.size(); ++i)
    by_name.emplace(declared[i].name, &relations[i]);
  for (std::size_t i = 0; i < layers.size();) {
    layer& l = layers[i];
    std::string reason;
    if (!l.config.snap_layer.empty()) reason = fit_snap(l, *by_name.at(l.config.name), layers, by_name);
    if (reason.empty()) {
      ++i;
      continue;
    }
    broken.push_back({l.config.name, std::move(reason)});
    layers.erase(layers.begin() + static_cast<std::ptrdiff_t>(i));
  }
  co_return catalog{std::move(layers), std::move(broken)};
}

}  // namespace gridlight
