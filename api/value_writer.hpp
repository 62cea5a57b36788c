#pragma once

#include <libpq-fe.h>

#include <string>
#include <string_view>

#include "geo/text_sink.hpp"

namespace gridlight::api {

/// Appends `text` as a JSON string with its quotes.
void append_json_string(geo::text_sink& out, std::string_view text);
void append_json_string(std::string& out, std::string_view text);

/// How values of a type of fixed size are written: `write` puts the text (at most 48 characters, no quotes)
/// of the `size` bytes that stand there and returns its end, or null when JSON has no such value.
struct value_form {
  char* (*write)(char* at, const char* bytes) noexcept = nullptr;  ///< null: no such type
  std::size_t size = 0;
  bool quoted = false;
};
value_form form_of(Oid type) noexcept;

/// Room that a value of a type of fixed size may need: the longest is a uuid, or a timestamp of the year
/// 294276.
inline constexpr std::size_t scalar_room = 48;

/// Writes a value of a type of fixed size as JSON and returns the end; no bytes are null.
/// \pre form.write, and `at` has scalar_room
inline char* write_json_value(char* at, const value_form& form, std::string_view bytes) noexcept {
  if (bytes.size() >= form.size) {
    *at = '"';
    if (char* end = form.write(at + (form.quoted ? 1 : 0), bytes.data()); end != nullptr) {
      *end = '"';
      return end + (form.quoted ? 1 : 0);
    }
  }
  return geo::text_sink::copy(at, "null");
}
/// \pre form.write
void append_json_value(geo::text_sink& out, const value_form& form, std::string_view bytes);
/// Appends a value of a type that form_of() does not know; see append_json_value.
void append_unsized_value(geo::text_sink& out, Oid type, std::string_view bytes);

/// Appends a value in Postgres' binary format as JSON: numbers as numbers (numeric with its own digits), NaN
/// and infinities as null, json and jsonb as they are, dates as "2026-11-20", timestamps as RFC 3339 in UTC
/// with up to six decimals ("timestamp", which knows no zone, without the Z), all else as a string. A value
/// that is shorter than its type says is written as null. \param type  of pg_type; one that is not decoded
/// natively must come as text
void append_json_value(geo::text_sink& out, Oid type, std::string_view bytes);
void append_json_value(std::string& out, Oid type, std::string_view bytes);

/// The same value as bare text, as feature ids and cursors hold it.
void append_text_value(std::string& out, Oid type, std::string_view bytes);

}  // namespace gridlight::api
