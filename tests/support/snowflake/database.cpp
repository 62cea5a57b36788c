#include "tests/support/snowflake/database.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>

#include "embedded/snowflake_catalog.hpp"
#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"

namespace gridlight::test::snowflake {
namespace {

struct meaning {
  std::string_view postgres, code, sql_state, text;
};

// "%" is the first name that Postgres's message quotes, as Snowflake writes it.
constexpr auto meanings = std::to_array<meaning>({
    {"42P01", "002003", "42S02", "SQL compilation error:\nObject '%' does not exist or not authorized."},
    {"3F000", "002003", "42S02", "SQL compilation error:\nObject '%' does not exist or not authorized."},
    {"P0002", "002003", "42S02", "SQL compilation error:\nObject '%' does not exist or not authorized."},
    {"42703", "000904", "42000", "SQL compilation error: error line 1 at position 0\ninvalid identifier '%'"},
    {"42601", "001003", "42000", "SQL compilation error:\nsyntax error line 1 at position 0 unexpected '%'."},
    {"42883", "002140", "42601", "SQL compilation error:\nUnknown function %"},
    {"42P07", "002002", "42710", "SQL compilation error:\nObject '%' already exists."},
    {"22P02", "100038", "22018", "Numeric value '%' is not recognized"},
    {"22003", "100038", "22018", "Numeric value '%' is not recognized"},
    {"22007", "100035", "22007", "Timestamp '%' is not recognized"},
    {"23502", "100072", "22000", "NULL result in a non-nullable column"},
    {"21000", "100090", "42P18", "Duplicate row detected during DML action"},
    {"22012", "100051", "22012", "Division by zero"},
    {"57014", "000604", "57014", "SQL execution canceled"},
    {"40P01", "000625", "57014", "Statement aborted: too many waiters for the lock"},
    {"55P03", "000625", "57014", "Statement aborted: too many waiters for the lock"},
});

std::string quoted_name(std::string_view message) {
  const auto from = message.find('"');
  if (from == std::string_view::npos) {
    // column t.x does not exist; function f(integer) does not exist
    const auto verb = message.find(" does not exist");
    const auto start = message.find(' ');
    if (verb == std::string_view::npos || start >= verb) return "";
    return swap_case(message.substr(start + 1, verb - start - 1));
  }
  auto to = message.find('"', from + 1);
  if (to == std::string_view::npos) to = message.size();
  return swap_case(message.substr(from + 1, to - from - 1));
}

}  // namespace

database::database(const std::string& conninfo) : connection_(PQconnectdb(conninfo.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error{PQerrorMessage(connection_.get())};
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  run("SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1; SET bytea_output = 'hex'");
}

database::rows database::run(const std::string& sql) {
  rows out{PQexec(connection_.get(), sql.c_str())};
  const auto status = PQresultStatus(out.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) fail(out.get());
  return out;
}

std::optional<std::string> database::value(const std::string& sql) {
  const rows r = run(sql);
  if (PQntuples(r.get()) == 0 || PQgetisnull(r.get(), 0, 0) != 0) return {};
  return PQgetvalue(r.get(), 0, 0);
}

std::string database::literal(const std::string& text) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> out{
      PQescapeLiteral(connection_.get(), text.data(), text.size()), &PQfreemem};
  if (!out) throw sql_failure{422, "100037", "22000", "Bind value is no UTF-8"};
  return out.get();
}

std::string database::name(const std::string& identifier) const {
  const std::unique_ptr<char, decltype(&PQfreemem)> out{
      PQescapeIdentifier(connection_.get(), identifier.data(), identifier.size()), &PQfreemem};
  return out ? out.get() : "\"\"";
}

void database::fail(const PGresult* failed) {
  const auto field = [&](int which) {
    const char* text = PQresultErrorField(failed, which);
    return std::string{text == nullptr ? "" : text};
  };
  const std::string state = field(PG_DIAG_SQLSTATE), message = field(PG_DIAG_MESSAGE_PRIMARY);
  const auto* found =
      std::find_if(meanings.begin(), meanings.end(), [&](const meaning& m) { return m.postgres == state; });
  if (found == meanings.end())
    throw sql_failure{422, "000603", "XX000", "SQL execution internal error: " + state + " " + message};
  std::string text{found->text};
  if (const auto place = text.find('%'); place != std::string::npos)
    text.replace(place, 1, quoted_name(message));
  throw sql_failure{422, std::string{found->code}, std::string{found->sql_state}, text};
}

void make_catalog(database& db) {
  if (db.value("SELECT to_regnamespace('snowflake')")) return;
  db.run("BEGIN; CREATE EXTENSION IF NOT EXISTS postgis");
  for (const auto& file : embedded::snowflake_catalog)
    db.run(std::string{file.text});
  db.run("COMMIT");
}

}  // namespace gridlight::test::snowflake
