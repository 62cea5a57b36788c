#include "tests/support/snowflake/binds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "tests/support/snowflake/sql_failure.hpp"

namespace gridlight::test::snowflake {
namespace {

[[noreturn]] void bad_value(const bind& b, const std::string& value) {
  throw sql_failure{422, "100037", "22018", "Bind value '" + value + "' is not of type " + b.type};
}

std::int64_t integer(const bind& b, const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size()) bad_value(b, text);
  return out;
}

std::string moment(std::int64_t nanoseconds, std::string_view cast) {
  // Postgres keeps microseconds: toward the past, as everywhere.
  std::int64_t micros = nanoseconds / 1000;
  if (nanoseconds % 1000 < 0) --micros;
  return fmt::format("('1970-01-01'::timestamp + {} * interval '1 microsecond'){}", micros, cast);
}

bool all_of(std::string_view text, std::string_view allowed) {
  return text.find_first_not_of(allowed) == std::string_view::npos && !text.empty();
}

std::string literal(const bind& b, const std::optional<std::string>& given, const database& db) {
  if (!given) return "NULL";
  const std::string& v = *given;
  if (b.type == "TEXT") return db.literal(v);
  if (b.type == "FIXED" || b.type == "REAL" || b.type == "DECFLOAT") {
    if (b.type == "REAL" && (v == "NaN" || v == "inf" || v == "-inf")) return "'" + v + "'::float8";
    if (!all_of(v, b.type == "FIXED" ? "-+0123456789" : "-+0123456789.eE")) bad_value(b, v);
    if (b.type == "REAL") return "'" + v + "'::float8";
    return "'" + v + (b.type == "FIXED" && v.size() < 19 ? "'::int8" : "'::numeric");
  }
  if (b.type == "BOOLEAN") {
    const std::string folded = upper(v);
    if (folded != "TRUE" && folded != "FALSE" && v != "1" && v != "0") bad_value(b, v);
    return "'" + folded + "'::boolean";
  }
  if (b.type == "BINARY") {
    if (v.size() % 2 != 0 || (!v.empty() && !all_of(v, "0123456789abcdefABCDEF"))) bad_value(b, v);
    return "'\\x" + v + "'::bytea";
  }
  if (b.type == "DATE") return fmt::format("('1970-01-01'::date + {})", integer(b, v) / 86'400'000);
  if (b.type == "TIME") return moment(integer(b, v), "::time");
  if (b.type == "TIMESTAMP_NTZ") return moment(integer(b, v), "");
  if (b.type == "TIMESTAMP_LTZ") return moment(integer(b, v), "::timestamptz");
  if (b.type == "TIMESTAMP_TZ") return moment(integer(b, v.substr(0, v.find(' '))), "::timestamptz");
  throw sql_failure{422, "100037", "22000", "Unsupported bind type " + b.type};
}

const bind& bind_at(const binds& values, std::size_t place) {
  if (place < values.size()) return values[place];
  throw compilation("002049", "42601", fmt::format("Bind variable ?{} not set.", place + 1));
}

void put_arrays(tokens& sql, const binds& values, const database& db, bool allowed) {
  const auto start = std::find_if(sql.begin(), sql.end(), [](const token& t) { return t.is("VALUES"); });
  if (!allowed || start == sql.end() || start + 1 == sql.end())
    throw sql_failure{422, "100037", "22000", "Array binds need INSERT … VALUES"};
  const auto open = static_cast<std::size_t>(start - sql.begin()) + 1;
  const std::size_t close = closing(sql, open), rows = values.at(0).values.size();
  std::string out;
  for (std::size_t row = 0; row < rows; ++row) {
    if (row > 0) out += ", ";
    std::size_t place = 0;
    for (std::size_t i = open; i <= close; ++i) {
      if (sql[i].type != token::kind::bind) {
        out += (sql[i].spaced ? " " : "") + sql[i].text;
        continue;
      }
      const bind& b = bind_at(values, place++);
      if (b.values.size() != rows)
        throw sql_failure{422, "100037", "22000", "Array binds are not of one length"};
      out += literal(b, b.values[row], db);
    }
  }
  replace(sql, open, close + 1, out);
}

}  // namespace

void put_binds(tokens& sql, const binds& values, const database& db, bool arrays) {
  if (std::any_of(values.begin(), values.end(), [](const bind& b) { return b.array; }))
    return put_arrays(sql, values, db, arrays);
  std::size_t place = 0;
  for (token& t : sql) {
    if (t.type != token::kind::bind) continue;
    const bind& b = bind_at(values, place++);
    t = {b.type == "TEXT" ? token::kind::string : token::kind::number, literal(b, b.values.at(0), db),
         t.spaced};
  }
}

}  // namespace gridlight::test::snowflake
