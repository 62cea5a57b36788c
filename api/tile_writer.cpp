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
                         const tile_layout& layout, const geo::tile& t, const circuit_conditions* known)
    : known_{known} {
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
    std::vector<std::string> names{key_property(l), std::string{count_property}};
    part_writer p;
    for (std::size_t at = 0; at < served.size(); ++at) {
      if (!is_chosen(at)) continue;
      p.key_is_a_property = p.key_is_a_property || served[at].name == names[key_tag];
      p.columns.push_back({column_of(at), names.size(), served[at].type});
      names.push_back(served[at].name);
    }
    if (has_condition(l) && is_chosen(served.size())) {
      const auto circuit = circuit_position(l);
      if (parts[i].joined)
        p.columns.push_back({column_of(served.size()), names.size(), oid::text});
      else
        p.condition = {circuit ? column_of(*circuit) : tile_layout::key, names.size(), oid::text};
      names.emplace_back(condition_property);
    }
    if (composes_key(parts[i]))
      for (const property& k : l.key)
        p.key_columns.push_back(column_of(static_cast<std::size_t>(
            std::find_if(served.begin(), served.end(), [&](const property& s) { return s.name == k.name; }) -
            served.begin())));
    p.integer_key = l.key.size() == 1 && is_integer(l.key[0].type);
    p.lattice = on_lattice(parts[i]);
    p.layer.emplace(l.config.name, t, names);
    parts_.push_back(std::move(p));
  }
}

// As layer_columns::key_text() makes it.
std::string_view tile_writer::key_of(const part_writer& p, const postgres::result_set& rows, int row) {
  if (p.key_columns.empty()) return rows.text(row, tile_layout::key);
  key_.clear();
  for (const int at : p.key_columns) {
    if (at != p.key_columns.front()) key_ += ':';
    for (const char c : rows.text(row, at)) {
      if (c == ':' || c == '\\') key_ += '\\';
      key_ += c;
    }
  }
  return key_;
}

void tile_writer::append(const postgres::result_set& rows, int row, std::size_t part) {
  part_writer& p = parts_[part];
  if (rows.is_null(row, tile_layout::geometry)) return;
  const std::string_view key = key_of(p, rows, row);
  const auto shape = rows.bytes(row, tile_layout::geometry);
  const std::uint64_t id = geo::feature_id(key);
  if (!(p.lattice ? p.layer->begin_lattice(id, shape) : p.layer->begin(id, shape))) return;
  const bool aggregate = rows.integer(row, tile_layout::part) % 2 == 1;
  if (!aggregate && !p.key_is_a_property) {
    std::int64_t number = 0;
    if (p.integer_key && std::from_chars(key.data(), key.data() + key.size(), number).ec == std::errc{})
      p.layer->tag(key_tag, number);
    else
      p.layer->tag(key_tag, key);
  }
  if (!rows.is_null(row, tile_layout::count))
    if (const std::int64_t n = rows.integer(row, tile_layout::count); n > 1 || aggregate)
      p.layer->tag(count_tag, n);
  for (const column& c : p.columns)
    if (!rows.is_null(row, c.at)) tag_value(p, c, rows, row);
  if (p.condition) tag_condition(p, rows, row, aggregate);
  p.layer->end();
}

void tile_writer::tag_condition(part_writer& p, const postgres::result_set& rows, int row, bool aggregate) {
  const bool is_key = p.condition->at == tile_layout::key;
  if (known_ == nullptr || (is_key ? aggregate : rows.is_null(row, p.condition->at))) return;
  const std::string_view condition = known_->of(rows.text(row, p.condition->at));
  if (!condition.empty()) p.layer->tag(p.condition->tag, condition);
}

void tile_writer::tag_value(part_writer& p, const column& c, const postgres::result_set& rows, int row) {
  switch (c.type) {
    case oid::boolean:
      return p.layer->tag(c.tag, rows.boolean(row, c.at));
    case oid::int2:
    case oid::int4:
    case oid::int8:
      return p.layer->tag(c.tag, rows.integer(row, c.at));
    case oid::float4:
    case oid::float8:
      return p.layer->tag(c.tag, rows.number(row, c.at));
    case oid::text:
    case oid::varchar:
    case oid::bpchar:
      return p.layer->tag(c.tag, rows.text(row, c.at));
    default:
      break;
  }
  std::string text;
  append_text_value(text, c.type, rows.text(row, c.at));
  double number = 0;
  if (c.type == oid::numeric &&
      std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{})
    return p.layer->tag(c.tag, number);
  p.layer->tag(c.tag, std::string_view{text});
}

void tile_writer::finish(std::string& out) const {
  for (const part_writer& p : parts_)
    p.layer->finish(out);
}

}  // namespace gridlight::api
