#include "server/config_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "server/config_values.hpp"

namespace gridlight::config_detail {
namespace {

// One layer while it is read.
struct reading {
  yaml_reader& yaml;
  layer_config layer;
  bool geometry_type_given = false;
};

void store_identifier(reading& r, const entry& e, std::string& member) {
  const auto text = r.yaml.scalar(e);
  if (!text) return;
  if (!is_identifier(*text)) return r.yaml.refuse(e, *text);
  member = *text;
}

void store_columns(reading& r, const entry& e, std::vector<std::string>& member, bool may_be_empty) {
  const auto columns = r.yaml.list(e);
  if (!columns) return;
  std::set<std::string_view> seen;
  for (const std::string& column : *columns) {
    if (!is_identifier(column)) return r.yaml.refuse(e, column);
    if (!seen.insert(column).second)
      return r.yaml.fault(e.node, fmt::format("{} names {} twice", e.name, column));
  }
  if (columns->empty() && !may_be_empty) return r.yaml.refuse(e, "");
  member = *columns;
}

// One of the names of an enum whose values count from 0 to `last`.
template <class Enum>
bool store_name(reading& r, const entry& e, Enum& member, Enum last) {
  const auto text = r.yaml.scalar(e);
  if (!text) return false;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    if (name(static_cast<Enum>(i)) != *text) continue;
    member = static_cast<Enum>(i);
    return true;
  }
  r.yaml.refuse(e, *text);
  return false;
}

void store_geometry(reading& r, const entry& e) {
  if (!e.node.IsMap()) {
    std::string column;
    store_identifier(r, e, column);
    r.layer.geometry = column == "none" ? "" : column;
    if (column == "none") r.layer.geometry_type = geometry_kind::none;
    return;
  }
  r.layer.geometry.clear();
  for (const auto& [key, node] : r.yaml.pairs(e.name, e.node)) {
    const entry inner{e.name + "." + key, "a column's name", false, node};
    if (key == "lon") {
      store_identifier(r, inner, r.layer.longitude);
    } else if (key == "lat") {
      store_identifier(r, inner, r.layer.latitude);
    } else {
      r.yaml.fault(node, unknown("key", inner.name, {e.name + ".lon", e.name + ".lat"}));
    }
  }
  if (r.layer.longitude.empty() || r.layer.latitude.empty())
    r.yaml.fault(e.node, fmt::format("{} needs both lon and lat", e.name));
}

void store_zooms(reading& r, const entry& e) {
  const auto zooms = r.yaml.list(e);
  if (!zooms) return;
  std::vector<std::int64_t> numbers;
  for (const std::string& z : *zooms)
    if (const auto n = read_integer(z); n && *n >= 0 && *n <= 24) numbers.push_back(*n);
  if (zooms->size() != 2 || numbers.size() != 2 || numbers[0] > numbers[1])
    return r.yaml.refuse(e, fmt::format("[{}]", fmt::join(*zooms, ", ")));
  r.layer.min_zoom = static_cast<int>(numbers[0]);
  r.layer.max_zoom = static_cast<int>(numbers[1]);
}

void store_snap(reading& r, const entry& e) {
  for (const auto& [key, node] : r.yaml.pairs(e.name, e.node)) {
    const bool layer = key == "layer";
    const entry inner{e.name + "." + key, layer ? "a layer's name" : "a column's name", false, node};
    if (layer) {
      store_identifier(r, inner, r.layer.snap_layer);
    } else if (key == "by") {
      store_identifier(r, inner, r.layer.snap_by);
    } else {
      r.yaml.fault(node, unknown("key", inner.name, {e.name + ".layer", e.name + ".by"}));
    }
  }
  if (r.layer.snap_layer.empty() || r.layer.snap_by.empty())
    r.yaml.fault(e.node, fmt::format("{} needs both layer and by", e.name));
}

void store_tiles(reading& r, const entry& e) {
  tile_rules& rules = r.layer.tiles;
  for (const auto& [key, node] : r.yaml.pairs(e.name, e.node)) {
    const bool detail = key == "detail";
    const entry inner{e.name + "." + key, detail ? "a whole number between 0 and 24" : "a column's name",
                      false, node};
    if (key == "merge") {
      store_identifier(r, inner, rules.merge);
    } else if (key == "rank") {
      store_identifier(r, inner, rules.rank);
    } else if (detail) {
      const auto text = r.yaml.scalar(inner);
      if (!text) continue;
      const auto zoom = read_integer(*text);
      if (zoom && *zoom >= 0 && *zoom <= 24)
        rules.detail = static_cast<int>(*zoom);
      else
        r.yaml.refuse(inner, *text);
    } else {
      r.yaml.fault(node,
                   unknown("key", inner.name, {e.name + ".detail", e.name + ".merge", e.name + ".rank"}));
    }
  }
}

struct layer_key {
  layer_key_help help;
  void (*store)(reading&, const entry&);
};

constexpr std::array keys{
    layer_key{{"title", "a text of 1 to 63 bytes", "the layer's name", "Name for people."},
              [](reading& r, const entry& e) { store_identifier(r, e, r.layer.title); }},
    layer_key{{"schema", "a schema's name (1 to 63 bytes)", "public", "Schema of the table."},
              [](reading& r, const entry& e) { store_identifier(r, e, r.layer.schema); }},
    layer_key{
        {"table", "a table's name (1 to 63 bytes)", "the layer's name", "Table, view or foreign table."},
        [](reading& r, const entry& e) { store_identifier(r, e, r.layer.table); }},
    layer_key{
        {"key", "a column's name or a list of them", "none, must be given", "What tells features apart."},
        [](reading& r, const entry& e) { store_columns(r, e, r.layer.key, false); }},
    layer_key{{"geometry", "a column's name, {lon: column, lat: column}, or none", "geom",
               "Column of type geometry or geography (EPSG:4326), or a pair of numbers."},
              store_geometry},
    layer_key{{"geometry_type", "one of none, point, line, polygon, mixed", "mixed; point for {lon, lat}",
               "Kind of geometry that the layer holds."},
              [](reading& r, const entry& e) {
                r.geometry_type_given = store_name(r, e, r.layer.geometry_type, geometry_kind::mixed);
              }},
    layer_key{
        {"properties", "a list of columns", "all columns but key and geometry", "Columns served, in order."},
        [](reading& r, const entry& e) { store_columns(r, e, r.layer.properties, true); }},
    layer_key{{"personal", "a list of columns", "none",
               "Columns that only scope personal sees; the geometry's: nobody else gets the exact place."},
              [](reading& r, const entry& e) { store_columns(r, e, r.layer.personal, true); }},
    layer_key{{"snap", "{layer: a layer, by: the column that holds its key}", "none",
               "Where features whose own place is personal are shown to others; without it, nowhere."},
              store_snap},
    layer_key{
        {"zooms", "[least, greatest] between 0 and 24", "[0, 20]", "Zooms at which tiles show the layer."},
        store_zooms},
    layer_key{
        {"mode", "one of managed, attached, mirrored", "managed",
         "managed: the table is gridlight's; attached: somebody else's, only read; mirrored: copied from a "
         "foreign table."},
        [](reading& r, const entry& e) { store_name(r, e, r.layer.mode, layer_mode::mirrored); }},
    layer_key{{"kind", "one of static, dynamic, derived", "static", "How its rows change."},
              [](reading& r, const entry& e) { store_name(r, e, r.layer.kind, layer_kind::derived); }},
    layer_key{
        {"circuit", "a column's name", "none",
         "Column that names the circuit a feature belongs to: tiles carry the circuit's state, and merge "
         "its lines at low zooms."},
        [](reading& r, const entry& e) { store_identifier(r, e, r.layer.circuit); }},
    layer_key{{"search", "a list of columns", "none",
               "Columns, such as a name, that a search looks through beside the key; the first is shown."},
              [](reading& r, const entry& e) { store_columns(r, e, r.layer.search, true); }},
    layer_key{
        {"tiles", "{detail: a zoom, merge: a column, rank: a column}",
         "detail: the first zoom at which no tile has more than 2,000 features; merge: the circuit; rank: "
         "by size",
         "Below zoom detail tiles show less: of features that are too close that of the highest rank, "
         "lines merged by a column. Features that fill tens of thousands of tiles bring detail down."},
        store_tiles},
};

// Rules between the keys of one layer. `node` says where.
void check_whole(reading& r, const YAML::Node& node) {
  layer_config& l = r.layer;
  const auto fault = [&](std::string_view what) {
    r.yaml.fault(node, fmt::format("layers.{} {}", l.name, what));
  };
  const bool pair = !l.longitude.empty(), none = l.geometry.empty() && !pair;
  if (l.key.empty()) fault("has no key; say which column tells its features apart");
  if (none && r.geometry_type_given && l.geometry_type != geometry_kind::none)
    fault("has geometry none, but a geometry_type");
  if (!none && l.geometry_type == geometry_kind::none)
    fault("has geometry_type none, but a geometry; say geometry: none");
  if (pair && !r.geometry_type_given) l.geometry_type = geometry_kind::point;
  if (pair && l.geometry_type != geometry_kind::point && l.geometry_type != geometry_kind::none)
    fault("has a geometry of lon and lat, which is always of geometry_type point");
  if (none) l.geometry_type = geometry_kind::none;

  const auto has = [](const std::vector<std::string>& all, std::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  if (!l.geometry.empty() && has(l.key, l.geometry)) fault("has its geometry in its key");
  if (!l.geometry.empty() && has(l.properties, l.geometry)) fault("has its geometry among its properties");
  bool hidden = false;
  for (const std::string& column : l.personal) {
    const bool of_place = column == l.geometry || column == l.longitude || column == l.latitude;
    const bool known = l.properties.empty() || has(l.properties, column) || of_place;
    if (!known) fault(fmt::format("has {} in personal, which is none of its properties", shown(column)));
    if (has(l.key, column))
      fault(
          fmt::format("has {} in personal, which is in its key; every feature shows its key", shown(column)));
    hidden = hidden || of_place;
  }
  for (const std::string& column : {l.circuit, l.tiles.merge, l.tiles.rank})
    if (!column.empty() && has(l.personal, column))
      fault(fmt::format("has {} in personal, which its tiles tell to everybody", shown(column)));
  for (const std::string& column : l.search)
    if (has(l.personal, column))
      fault(fmt::format("has {} in personal, which a search tells to everybody", shown(column)));
  if (!l.tiles.merge.empty() && l.geometry_type != geometry_kind::line)
    fault("has tiles.merge, which only layers of geometry_type line can have");
  if (!l.snap_layer.empty() && !hidden)
    fault("has snap, but its place is not personal; name the geometry's column in personal too");
}

layer_config read_layer(yaml_reader& yaml, const std::string& name, const YAML::Node& node) {
  reading r{yaml, {}, false};
  r.layer.name = r.layer.title = r.layer.table = name;
  const std::string prefix = "layers." + name;
  // A layer with nothing below its name is one without a key, and said so by check_whole.
  for (const auto& [key, value] : yaml.pairs(prefix, node)) {
    const auto row =
        std::find_if(keys.begin(), keys.end(), [&k = key](const layer_key& l) { return l.help.name == k; });
    if (row != keys.end()) {
      row->store(r, {prefix + "." + key, row->help.rule, false, value});
      continue;
    }
    std::vector<std::string> known;
    for (const layer_key& l : keys)
      known.push_back(prefix + "." + std::string{l.help.name});
    yaml.fault(value, unknown("key", prefix + "." + key, known));
  }
  check_whole(r, node);
  return std::move(r.layer);
}

}  // namespace

std::span<const layer_key_help> layer_keys() {
  static const auto all = [] {
    std::vector<layer_key_help> out;
    for (const layer_key& k : keys)
      out.push_back(k.help);
    return out;
  }();
  return all;
}

std::vector<layer_config> read_layers(yaml_reader& yaml, const YAML::Node& node) {
  std::vector<layer_config> out;
  for (const auto& [name, value] : yaml.pairs("layers", node)) {
    if (is_layer_name(name)) {
      out.push_back(read_layer(yaml, name, value));
    } else {
      yaml.fault(
          value,
          fmt::format("{} is no name for a layer; it must be a letter a to z, then at most 59 of a to z, "
                      "0 to 9 and _",
                      name.empty() ? "\"\"" : shown(name)));
    }
  }
  for (const layer_config& l : out) {
    const auto is_target = [&](const layer_config& other) { return other.name == l.snap_layer; };
    if (!l.snap_layer.empty() && (l.snap_layer == l.name || std::none_of(out.begin(), out.end(), is_target)))
      yaml.fault(node, fmt::format("layers.{}.snap.layer is {}, which is no other layer here", l.name,
                                   shown(l.snap_layer)));
  }
  return out;
}

}  // namespace gridlight::config_detail
