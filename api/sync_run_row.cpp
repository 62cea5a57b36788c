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

}  // namespace

std::string public_error(std::string_view text, bool whole) {
  text = text.substr(0, std::min(text.find(" ("), text.find('\n')));
  std::string out;
  if (whole) return out.assign(text);
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
