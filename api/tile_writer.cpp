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

void tag_value(geo::mvt_layer& to, const drawn_part::column& c, const postgres::result_set& rows, int row) {
  switch (c.type) {
    case oid::boolean:
      return to.tag(c.tag, rows.boolean(row, c.at));
    case oid::int2:
    case oid::int4:
    case oid::int8:
      return to.tag(c.tag, rows.integer(row, c.at));
    case oid::float4:
    case oid::float8:
      return to.tag(c.tag, rows.number(row, c.at));
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
      return to.tag(c.tag, rows.text(row, c.at));
    default:
      break;
  }
  std::string text;
  append_text_value(text, c.type, rows.text(row, c.at));
  double number = 0;
  if (c.type == oid::numeric &&
      std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
    return to.tag(c.tag, number);
  to.tag(c.tag, std::string_view{text});
}

}  // namespace

std::string key_property(const layer& l) {
  return l.key.size() == 1 ? l.key.front().name : "key";
}

std::vector<drawn_part> drawn_parts(const tile_layers& layers, std::span<const tile_part> parts,
                                    const tile_layout& layout) {
  std::vector<drawn_part> out;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const layer& l = *parts[i].of;
    const property_selection& chosen = drawn(layers, &l).properties;
    const auto is_chosen = [&](std::size_t position) {
      return !chosen || std::find(chosen->begin(), chosen->end(), position) != chosen->end();
    };
    const auto served = served_properties(l);
    const auto column_of = [&](std::size_t position) {
      return layout.properties[i] + static_cast<int>(position);
    };
    drawn_part& p = out.emplace_back();
    p.layer = l.config.name;
    p.names = {key_property(l), std::string{count_property}};
    for (std::size_t at = 0; at < served.size(); ++at) {
      if (!is_chosen(at)) continue;
      p.key_is_a_property = p.key_is_a_property || served[at].name == p.names[key_tag];
      p.columns.push_back({column_of(at), p.names.size(), served[at].type});
      p.names.push_back(served[at].name);
    }
    if (has_condition(l) && is_chosen(served.size())) {
      const auto circuit = circuit_position(l);
      if (parts[i].joined)
        p.columns.push_back({column_of(served.size()), p.names.size(), oid::text});
      else
        p.condition = {circuit ? column_of(*circuit) : tile_layout::key, p.names.size(), oid::text};
      p.names.emplace_back(condition_property);
    }
    if (composes_key(parts[i]))
      for (const property& k : l.key)
        p.key_columns.push_back(column_of(static_cast<std::size_t>(
            std::find_if(served.begin(), served.end(), [&](const property& s) { return s.name == k.name; }) -
            served.begin())));
    p.integer_key = l.key.size() == 1 && is_integer(l.key[0].type);
    p.lattice = on_lattice(parts[i]);
  }
  return out;
}

tile_writer::tile_writer(std::span<const drawn_part> parts, const geo::tile& t,
                         const circuit_conditions* known)
    : parts_{parts}, known_{known} {
  for (const drawn_part& p : parts)
    layers_.emplace_back(p.layer, t, p.names);
}

// As layer_columns::key_text() makes it.
std::string_view tile_writer::key_of(const drawn_part& p, const postgres::result_set& rows, int row) {
  if (p.key_columns.empty()) return rows.text(row, tile_layout::key);
  key_.clear();
  for (const int at : p.key_columns) {
    if (at != p.key_columns.front()) key_ += ':';
    std::string_view rest = rows.text(row, at);
    for (auto special = rest.find_first_of(R"(:\)"); special != rest.npos;
         special = rest.find_first_of(R"(:\)")) {
      key_.append(rest, 0, special).append(1, '\\').append(1, rest[special]);
      rest.remove_prefix(special + 1);
    }
    key_ += rest;
  }
  return key_;
}

void tile_writer::append(const postgres::result_set& rows, int row, std::size_t part) {
  const drawn_part& p = parts_[part];
  geo::mvt_layer& to = layers_[part];
  if (rows.is_null(row, tile_layout::geometry)) return;
  const std::string_view key = key_of(p, rows, row);
  const auto shape = rows.bytes(row, tile_layout::geometry);
  const std::uint64_t id = geo::feature_id(key);
  if (!(p.lattice ? to.begin_lattice(id, shape) : to.begin(id, shape))) return;
  const bool aggregate = rows.integer(row, tile_layout::part) % 2 == 1;
  if (!aggregate && !p.key_is_a_property) {
    std::int64_t number = 0;
    if (p.integer_key && std::from_chars(key.data(), key.data() + key.size(), number).ec == std::errc{})
      to.tag(key_tag, number);
    else
      to.tag(key_tag, key);
  }
  if (!rows.is_null(row, tile_layout::count))
    if (const std::int64_t n = rows.integer(row, tile_layout::count); n > 1 || aggregate)
      to.tag(count_tag, n);
  for (const drawn_part::column& c : p.columns)
    if (!rows.is_null(row, c.at)) tag_value(to, c, rows, row);
  if (p.condition && known_ != nullptr) {
    const int at = p.condition->at;
    const bool told = at == tile_layout::key ? !aggregate : !rows.is_null(row, at);
    // Neighbours are often of one circuit.
    if (const std::string_view circuit = rows.text(row, at); told && circuit != circuit_) {
      circuit_ = circuit;
      condition_ = known_->of(circuit);
    }
    if (told && !condition_.empty()) to.tag(p.condition->tag, condition_);
  }
  to.end();
}

void tile_writer::finish(std::string& out) const {
  for (const geo::mvt_layer& l : layers_)
    l.finish(out);
}

}  // namespace gridlight::api
