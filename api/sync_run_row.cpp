#include "api/sync_run_row.hpp"

#include <algorithm>
#include <array>

#include "api/value_writer.hpp"

namespace gridlight::api {
namespace {

constexpr std::array<std::string_view, run_column_count> members{
    R"({"run_id":)",    R"(,"layer":)",        R"(,"mode":)",         R"(,"direction":)",
    R"(,"status":)",    R"(,"started_at":)",   R"(,"finished_at":)",  R"(,"duration_s":)",
    R"(,"rows_read":)", R"(,"rows_written":)", R"(,"rows_deleted":)", R"(,"rows_rejected":)",
    R"(,"bytes":)",     R"(,"error":)"};
constexpr int error_column = run_column_count - 1;

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

void append_run(std::string& out, const postgres::result_set& rows, int row, int first, bool whole) {
  for (int i = 0; i < run_column_count; ++i) {
    out += members[static_cast<std::size_t>(i)];
    const int column = first + i;
    if (rows.is_null(row, column))
      out += "null";
    else if (i == error_column)
      append_json_string(out, public_error(rows.text(row, column), whole));
    else
      append_json_value(out, rows.type(column), rows.text(row, column));
  }
  out += '}';
}

}  // namespace gridlight::api
