#include "api/sync_run_row.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

// "{}" is the table. Members of the JSON have the names of the columns.
struct run_column {
  std::string_view name, sql;
};
constexpr std::array columns{
    run_column{"run_id", "{}.run_id"},
    run_column{"layer", "{}.layer"},
    run_column{"mode", "{}.mode"},
    run_column{"direction", "{}.direction"},
    run_column{"status", "{}.status"},
    run_column{"started_at", "{}.started_at"},
    run_column{"finished_at", "{}.finished_at"},
    run_column{"duration_s", "extract(epoch FROM {0}.finished_at - {0}.started_at)::float8"},
    run_column{"rows_read", "{}.rows_read"},
    run_column{"rows_written", "{}.rows_written"},
    run_column{"rows_deleted", "{}.rows_deleted"},
    run_column{"rows_rejected", "{}.rows_rejected"},
    run_column{"bytes", "{}.bytes"},
    run_column{"error", "{}.error"}};

bool ends_word(char c) {
  return c == ' ' || c == ':' || c == ',' || c == ';' || c == '\n' || c == '"' || c == '(' || c == ')';
}

// Where in brackets begins what is for the log. A few words in brackets within the sentence are not:
// "(max_errors)", "X is text (text), which …".
std::size_t log_part(std::string_view text) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == ' '; };
  std::size_t at = text.find(" (");
  while (at != text.npos) {
    const std::size_t close = text.find(')', at);
    if (close == text.npos || close + 1 == text.size() || close - at > 32) return at;
    const std::string_view inside = text.substr(at + 2, close - at - 2);
    if (!std::all_of(inside.begin(), inside.end(), is_word)) return at;
    at = text.find(" (", close);
  }
  return at;
}

}  // namespace

std::string public_error(std::string_view text, bool whole) {
  std::string out;
  // Where a database is, and who logs in there, is the log's alone.
  if (whole) return out.assign(text.substr(0, text.find(" (connection to server ")));
  text = text.substr(0, std::min(log_part(text), text.find('\n')));
  for (std::size_t i = 0; i < text.size();) {
    const bool starts = i == 0 || ends_word(text[i - 1]);
    if (text[i] == '"' || (text[i] == '\'' && starts)) {
      const std::size_t end = text.find(text[i], i + 1);
      out += text[i];
      out += "\u2026";
      out += text[i];
      i = end == text.npos ? text.size() : end + 1;
    } else if (text[i] == '/' && starts) {
      const auto end = static_cast<std::size_t>(
          std::find_if(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), ends_word) - text.begin());
      const std::size_t name = end - i < 2 ? i : text.rfind('/', end - 2) + 1;
      out += text.substr(name, end - name);
      i = end;
    } else {
      out += text[i++];
    }
  }
  return out;
}

std::string run_columns(std::string_view table) {
  std::string out;
  for (const run_column& c : columns)
    out += (out.empty() ? "" : ", ") + fmt::format(fmt::runtime(c.sql), table);
  return out;
}

void append_run(std::string& out, const postgres::result_set& rows, int row, int first, bool whole) {
  int column = first;
  for (const run_column& c : columns) {
    out.append(column == first ? "{\"" : ",\"").append(c.name).append("\":");
    if (rows.is_null(row, column))
      out += "null";
    else if (c.name == "error")
      append_json_string(out, public_error(rows.text(row, column), whole));
    else
      append_json_value(out, rows.type(column), rows.text(row, column));
    ++column;
  }
  out += '}';
}

}  // namespace gridlight::api
