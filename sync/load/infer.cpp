#include "sync/load/infer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "sync/load/mapping.hpp"
#include "sync/load/row_encoder.hpp"
#include "sync/load/values.hpp"

namespace gridlight::sync {
namespace {

constexpr std::size_t longest_name = 60;
constexpr std::array reserved{"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A whole number as a number would be written: no leading zeros or plus, which only names have (07302).
bool plain_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
  return std::all_of(text.begin(), text.end(), is_digit);
}

bool plain_number(std::string_view text) {
  const std::string_view unsigned_part = text.starts_with('-') ? text.substr(1) : text;
  if (unsigned_part.empty() || unsigned_part[0] == '+') return false;
  if (unsigned_part.size() > 1 && unsigned_part[0] == '0' && is_digit(unsigned_part[1])) return false;
  return true;
}

bool plain_boolean(std::string_view text) {
  return (text.size() == 4 || text.size() == 5) && read_boolean(text).has_value();
}

std::string type_sql(column_kind kind) {
  switch (kind) {
    case column_kind::boolean:
      return "boolean";
    case column_kind::int8:
      return "bigint";
    case column_kind::float8:
      return "double precision";
    case column_kind::date:
      return "date";
    case column_kind::timestamptz:
      return "timestamptz";
    case column_kind::jsonb:
      return "jsonb";
    default:
      return "text";
  }
}

std::string free_name(std::string wanted, std::set<std::string>& taken) {
  std::string name = wanted;
  for (int n = 2; taken.contains(name); ++n)
    name = wanted + "_" + std::to_string(n);
  taken.insert(name);
  return name;
}

geometry_kind kind_of(const std::set<geo::geometry_type>& shapes) {
  using t = geo::geometry_type;
  const auto only = [&](t one, t many) {
    return std::all_of(shapes.begin(), shapes.end(), [&](t s) { return s == one || s == many; });
  };
  if (shapes.empty()) return geometry_kind::mixed;
  if (only(t::point, t::multi_point)) return geometry_kind::point;
  if (only(t::line_string, t::multi_line_string)) return geometry_kind::line;
  if (only(t::polygon, t::multi_polygon)) return geometry_kind::polygon;
  return geometry_kind::mixed;
}

bool names_a_key(std::string_view name) {
  return name == "id" || name.ends_with("_id");
}

}  // namespace

std::string snake_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool hump = is_upper(c) && i > 0 &&
                      (is_lower(name[i - 1]) || is_digit(name[i - 1]) ||
                       (is_upper(name[i - 1]) && i + 1 < name.size() && is_lower(name[i + 1])));
    if ((hump || !is_word(c)) && !out.empty() && out.back() != '_') out += '_';
    if (is_word(c)) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  while (!out.empty() && out.back() == '_')
    out.pop_back();
  if (out.empty()) out = "column";
  if (is_digit(out.front())) out.insert(0, "n_");
  if (std::find(reserved.begin(), reserved.end(), out) != reserved.end()) out += "_value";
  if (out.size() > longest_name) out.resize(longest_name);
  return out;
}

void column_evidence::see(const cell& value, bool zone_known) {
  switch (value.is) {
    case cell::kind::null:
      return;
    case cell::kind::text:
      if (trim(value.text).empty()) return;
      see_text(value.text, zone_known);
      break;
    case cell::kind::boolean:
      integer_ = number_ = date_ = time_ = json_ = false;
      break;
    case cell::kind::integer:
      largest_ = std::max(largest_, std::abs(static_cast<double>(value.integer)));
      boolean_ = date_ = time_ = json_ = false;
      break;
    case cell::kind::number:
      largest_ = std::max(largest_, std::abs(value.number));
      boolean_ = integer_ = date_ = time_ = json_ = false;
      break;
    case cell::kind::json:
      boolean_ = integer_ = number_ = date_ = time_ = false;
      break;
  }
  ++present_;
}

void column_evidence::see_text(std::string_view text, bool zone_known) {
  json_ = false;
  if (boolean_ && !plain_boolean(trim(text))) boolean_ = false;
  if (integer_ && !(plain_integer(trim(text)) && read_integer(text))) integer_ = false;
  if (number_) {
    const auto number = plain_number(trim(text)) ? read_number(text) : std::nullopt;
    number_ = number.has_value();
    // Digits that a double cannot keep are a name, not a measure.
    if (number && !integer_ && plain_integer(trim(text)) && std::abs(*number) >= 9e15) number_ = false;
    if (number) largest_ = std::max(largest_, std::abs(*number));
  }
  if (date_ && !read_date(text)) date_ = false;
  if (time_) {
    const auto time = read_time(text);
    time_ = time && (time->zoned || zone_known);
  }
}

column_kind column_evidence::kind() const {
  if (present_ == 0) return column_kind::text;
  if (boolean_) return column_kind::boolean;
  if (integer_) return column_kind::int8;
  if (number_) return column_kind::float8;
  if (date_) return column_kind::date;
  if (time_) return column_kind::timestamptz;
  return json_ ? column_kind::jsonb : column_kind::text;
}

void inference::see(const source_row& row, const std::vector<std::string>& columns, bool features) {
  features_ = features_ || features;
  // Files of one layer may have their columns in different orders.
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i < names_.size() && names_[i] == columns[i]) continue;
    if (std::find(names_.begin(), names_.end(), columns[i]) != names_.end()) continue;
    names_.push_back(columns[i]);
    evidence_.emplace_back();
  }
  if (!features_) geometry_at_ = find_geometry(names_);
  if (!row.error.empty()) return;
  ++rows_;
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    const bool in_place = i < names_.size() && names_[i] == columns[i];
    const std::size_t at =
        in_place
            ? i
            : static_cast<std::size_t>(std::find(names_.begin(), names_.end(), columns[i]) - names_.begin());
    if (at == geometry_at_) {
      if (row.cells[i].is != cell::kind::text) continue;
      if (const read_geometry g = geometry_from_text(row.cells[i].text); g.error.empty())
        see_geometry(g.ewkb);
    } else {
      evidence_[at].see(row.cells[i], zone_known_);
    }
  }
  if (!row.geometry.empty()) see_geometry(row.geometry);
}

void inference::see_geometry(std::span<const std::byte> ewkb) {
  if (const auto found = geo::inspect_wkb(ewkb); found.error.empty()) shapes_.insert(found.type);
}

bool inference::is_coordinate(std::optional<std::size_t> at, double limit) const {
  if (!at) return false;
  const column_kind kind = evidence_[*at].kind();
  return (kind == column_kind::float8 || kind == column_kind::int8) && evidence_[*at].within(limit);
}

void inference::add_geometry(inferred_table& out, std::set<std::string>& taken) const {
  const auto lon = find_longitude(names_), lat = find_latitude(names_);
  const bool pair = !features_ && !geometry_at_ && is_coordinate(lon, 180) && is_coordinate(lat, 90);
  if (!features_ && !geometry_at_ && !pair) return;
  target_column geom;
  geom.name = out.geometry = free_name("geom", taken);
  geom.kind = column_kind::geometry;
  geom.srid = 4326;
  geom.type = "geometry(Geometry,4326)";
  out.shape = pair ? geometry_kind::point : kind_of(shapes_);
  if (pair || shapes_.size() == 1) {
    geom.shape = pair ? geo::geometry_type::point : *shapes_.begin();
    geom.type = "geometry(" + std::string{geo::name_of(*geom.shape)} + ",4326)";
  }
  if (geometry_at_) out.renames.emplace_back(geom.name, names_[*geometry_at_]);
  if (pair) {
    const auto column = [&](std::size_t source) -> target_column& {
      const auto it = std::find_if(out.renames.begin(), out.renames.end(),
                                   [&](const auto& r) { return r.second == names_[source]; });
      const auto at = std::find_if(out.columns.begin(), out.columns.end(),
                                   [&](const auto& c) { return c.name == it->first; });
      at->kind = column_kind::float8;
      at->type = "double precision";
      return *at;
    };
    geom.generated = true;
    geom.positions = {{column(*lon).name, column(*lat).name}};
    out.hidden = {geom.positions[0].first, geom.positions[0].second};
  }
  out.columns.push_back(std::move(geom));
}

std::string inference::name_of(const std::string& source) const {
  for (const auto& [target, renamed] : renames_)
    if (renamed == source) return snake_case(target);
  return snake_case(source);
}

inferred_table inference::result() const {
  inferred_table out;
  out.rows = rows_;
  std::set<std::string> taken;
  const bool shaped = features_ || geometry_at_;
  if (shaped) taken.insert("geom");
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (i == geometry_at_) continue;
    target_column column;
    column.name = free_name(name_of(names_[i]), taken);
    column.kind = evidence_[i].kind();
    column.type = type_sql(column.kind);
    out.renames.emplace_back(column.name, names_[i]);
    const bool fits = column.kind == column_kind::int8 || column.kind == column_kind::text;
    if (names_a_key(column.name) && fits && evidence_[i].always_present(rows_)) {
      if (column.name == "id")
        out.key_candidates.insert(out.key_candidates.begin(), column.name);
      else
        out.key_candidates.push_back(column.name);
    }
    out.columns.push_back(std::move(column));
  }
  if (shaped) taken.erase("geom");
  add_geometry(out, taken);
  return out;
}

}  // namespace gridlight::sync
