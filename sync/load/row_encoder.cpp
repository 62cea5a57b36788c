#include "sync/load/row_encoder.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "sync/load/json_numbers.hpp"
#include "sync/load/values.hpp"

namespace gridlight::sync {
namespace {

const cell null_cell;

const cell& cell_at(const source_row& row, std::optional<std::size_t> at) {
  return at && *at < row.cells.size() ? row.cells[*at] : null_cell;
}

void put16(std::string& out, std::uint16_t v) {
  const char bytes[] = {static_cast<char>(v >> 8), static_cast<char>(v)};
  out.append(bytes, sizeof bytes);
}

void put32(std::string& out, std::uint32_t v) {
  v = __builtin_bswap32(v);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

void put64(std::string& out, std::uint64_t v) {
  v = __builtin_bswap64(v);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}

void put_null(std::string& out) {
  put32(out, 0xffffffff);
}

void put_field(std::string& out, std::string_view bytes) {
  put32(out, static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
}

std::string shown(const cell& value) {
  switch (value.is) {
    case cell::kind::integer:
      return std::to_string(value.integer);
    case cell::kind::boolean:
      return value.integer != 0 ? "true" : "false";
    case cell::kind::number: {
      char digits[32];
      return {digits, std::to_chars(digits, digits + sizeof digits, value.number).ptr};
    }
    default:
      return std::string{value.text};
  }
}

// What a reason quotes of a value: enough to find it, never a polygon.
std::string quoted(const cell& value) {
  std::string text = shown(value);
  if (text.size() > 60) {
    text.resize(57);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
      text.pop_back();
    if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.pop_back();
    text += "...";
  }
  return "\"" + text + "\"";
}

std::string not_a(const cell& value, std::string_view what) {
  return quoted(value) + " is not " + std::string{what};
}

std::optional<std::int64_t> integer_of(const cell& value) {
  switch (value.is) {
    case cell::kind::integer:
      return value.integer;
    case cell::kind::text:
      return read_integer(value.text);
    case cell::kind::number:
      if (value.number == std::trunc(value.number) && std::abs(value.number) < 9.2e18)
        return static_cast<std::int64_t>(value.number);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<double> number_of(const cell& value) {
  switch (value.is) {
    case cell::kind::integer:
      return static_cast<double>(value.integer);
    case cell::kind::number:
      return value.number;
    case cell::kind::text:
      return read_number(value.text);
    default:
      return std::nullopt;
  }
}

std::string write_integer(const cell& value, int bytes, std::string& out) {
  const auto v = integer_of(value);
  if (!v) return not_a(value, "a whole number");
  const std::int64_t limit = bytes == 8   ? std::numeric_limits<std::int64_t>::max()
                             : bytes == 4 ? std::numeric_limits<std::int32_t>::max()
                                          : std::numeric_limits<std::int16_t>::max();
  if (*v > limit || *v < -limit - 1) return quoted(value) + " is out of range";
  put32(out, static_cast<std::uint32_t>(bytes));
  if (bytes == 8)
    put64(out, static_cast<std::uint64_t>(*v));
  else if (bytes == 4)
    put32(out, static_cast<std::uint32_t>(*v));
  else
    put16(out, static_cast<std::uint16_t>(*v));
  return {};
}

std::string write_number(const cell& value, bool wide, std::string& out) {
  const auto v = number_of(value);
  if (!v) return not_a(value, "a number");
  if (wide) {
    put32(out, 8);
    put64(out, std::bit_cast<std::uint64_t>(*v));
    return {};
  }
  // Halfway to what would be the next: below it a number is the greatest, as it is to Postgres.
  constexpr double greatest = std::numeric_limits<float>::max(), beyond = 0x1.ffffffp127;
  if (std::isfinite(*v) && std::abs(*v) >= beyond) return quoted(value) + " is out of range";
  const double near = std::isfinite(*v) ? std::clamp(*v, -greatest, greatest) : *v;
  put32(out, 4);
  put32(out, std::bit_cast<std::uint32_t>(static_cast<float>(near)));
  return {};
}

std::string write_boolean(const cell& value, std::string& out) {
  std::optional<bool> v;
  if (value.is == cell::kind::boolean)
    v = value.integer != 0;
  else if (value.is == cell::kind::text)
    v = read_boolean(value.text);
  else if (value.is == cell::kind::integer && (value.integer == 0 || value.integer == 1))
    v = value.integer == 1;
  if (!v) return not_a(value, "true or false");
  put32(out, 1);
  out += *v ? '\1' : '\0';
  return {};
}

std::string write_numeric(const target_column& column, const cell& value, std::string& out) {
  if (value.is == cell::kind::boolean || value.is == cell::kind::json) return not_a(value, "a number");
  if (value.is == cell::kind::number && !std::isfinite(value.number)) {
    // Sign words of NaN and the infinities; a column of a given precision takes NaN alone.
    const bool nan = std::isnan(value.number);
    if (!nan && column.precision > 0) return quoted(value) + " is too large for " + column.type;
    put32(out, 8);
    put32(out, 0);
    put16(out, nan ? 0xc000 : value.number > 0 ? 0xd000 : 0xf000);
    put16(out, 0);
    return {};
  }
  const auto v = read_numeric(shown(value), column.precision, column.scale);
  if (!v) return not_a(value, "a number");
  if (v->too_large) return quoted(value) + " is too large for " + column.type;
  put_field(out, v->bytes);
  return {};
}

std::string write_uuid(const cell& value, std::string& out) {
  const auto hex = value.is == cell::kind::text ? read_uuid(value.text) : std::nullopt;
  if (!hex) return not_a(value, "a UUID");
  const auto bytes = geo::from_hex(*hex);
  put_field(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {};
}

// Hex digits, with or without Postgres's \\x in front.
std::string write_bytes(const cell& value, std::string& out) {
  std::string_view hex = value.text;
  if (hex.starts_with("\\x")) hex.remove_prefix(2);
  const auto bytes = value.is == cell::kind::text ? geo::from_hex(hex) : std::vector<std::byte>{};
  if (value.is != cell::kind::text || bytes.size() * 2 != hex.size()) return not_a(value, "bytes in hex");
  put_field(out, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {};
}

// Length in characters of text that is known to be UTF-8.
std::size_t characters(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text)
    n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

// Good to a thousandth at a metre, which is all that is asked: is it more than one?
double metres_between(geo::lonlat a, geo::lonlat b) {
  constexpr double metres_a_degree = 111'320;
  const double east =
      std::remainder(a.lon - b.lon, 360) * std::cos((a.lat + b.lat) / 2 * 3.14159265358979 / 180);
  return std::hypot(east, a.lat - b.lat) * metres_a_degree;
}

}  // namespace

row_encoder::row_encoder(const std::vector<target_column>& table, std::optional<std::int64_t> zone)
    : table_(table), zone_(zone) {}

void row_encoder::bind(column_mapping mapping) {
  mapping_ = std::move(mapping);
  const std::size_t n =
      mapping_.generated_geometry ? table_[*mapping_.generated_geometry].positions.size() : 0;
  given_.assign(n, {});
  given_mask_.assign(n, 0);
}

std::string row_encoder::header() {
  std::string out{"PGCOPY\n\xff\r\n\0", 11};
  put32(out, 0);
  put32(out, 0);
  return out;
}

std::string row_encoder::trailer() {
  return {"\xff\xff", 2};
}

std::string row_encoder::encode(const source_row& row, std::string& out) {
  const std::size_t start = out.size();
  difference_.clear();
  std::fill(given_mask_.begin(), given_mask_.end(), std::uint8_t{0});
  put16(out, static_cast<std::uint16_t>(mapping_.bindings.size()));
  for (const binding& b : mapping_.bindings) {
    std::string reason = write_value(b, row, out);
    if (reason.empty()) continue;
    out.resize(start);
    return table_[b.target].name + ": " + reason;
  }
  if (!given_.empty()) compare_geometry(row);
  return {};
}

std::string row_encoder::write_value(const binding& b, const source_row& row, std::string& out) {
  const target_column& column = table_[b.target];
  if (b.from_lonlat) return write_point(b, row, out);
  const cell& value = cell_at(row, b.source);
  const bool blank = value.is == cell::kind::text && column.kind != column_kind::text &&
                     column.kind != column_kind::bytea && trim(value.text).empty();
  if (value.is != cell::kind::null && !blank) {
    std::string reason = write_cell(column, value, out);
    if (!reason.empty() || !b.position) return reason;
    const auto number = number_of(value);
    assert(number);
    if (!(std::abs(*number) <= (b.position->second == 0 ? 180 : 90)))
      return quoted(value) + (b.position->second == 0 ? " is no longitude" : " is no latitude");
    geo::lonlat& place = given_[b.position->first];
    (b.position->second == 0 ? place.lon : place.lat) = *number;
    given_mask_[b.position->first] |= static_cast<std::uint8_t>(1 << b.position->second);
    return {};
  }
  if (b.from_feature && !row.geometry.empty()) return write_geometry(column, row.geometry, out);
  if (b.position && !row.geometry.empty()) {
    if (const auto place = position_at(row.geometry, b.position->first)) {
      const double ordinate = b.position->second == 0 ? place->lon : place->lat;
      return write_cell(column, {cell::kind::number, {}, 0, ordinate}, out);
    }
    return "is missing, and the feature's geometry does not give it";
  }
  if (column.not_null) return "is missing";
  put_null(out);
  return {};
}

std::string row_encoder::write_cell(const target_column& column, const cell& value, std::string& out) {
  switch (column.kind) {
    case column_kind::boolean:
      return write_boolean(value, out);
    case column_kind::int2:
      return write_integer(value, 2, out);
    case column_kind::int4:
      return write_integer(value, 4, out);
    case column_kind::int8:
      return write_integer(value, 8, out);
    case column_kind::float4:
      return write_number(value, false, out);
    case column_kind::float8:
      return write_number(value, true, out);
    case column_kind::numeric:
      return write_numeric(column, value, out);
    case column_kind::text:
      return write_text(column, value, out);
    case column_kind::date:
    case column_kind::time:
    case column_kind::timestamp:
    case column_kind::timestamptz:
      return write_time(column, value, out);
    case column_kind::uuid:
      return write_uuid(value, out);
    case column_kind::bytea:
      return write_bytes(value, out);
    case column_kind::json:
    case column_kind::jsonb:
      return write_json(column, value, out);
    case column_kind::geometry: {
      if (value.is != cell::kind::text && value.is != cell::kind::json) return not_a(value, "a geometry");
      const read_geometry g = geometry_from_text(value.text);
      return g.error.empty() ? write_geometry(column, g.ewkb, out) : g.error;
    }
    case column_kind::unsupported:
      break;
  }
  return "a value of type " + column.type + " cannot be loaded";
}

std::string row_encoder::write_text(const target_column& column, const cell& value, std::string& out) {
  const bool own = value.is == cell::kind::text || value.is == cell::kind::json;
  const std::string made = own ? std::string{} : shown(value);
  const std::string_view text = own ? value.text : std::string_view{made};
  if (std::memchr(text.data(), 0, text.size()) != nullptr) return "holds a NUL character";
  if (column.max_characters > 0 && characters(text) > static_cast<std::size_t>(column.max_characters))
    return quoted(value) + " is longer than " + column.type;
  put_field(out, text);
  return {};
}

std::string row_encoder::write_time(const target_column& column, const cell& value, std::string& out) {
  if (column.kind == column_kind::date) {
    const auto days = value.is == cell::kind::text ? read_date(value.text) : std::nullopt;
    if (!days) return not_a(value, "a date (YYYY-MM-DD)");
    put32(out, 4);
    put32(out, static_cast<std::uint32_t>(*days));
    return {};
  }
  if (column.kind == column_kind::time) {
    auto clock = value.is == cell::kind::text ? read_clock(value.text) : std::nullopt;
    // The day's end, which Postgres tells from its beginning.
    if (value.is == cell::kind::text && trim(value.text) == "24:00:00") clock = 86'400'000'000;
    if (!clock) return not_a(value, "a time of day (HH:MM:SS)");
    put32(out, 8);
    put64(out, static_cast<std::uint64_t>(*clock));
    return {};
  }
  auto time = value.is == cell::kind::text ? read_time(value.text) : std::nullopt;
  if (!time) return not_a(value, "a time (YYYY-MM-DDTHH:MM:SSZ)");
  if (column.kind == column_kind::timestamptz && !time->zoned) {
    if (!zone_) return quoted(value) + " names no time zone (--timezone sets one)";
    time->microseconds -= *zone_ * 1'000'000;
  }
  if (column.kind == column_kind::timestamp && time->zoned && zone_) time->microseconds += *zone_ * 1'000'000;
  put32(out, 8);
  put64(out, static_cast<std::uint64_t>(time->microseconds));
  return {};
}

std::string row_encoder::write_json(const target_column& column, const cell& value, std::string& out) {
  const std::string text = shown(value);
  const auto plain = without_numbers(text);
  simdjson::dom::element ignored;
  if (json_.parse(plain.text).get(ignored) != simdjson::SUCCESS) return not_a(value, "JSON");
  if (text.find("\\u0000") != text.npos) return "holds a NUL character";
  const bool versioned = column.kind == column_kind::jsonb;
  if (versioned && !plain.fits) return "holds a number that is too large for jsonb";
  put32(out, static_cast<std::uint32_t>(text.size() + (versioned ? 1 : 0)));
  if (versioned) out += '\1';
  out += text;
  return {};
}

std::string row_encoder::write_geometry(const target_column& column, std::span<const std::byte> ewkb,
                                        std::string& out) {
  std::string reason = check_geometry(column, ewkb);
  if (reason.empty()) put_field(out, {reinterpret_cast<const char*>(ewkb.data()), ewkb.size()});
  return reason;
}

std::string row_encoder::write_point(const binding& b, const source_row& row, std::string& out) {
  const target_column& column = table_[b.target];
  const cell& x = cell_at(row, b.from_lonlat->first);
  const cell& y = cell_at(row, b.from_lonlat->second);
  if (x.is == cell::kind::null && y.is == cell::kind::null && !column.not_null) {
    put_null(out);
    return {};
  }
  const auto lon = number_of(x), lat = number_of(y);
  if (!lon || !(std::abs(*lon) <= 180)) return not_a(x, "a longitude");
  if (!lat || !(std::abs(*lat) <= 90)) return not_a(y, "a latitude");
  std::vector<std::byte> ewkb(25);
  const std::uint32_t head[] = {0x20000001, 4326};
  const double place[] = {*lon, *lat};
  ewkb[0] = std::byte{1};
  std::memcpy(ewkb.data() + 1, head, sizeof head);
  std::memcpy(ewkb.data() + 9, place, sizeof place);
  return write_geometry(column, ewkb, out);
}

// The table computes this geometry; what the file says of it is only looked at.
void row_encoder::compare_geometry(const source_row& row) {
  std::vector<std::byte> own;
  std::span<const std::byte> geometry = row.geometry;
  if (mapping_.compared) {
    const cell& value = cell_at(row, mapping_.compared);
    if (value.is != cell::kind::text && value.is != cell::kind::json) return;
    read_geometry g = geometry_from_text(value.text);
    if (!g.error.empty()) {
      difference_ = "its geometry, which is computed from its coordinates, cannot be read: " + g.error;
      return;
    }
    own = std::move(g.ewkb);
    geometry = own;
  }
  if (geometry.empty()) return;
  for (std::size_t i = 0; i < given_.size(); ++i) {
    if (given_mask_[i] == 0 && !mapping_.compared) continue;
    const auto place = position_at(geometry, i);
    if (!place) {
      difference_ = "its geometry is not the point or line that its coordinates are";
    } else if (given_mask_[i] != 3) {
      difference_ = "it has a geometry but no coordinates, which the geometry is computed from";
    } else if (const double metres = metres_between(*place, given_[i]); metres > 1) {
      difference_ = "its geometry is " + std::to_string(std::llround(metres)) +
                    " m from its coordinates, which are kept";
    } else {
      continue;
    }
    return;
  }
}

}  // namespace gridlight::sync
