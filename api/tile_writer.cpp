#include "api/tile_writer.hpp"

#include <algorithm>
#include <charconv>

#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

namespace oid = postgres::oid;

const tile_layer& drawn(const tile_layers& layers, const layer* l) {
  return *std::find_if(layers.layers.begin(), layers.layers.end(),
                       [&](const tile_layer& t) { return t.of == l; });
}

// Where they stand among the tags of every layer.
constexpr std::size_t key_tag = 0, count_tag = 1;

bool is_integer(Oid type) noexcept {
  return type == oid::int2 || type == oid::int4 || type == oid::int8;
}

}  // namespace

std::string key_property(const layer& l) {
  return l.key.size() == 1 ? l.key.front().name : "key";
}

tile_writer::tile_writer(const tile_layers& layers, std::span<const tile_part> parts,
                         const tile_layout& layout, const geo::tile& t) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const layer& l = *parts[i].of;
    const property_selection& chosen = drawn(layers, &l).properties;
    const auto served = served_properties(l);
    std::vector<std::string> names{key_property(l), std::string{count_property}};
    std::vector<column> columns;
    bool key_is_a_property = false;
    const auto add = [&](std::size_t position, const std::string& name, Oid type) {
      if (chosen && std::find(chosen->begin(), chosen->end(), position) == chosen->end()) return;
      key_is_a_property = key_is_a_property || name == names[0];
      columns.push_back({layout.properties[i] + static_cast<int>(position), names.size(), type});
      names.push_back(name);
    };
    for (std::size_t p = 0; p < served.size(); ++p)
      add(p, served[p].name, served[p].type);
    if (has_condition(l)) add(served.size(), std::string{condition_property}, oid::text);
    parts_.push_back({geo::mvt_layer{l.config.name, t, names}, std::move(columns),
                      l.key.size() == 1 && is_integer(l.key[0].type), key_is_a_property});
  }
}

void tile_writer::append(const postgres::result_set& rows, int row, std::size_t part) {
  part_writer& p = parts_[part];
  if (rows.is_null(row, tile_layout::geometry)) return;
  const std::string_view key = rows.text(row, tile_layout::key);
  if (!p.layer.begin(geo::feature_id(key), rows.bytes(row, tile_layout::geometry))) return;
  const bool aggregate = rows.integer(row, tile_layout::part) % 2 == 1;
  if (!aggregate && !p.key_is_a_property) {
    std::int64_t number = 0;
    if (p.integer_key && std::from_chars(key.data(), key.data() + key.size(), number).ec == std::errc{})
      p.layer.tag(key_tag, number);
    else
      p.layer.tag(key_tag, key);
  }
  if (!rows.is_null(row, tile_layout::count))
    if (const std::int64_t n = rows.integer(row, tile_layout::count); n > 1 || aggregate)
      p.layer.tag(count_tag, n);
  for (const column& c : p.columns)
    if (!rows.is_null(row, c.at)) tag_value(p, c, rows, row);
  p.layer.end();
}

void tile_writer::tag_value(part_writer& p, const column& c, const postgres::result_set& rows, int row) {
  switch (c.type) {
    case oid::boolean:
      return p.layer.tag(c.tag, rows.boolean(row, c.at));
    case oid::int2:
    case oid::int4:
    case oid::int8:
      return p.layer.tag(c.tag, rows.integer(row, c.at));
    case oid::float4:
    case oid::float8:
      return p.layer.tag(c.tag, rows.number(row, c.at));
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
      return p.layer.tag(c.tag, rows.text(row, c.at));
    default:
      break;
  }
  std::string text;
  append_text_value(text, c.type, rows.text(row, c.at));
  double number = 0;
  if (c.type == oid::numeric &&
      std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
    return p.layer.tag(c.tag, number);
  p.layer.tag(c.tag, std::string_view{text});
}

void tile_writer::finish(std::string& out) const {
  for (const part_writer& p : parts_)
    p.layer.finish(out);
}

}  // namespace gridlight::api
