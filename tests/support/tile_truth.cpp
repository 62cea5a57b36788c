#include "tests/support/tile_truth.hpp"

#include <algorithm>
#include <stdexcept>

#include "geo/mvt.hpp"
#include "server/config.hpp"
#include "server/layer_columns.hpp"
#include "server/postgres/blocking.hpp"
#include "tests/support/lattice_sql.hpp"

namespace gridlight::test {
namespace {

namespace oid = postgres::oid;

constexpr std::string_view ident_tag = "@ident";

std::string sql_name(std::string_view name) {
  return postgres::connection::quote_identifier(name);
}

std::string numbers(const geo::tile& t) {
  return std::to_string(t.z) + "," + std::to_string(t.x) + "," + std::to_string(t.y);
}

// A value as tiles hold it: times in ISO 8601 and UTC, numerics as doubles, what MVT does not know as text.
std::string as_tagged(const std::string& column, Oid type) {
  switch (type) {
    case oid::numeric:
      return column + "::float8";
    case oid::timestamp:
      return "replace(" + column + "::text, ' ', 'T')";
    case oid::timestamptz:
      return "replace((" + column + " AT TIME ZONE 'UTC')::text, ' ', 'T') || 'Z'";
    case oid::boolean:
    case oid::int2:
    case oid::int4:
    case oid::int8:
    case oid::float4:
    case oid::float8:
      return column;
    default:
      return column + "::text";
  }
}

std::string shape_sql(const std::string& geometry, const geo::tile& t) {
  return "ST_AsMVTGeom(ST_Transform(" + geometry + ", 3857), ST_TileEnvelope(" + numbers(t) +
         "), 4096, 64, true) AS g";
}

bool is_integer(Oid type) {
  return type == oid::int2 || type == oid::int4 || type == oid::int8;
}

}  // namespace

std::shared_ptr<const catalog> read_catalog_of(const temp_db& db, const std::string& yaml) {
  auto declared = parse_config(yaml, "test");
  if (!declared) throw std::runtime_error{declared.error().detail};
  postgres::connect_options options;
  options.uri = secret{db.uri()};
  std::shared_ptr<const catalog> out;
  postgres::run_blocking([&](boost::asio::any_io_executor executor) -> boost::asio::awaitable<int> {
    const auto until = deadline_in(std::chrono::seconds{20});
    auto opened = co_await postgres::connection::open(executor, options, until);
    if (!opened) throw std::runtime_error{opened.error().log_detail};
    auto found = co_await read_catalog(*opened, declared->layers, until);
    if (!found) throw std::runtime_error{found.error().log_detail};
    out = std::make_shared<const catalog>(*std::move(found));
    co_return 0;
  });
  return out;
}

features_by_id features_of_tile(std::string_view bytes, bool lenient) {
  features_by_id out;
  auto layers = read_tile(bytes, lenient);
  if (layers.size() > 1) throw std::runtime_error{"the tile has several layers"};
  for (auto& l : layers)
    for (auto& f : l.features)
      if (const auto id = f.id; !out.emplace(id, std::move(f)).second)
        throw std::runtime_error{"the tile has feature " + std::to_string(id) + " twice"};
  return out;
}

tile_truth::tile_truth(const temp_db& db, const layer& l)
    : db_(db),
      layer_(l),
      key_(layer_columns::key_text(l)),
      geometry_(layer_columns::place_of(l).geometry),
      from_(layer_columns::table(l) + layer_columns::join(l)),
      table_("gridlight_tiles." + sql_name(l.config.name)) {
  const auto rows =
      db.rows("SELECT detail_zoom FROM gridlight.tile_state WHERE layer = '" + l.config.name + "'");
  if (!rows.empty()) detail_ = std::stoi(rows[0][0]);
}

std::int64_t tile_truth::count() const {
  return std::stoll(db_.value("SELECT count(*) FROM " + from_ + " WHERE NOT ST_IsEmpty(" + geometry_ + ")"));
}

std::string tile_truth::of_layer(const geo::tile& t) const {
  std::string out = shape_sql(geometry_, t) + ", " + key_ + " AS \"" + std::string{ident_tag} + '"';
  bool key_is_served = false, circuit_is_served = false;
  const std::string key_name = layer_.key.size() == 1 ? layer_.key[0].name : "key";
  for (const property& p : served_properties(layer_)) {
    circuit_is_served = circuit_is_served || p.name == layer_.config.circuit;
    out += ", " + as_tagged("t." + sql_name(p.name), p.type) + " AS " + sql_name(p.name);
    key_is_served = key_is_served || p.name == key_name;
  }
  if (!key_is_served)
    out += ", " +
           (layer_.key.size() == 1 && is_integer(layer_.key[0].type) ? "t." + sql_name(key_name) : key_) +
           " AS " + sql_name(key_name);
  if (circuit_is_served || key_name == layer_.config.circuit)
    out += ", (SELECT condition FROM gridlight.circuit_condition c WHERE c.circuit_id = t." +
           sql_name(layer_.config.circuit) + "::text) AS circuit_status";
  return out + " FROM " + from_ + " WHERE " + geometry_ + " && ST_Transform(ST_TileEnvelope(" + numbers(t) +
         ", margin => 0.02), 4326)";
}

std::string tile_truth::of_table(const geo::tile& t) const {
  std::string out = shape_sql(layer_.config.merge_column().empty() ? "t.geom" : lattice_sql(), t) +
                    ", t.ident AS \"" + std::string{ident_tag} +
                    "\", CASE WHEN t.n > 1 OR t.key IS NULL THEN t.n END AS point_count";
  const std::string key_name = layer_.key.size() == 1 ? layer_.key[0].name : "key";
  int number = 0;
  bool key_is_served = false;
  std::string circuit = key_name == layer_.config.circuit ? "t.key" : "";
  for (const property& p : served_properties(layer_)) {
    const std::string column = "t.p" + std::to_string(number++);
    out += ", " + as_tagged(column, p.type) + " AS " + sql_name(p.name);
    key_is_served = key_is_served || p.name == key_name;
    if (p.name == layer_.config.circuit) circuit = column;
  }
  if (!key_is_served)
    out += std::string{", t.key"} +
           (layer_.key.size() == 1 && is_integer(layer_.key[0].type) ? "::int8" : "") + " AS " +
           sql_name(key_name);
  if (!circuit.empty())
    out += ", (SELECT condition FROM gridlight.circuit_condition c WHERE c.circuit_id = " + circuit +
           "::text) AS circuit_status";
  return out + " FROM " + table_ + " t WHERE t.zoom = " + std::to_string(t.z) +
         " AND t.tx = " + std::to_string(t.x) + " AND t.ty = " + std::to_string(t.y);
}

features_by_id tile_truth::at(const geo::tile& t) const {
  const std::string bytea =
      db_.value("SELECT ST_AsMVT(q, 'l', 4096, 'g') FROM (SELECT " +
                (t.z < detail_ ? of_table(t) : of_layer(t)) + ") q WHERE g IS NOT NULL");
  const auto bytes = geo::from_hex(std::string_view{bytea}.substr(2));
  features_by_id out;
  for (auto& l : read_tile({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, true))
    for (auto& f : l.features) {
      const auto at =
          std::find_if(f.tags.begin(), f.tags.end(), [](const auto& tag) { return tag.first == ident_tag; });
      f.id = geo::feature_id(std::get<std::string>(at->second));
      f.tags.erase(at);
      if (const auto id = f.id; !out.emplace(id, std::move(f)).second)
        throw std::runtime_error{"two features have id " + std::to_string(id)};
    }
  return out;
}

std::int64_t tile_truth::false_representatives() const {
  std::string table, own;
  int number = 0;
  for (const property& p : served_properties(layer_)) {
    table += ", t.p" + std::to_string(number++);
    own += ", " + layer_columns::read(p);
  }
  return std::stoll(db_.value("SELECT count(*) FROM (SELECT t.key AS k, ROW(1" + table + ") AS r FROM " +
                              table_ + " t WHERE t.key IS NOT NULL) g LEFT JOIN (SELECT " + key_ +
                              " AS k, ROW(1" + own + ") AS r FROM " + from_ +
                              ") o ON o.k = g.k WHERE o.r IS DISTINCT FROM g.r"));
}

}  // namespace gridlight::test
