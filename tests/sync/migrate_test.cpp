#include "sync/migrate.hpp"

#include <doctest/doctest.h>

#include <regex>

using namespace gridlight;
using namespace gridlight::sync;

namespace {

std::vector<migration> three() {
  return {{1, "001_a.sql", "CREATE TABLE public.a (x int);", "aa"},
          {2, "002_b.sql", "CREATE TABLE public.b (x int);\nCREATE TABLE public.c (x int);", "bb"},
          {3, "003_c.sql", "SELECT 1;", "cc"}};
}

}  // namespace

TEST_CASE("the migrations compiled in are numbered from 1 without gaps and end with a statement") {
  int expected = 1;
  for (const migration& m : known_migrations()) {
    CHECK(m.version == expected++);
    CHECK(m.checksum.size() == 64);
    const auto last = m.text.find_last_not_of(" \n");
    REQUIRE(last != std::string_view::npos);
    CHECK(m.text[last] == ';');
  }
  CHECK(expected_schema_version() == expected - 1);
  CHECK(expected_schema_version() >= 4);
}

TEST_CASE("next_migration goes through the files in order and then stops") {
  const auto known = three();
  std::vector<applied_migration> applied;
  for (const migration& m : known) {
    const auto next = next_migration(applied, known);
    REQUIRE(next.has_value());
    REQUIRE(next.value().has_value());
    CHECK((*next)->name == m.name);
    applied.push_back({m.version, m.checksum});
  }
  const auto none = next_migration(applied, known);
  REQUIRE(none.has_value());
  CHECK_FALSE(none->has_value());
}

TEST_CASE("next_migration refuses a changed file, a missing row and a newer database") {
  const auto known = three();
  const auto refusal = [&](std::vector<applied_migration> applied) {
    const auto next = next_migration(applied, known);
    REQUIRE_FALSE(next.has_value());
    CHECK(next.error().code == errc::conflict);
    return next.error().detail;
  };
  CHECK(refusal({{1, "aa"}, {2, "xx"}}).find("002_b.sql was changed") != std::string::npos);
  CHECK(refusal({{1, "aa"}, {3, "cc"}}).find("lacks 002_b.sql") != std::string::npos);
  CHECK(refusal({{2, "bb"}}).find("lacks 001_a.sql") != std::string::npos);
  CHECK(refusal({{1, "aa"}, {2, "bb"}, {3, "cc"}, {4, "dd"}}).find("older than the database") !=
        std::string::npos);
  CHECK(refusal({{1, "aa"}, {7, "dd"}}).find("older than the database") != std::string::npos);
  CHECK_FALSE(next_migration(std::vector<applied_migration>{{1, ""}}, std::vector<migration>{}).has_value());
}

TEST_CASE("the script guards each migration, records it, and grants only what it made") {
  const auto known = three();
  const std::string script = migration_script("map \"reader\"", known);
  CHECK(script.find("\\set ON_ERROR_STOP on\nBEGIN;") != std::string::npos);
  CHECK(script.find("to_regclass('gridlight.schema_migration') IS NULL") != std::string::npos);
  CHECK(script.find("WHERE version = 3") != std::string::npos);
  CHECK(script.find("VALUES (2, 'bb')") != std::string::npos);
  CHECK(script.find("GRANT SELECT ON public.a, public.b, public.c TO \"map \"\"reader\"\"\";") !=
        std::string::npos);
  CHECK(script.ends_with("COMMIT;\n"));
  CHECK(migration_script("", known).find("GRANT") == std::string::npos);
}

TEST_CASE("migrations only add: the program before goes on with the schema behind them") {
  const std::regex takes_away{
      "DROP\\s+(TABLE|COLUMN|VIEW|SCHEMA|TYPE)|RENAME\\s+(TO|COLUMN)|ALTER\\s+COLUMN\\s+\\w+\\s+(SET\\s+"
      "DATA\\s+)?"
      "TYPE|SET\\s+NOT\\s+NULL|(^|[^'])TRUNCATE\\s",
      std::regex::icase};
  const auto found = [&](std::string_view text) {
    std::match_results<std::string_view::const_iterator> at;
    return std::regex_search(text.begin(), text.end(), at, takes_away) ? at.str() : std::string{};
  };
  CHECK(found("ALTER TABLE a DROP COLUMN b") == "DROP COLUMN");
  CHECK(found("ALTER TABLE a ALTER COLUMN b TYPE bigint") == "ALTER COLUMN b TYPE");
  CHECK(found("SELECT 1; TRUNCATE a") == " TRUNCATE ");
  CHECK(found("IF TG_OP = 'TRUNCATE' THEN").empty());
  for (const migration& m : known_migrations()) {
    if (m.version < 7) continue;  // what is older was never met by a program that serves another version
    CHECK_MESSAGE(found(m.text).empty(), m.name << ": " << found(m.text));
  }
}
