#include "api/feature_writer.hpp"

#include <cmath>

#include "api/value_writer.hpp"
#include "geo/wkb.hpp"

namespace gridlight::api {
namespace {

bool is_integer(Oid type) noexcept {
  return type == postgres::oid::int2 || type == postgres::oid::int4 || type == postgres::oid::int8;
}

std::string_view value(const postgres::result_set& rows, int row, int column) noexcept {
  return rows.text(row, column);
}

constexpr std::string_view head = R"({"type":"Feature","id":)", properties_head = R"(,"properties":{)",
                           distance_head = R"(,"distance_m":)";

void append_escaped_part(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == ':' || c == '\\') out += '\\';
    out += c;
  }
}

}  // namespace

void append_cell(geo::text_sink& out, const postgres::result_set& rows, int row, int column, Oid type,
                 const value_form& form) {
  const std::string_view bytes = rows.text(row, column);
  if (form.write != nullptr)  // which has no bytes when it is null
    append_json_value(out, form, bytes);
  else if (bytes.empty() && rows.is_null(row, column))
    out.append("null");
  else
    append_unsized_value(out, type, bytes);
}

feature_writer::feature_writer(const layer& l) : layout_(layout_of(l)), room_(0) {
  for (const property& p : l.key)
    key_.push_back(p.type);
  for (const property& p : served_properties(l)) {
    std::string prefix = ",";
    append_json_string(prefix, p.name);
    properties_.push_back({p.type, form_of(p.type), prefix + ":"});
  }
  room_ = head.size() + geo::point_room + properties_head.size() + distance_head.size() +
          geo::max_decimal_chars + 16;
  for (const column& c : properties_)
    room_ += c.prefix.size() + scalar_room;
}

bool feature_writer::fits(const postgres::result_set& rows) const noexcept {
  if (rows.columns() < layout_.extra) return false;
  for (std::size_t i = 0; i < key_.size(); ++i)
    if (rows.type(layout_.key + static_cast<int>(i)) != key_[i]) return false;
  for (std::size_t i = 0; i < properties_.size(); ++i)
    if (rows.type(layout_.properties + static_cast<int>(i)) != properties_[i].type) return false;
  return true;
}

std::string feature_writer::key_text(const postgres::result_set& rows, int row) const {
  if (key_.size() == 1) {
    std::string out;
    append_text_value(out, key_[0], value(rows, row, layout_.key));
    return out;
  }
  std::string out;
  bool first = true;
  for (const std::string& part : key_parts(rows, row)) {
    if (!first) out += ':';
    first = false;
    append_escaped_part(out, part);
  }
  return out;
}

std::vector<std::string> feature_writer::key_parts(const postgres::result_set& rows, int row) const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < key_.size(); ++i) {
    std::string part;
    append_text_value(part, key_[i], value(rows, row, layout_.key + static_cast<int>(i)));
    out.push_back(std::move(part));
  }
  return out;
}

void feature_writer::append_id(geo::text_sink& out, const postgres::result_set& rows, int row) const {
  if (key_.size() == 1 && key_[0] == postgres::oid::text)
    append_json_string(out, value(rows, row, layout_.key));
  else if (key_.size() == 1 && is_integer(key_[0]))
    append_json_value(out, key_[0], value(rows, row, layout_.key));
  else
    append_json_string(out, key_text(rows, row));
}

// What is of known size goes through `at` without a look at the room that is left; what is not, through the
// sink, which then has room for all the rest again.
char* feature_writer::write_geometry(geo::text_sink& out, char* at, const postgres::result_set& rows,
                                     int row) const {
  const auto wkb = rows.bytes(row, layout_.geometry);
  if (char* const end = geo::write_point(at, wkb); end != nullptr) return end;
  out.commit(at);
  if ((wkb.empty() && rows.is_null(row, layout_.geometry)) || !geo::append_geojson(out, wkb))
    out.append("null");
  return out.room(room_);
}

char* feature_writer::write_property(geo::text_sink& out, char* at, const postgres::result_set& rows, int row,
                                     std::size_t i, bool first) const {
  const column& c = properties_[i];
  const int at_column = layout_.properties + static_cast<int>(i);
  at = geo::text_sink::copy(at, std::string_view{c.prefix}.substr(first ? 1 : 0));
  if (c.form.write != nullptr) return write_json_value(at, c.form, rows.text(row, at_column));
  out.commit(at);
  append_cell(out, rows, row, at_column, c.type, c.form);
  return out.room(room_);
}

void feature_writer::append(geo::text_sink& out, const postgres::result_set& rows, int row,
                            const property_selection& selection, std::optional<int> distance_column) const {
  out.append(head);
  append_id(out, rows, row);
  char* at = geo::text_sink::copy(out.room(room_), R"(,"geometry":)");
  at = write_geometry(out, at, rows, row);
  at = geo::text_sink::copy(at, properties_head);
  bool first = true;
  const auto one = [&](std::size_t i) {
    at = write_property(out, at, rows, row, i, first);
    first = false;
  };
  if (selection) {
    for (const std::size_t i : *selection)
      one(i);
  } else {
    for (std::size_t i = 0; i < properties_.size(); ++i)
      one(i);
  }
  if (distance_column && !rows.is_null(row, *distance_column)) {
    at = geo::text_sink::copy(at, std::string_view{distance_head}.substr(first ? 1 : 0));
    at = geo::write_decimal(at, rows.number(row, *distance_column), 3);
  }
  out.commit(geo::text_sink::copy(at, "}}"));
}

std::optional<std::vector<std::string>> split_key(std::string_view id, std::size_t parts) {
  if (parts == 1) return std::vector<std::string>{std::string{id}};
  std::vector<std::string> out(1);
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (id[i] == '\\') {
      if (++i == id.size() || (id[i] != ':' && id[i] != '\\')) return std::nullopt;
      out.back() += id[i];
    } else if (id[i] == ':') {
      out.emplace_back();
    } else {
      out.back() += id[i];
    }
  }
  if (out.size() != parts) return std::nullopt;
  return out;
}

}  // namespace gridlight::api
