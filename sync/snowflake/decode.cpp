#include "sync/snowflake/decode.hpp"

#include <algorithm>
#include <charconv>
#include <limits>

#include "sync/load/values.hpp"
#include "sync/snowflake/moment.hpp"

namespace gridlight::sync::snowflake {
namespace {

bool same_letters(std::string_view text, std::string_view lowered) {
  return std::equal(text.begin(), text.end(), lowered.begin(), lowered.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

std::string not_a(std::string_view value, std::string_view what) {
  const bool ascii = std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (value.size() > 60 || !ascii) return "the value is not " + std::string{what};
  return "\"" + std::string{value} + "\" is not " + std::string{what};
}

std::optional<double> read_special(std::string_view text) {
  if (same_letters(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (!same_letters(text, "inf") && !same_letters(text, "infinity")) return std::nullopt;
  return negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
}

constexpr std::string_view out_of_range = " is out of range (years 1 to 9999)";

}  // namespace

row_decoder::row_decoder(const std::vector<column>& columns) : columns_(columns), made_(columns.size()) {
  for (const column& c : columns)
    forms_.push_back(form_of(c));
}

row_decoder::form row_decoder::form_of(const column& c) {
  if (!c.extension.empty()) return form::as_is;  // GeoJSON, WKT or hex: all are read as geometries
  if (c.type == "real" || c.type == "float" || c.type == "double") return form::real;
  if (c.type == "date") return form::date;
  if (c.type == "time") return form::time;
  if (c.type == "timestamp_ntz" || c.type == "datetime") return form::local_time;
  if (c.type == "timestamp_ltz") return form::instant;
  if (c.type == "timestamp_tz") return form::zoned;
  for (const std::string_view json : {"variant", "object", "array", "map", "vector"})
    if (c.type == json) return form::json;
  return form::as_is;
}

std::string row_decoder::decode(std::vector<cell>& cells) {
  for (std::size_t i = 0; i < cells.size() && i < forms_.size(); ++i) {
    if (cells[i].is != cell::kind::text || forms_[i] == form::as_is) continue;
    std::string reason = decode_one(forms_[i], cells[i], made_[i]);
    if (!reason.empty()) return columns_[i].name + ": " + reason;
  }
  return {};
}

std::string row_decoder::decode_one(form f, cell& value, std::string& room) {
  const std::string_view text = value.text;
  switch (f) {
    case form::real:
      if (const auto special = read_special(text)) value = {cell::kind::number, {}, 0, *special};
      return {};
    case form::json:
      if (needs_rewriting(text)) value.text = room = strict_json(text);
      return {};
    case form::date: {
      const auto days = read_days(text);
      if (!days) return not_a(text, "a date");
      if (!write_date(*days, room)) return "\"" + std::string{text} + "\"" + std::string{out_of_range};
      break;
    }
    case form::time: {
      const auto nanoseconds = read_day_time(text);
      if (!nanoseconds) return not_a(text, "a time of day");
      write_day_time(*nanoseconds, room);
      break;
    }
    default: {
      const auto moment = read_moment(text);
      if (!moment) return not_a(text, "a point in time");
      // The text of one kind must not pass for another: an hour's error would be seen by nobody.
      if (f == form::zoned && moment->as_text && !moment->offset) return not_a(text, "a time with an offset");
      if (f == form::local_time && moment->offset) return not_a(text, "a time without an offset");
      if (!write_instant(moment->at, f != form::local_time, room))
        return "\"" + std::string{text} + "\"" + std::string{out_of_range};
    }
  }
  value.text = room;
  return {};
}

std::optional<instant> read_instant(std::string_view text) {
  const auto moment = read_moment(text);
  return moment ? std::optional{moment->at} : std::nullopt;
}

}  // namespace gridlight::sync::snowflake
