#include <algorithm>
#include <array>
#include <cstdlib>

#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/translate.hpp"

namespace gridlight::test::snowflake {
namespace {

struct type_name {
  std::string_view snowflake, postgres;
  bool arguments;  ///< (p, s) is kept
};

constexpr auto type_names = std::to_array<type_name>({
    {"NUMBER", "numeric", true},
    {"DECIMAL", "numeric", true},
    {"NUMERIC", "numeric", true},
    {"STRING", "text", false},
    {"VARCHAR", "varchar", true},
    {"TEXT", "text", false},
    {"CHAR", "varchar", true},
    {"INT", "bigint", false},
    {"INTEGER", "bigint", false},
    {"BIGINT", "bigint", false},
    {"SMALLINT", "bigint", false},
    {"FLOAT", "float8", false},
    {"DOUBLE", "float8", false},
    {"REAL", "float8", false},
    {"VARIANT", "jsonb", false},
    {"OBJECT", "jsonb", false},
    {"ARRAY", "jsonb", false},
    {"BINARY", "bytea", false},
    {"TIMESTAMP_NTZ", "timestamp", false},
    {"TIMESTAMP_LTZ", "timestamptz", false},
    {"TIMESTAMP_TZ", "timestamptz", false},
    {"TIMESTAMP", "timestamp", false},
    {"DATETIME", "timestamp", false},
    {"TIME", "time", false},
});

constexpr int longest_varchar = 10'485'760;  // Postgres's; Snowflake's default is longer

void erase(tokens& sql, std::size_t from, std::size_t to) {
  sql.erase(sql.begin() + static_cast<std::ptrdiff_t>(from), sql.begin() + static_cast<std::ptrdiff_t>(to));
}

void rewrite_type(tokens& sql, std::size_t at, const type_name& type) {
  sql[at].text = type.postgres;
  const bool has = at + 1 < sql.size() && sql[at + 1].is("(");
  if (!has) {
    if (type.postgres == "numeric") sql[at].text = "numeric(38,0)";
    return;
  }
  const bool too_long = type.postgres == "varchar" && std::atoi(sql[at + 2].text.c_str()) > longest_varchar;
  if (type.arguments && !too_long) return;
  if (too_long) sql[at].text = "text";
  erase(sql, at + 1, closing(sql, at + 1) + 1);
}

// IFF and its like are functions of Postgres; these are words there, or want another form.
std::string constant(const token& word, const place& where, const settings& how) {
  const auto quoted = [](const std::string& text) { return text.empty() ? "NULL::text" : "'" + text + "'"; };
  if (word.is("CURRENT_TIMESTAMP") || word.is("SYSTIMESTAMP") || word.is("LOCALTIMESTAMP"))
    return "date_trunc('milliseconds', statement_timestamp())";
  if (word.is("SYSDATE")) return "date_trunc('milliseconds', statement_timestamp()::timestamp)";
  if (word.is("CURRENT_DATE")) return "statement_timestamp()::date";
  if (word.is("CURRENT_DATABASE")) return quoted(where.database);
  if (word.is("CURRENT_SCHEMA")) return quoted(where.schema);
  if (word.is("CURRENT_WAREHOUSE")) return quoted(where.warehouse);
  if (word.is("CURRENT_ROLE")) return quoted(where.role);
  if (word.is("CURRENT_USER")) return quoted(how.user);
  if (word.is("CURRENT_ACCOUNT")) return quoted(how.account);
  if (word.is("CURRENT_VERSION")) return "'9.0.0'";
  return "";
}

// HASH_AGG(*) is over the columns of the one table in FROM.
std::string star(const tokens& sql) {
  for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
    if (!sql[i].is("FROM")) continue;
    std::size_t last = i + 1;
    while (last + 2 < sql.size() && sql[last + 1].is("."))
      last += 2;
    static constexpr std::string_view words[] = {"WHERE", "CHANGES", "AT", "GROUP", "ORDER", "LIMIT", "JOIN"};
    const bool named =
        last + 1 < sql.size() && sql[last + 1].type == token::kind::word &&
        std::none_of(std::begin(words), std::end(words), [&](auto w) { return sql[last + 1].is(w); });
    if (named) ++last;
    return sql[last].text + ".*";
  }
  return "*";
}

}  // namespace

void rewrite_types(tokens& sql, bool definition) {
  for (std::size_t i = 1; i < sql.size(); ++i) {
    const token& before = sql[i - 1];
    const bool column = definition && before.is_name() && !before.is("COLUMN");
    if (sql[i].type != token::kind::word || !(before.is("::") || before.is("AS") || column)) continue;
    const auto* type = std::find_if(type_names.begin(), type_names.end(),
                                    [&](const type_name& t) { return sql[i].is(t.snowflake); });
    // A column may be called as a type is, after AS: only CAST(… AS t) ends so.
    if (type == type_names.end()) continue;
    if (before.is("AS") && !(i + 1 < sql.size() && (sql[i + 1].is(")") || sql[i + 1].is("(")))) continue;
    rewrite_type(sql, i, *type);
  }
}

void rewrite_paths(tokens& sql) {
  for (std::size_t i = 1; i + 1 < sql.size(); ++i) {
    if (!sql[i].is(":") || !sql[i + 1].is_name()) continue;
    std::size_t from = i - 1, to = i + 1;
    while (from >= 2 && sql[from - 1].is("."))
      from -= 2;
    const auto key = [&](const token& t) {
      return t.type == token::kind::quoted ? swap_case(t.text) : "\"" + t.text + "\"";
    };
    std::string path = key(sql[to++]);
    for (; to + 1 < sql.size() && sql[to].is(".") && sql[to + 1].is_name(); to += 2)
      path += "," + key(sql[to + 1]);
    const std::string text = "(" + join(sql, from, i) + " #>> '{" + path + "}')";
    replace(sql, from, to, text);
    i = from;
  }
}

void rewrite_functions(tokens& sql, const place& where, const settings& how) {
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i].type != token::kind::word || (i > 0 && sql[i - 1].is("."))) continue;
    const bool called = i + 1 < sql.size() && sql[i + 1].is("(");
    const std::size_t end = called ? closing(sql, i + 1) : i;
    if (std::string text = constant(sql[i], where, how); !text.empty()) {
      replace(sql, i, called ? end + 1 : i + 1, std::move(text));
    } else if (called && sql[i].is("TABLE")) {
      erase(sql, end, end + 1);
      erase(sql, i, i + 2);
      sql[i--].spaced = true;
    } else if (called && (sql[i].is("HASH_AGG") || sql[i].is("HASH"))) {
      const bool all = sql[i + 2].is("*"), aggregate = sql[i].is("HASH_AGG");
      std::string row = "hashtextextended(ROW(" + (all ? star(sql) : join(sql, i + 2, end)) + ")::text, 0)";
      replace(sql, i, end + 1, aggregate ? "coalesce(bit_xor(" + row + "), 0)" : row);
    } else if (called && (sql[i].is("DATEADD") || sql[i].is("DATEDIFF") || sql[i].is("TIMESTAMPADD"))) {
      sql[i].text = sql[i].is("DATEDIFF") ? "datediff" : "dateadd";
      if (sql[i + 2].type == token::kind::word) sql[i + 2].text = "'" + sql[i + 2].text + "'";
    } else if (called && sql[i].is("DATE_PART")) {
      if (upper(sql[i + 2].text).find("EPOCH") != std::string::npos) sql[i].text = "epoch_part";
      if (sql[i + 2].type == token::kind::word) sql[i + 2].text = "'" + sql[i + 2].text + "'";
    }
  }
}

void rewrite_merge(tokens& sql) {
  bool set = false;
  for (std::size_t i = 0; i + 3 < sql.size(); ++i) {
    if (sql[i].is("(") && !(i > 0 && sql[i - 1].is("INSERT"))) {
      i = closing(sql, i);
      continue;
    }
    if (sql[i].is("WHEN")) set = false;
    if (sql[i].is("SET")) set = true;
    if (sql[i].is("INSERT") && sql[i + 1].is("(")) {
      for (std::size_t at = i + 2; at + 1 < closing(sql, i + 1); ++at)
        if (sql[at + 1].is(".")) erase(sql, at, at + 2);
      i = closing(sql, i + 1);
    } else if (set && (sql[i].is("SET") || sql[i].is(",")) && sql[i + 2].is(".")) {
      erase(sql, i + 1, i + 3);
      sql[i + 1].spaced = true;
    }
  }
}

// Postgres before 16 wants a name for each SELECT in FROM.
void name_subqueries(tokens& sql) {
  int count = 0;
  for (std::size_t i = 1; i + 1 < sql.size(); ++i) {
    const bool from = sql[i - 1].is("FROM") || sql[i - 1].is("JOIN") || sql[i - 1].is("USING");
    if (!from || !sql[i].is("(") || !(sql[i + 1].is("SELECT") || sql[i + 1].is("WITH"))) continue;
    const std::size_t next = closing(sql, i) + 1;
    static constexpr std::string_view keywords[] = {"WHERE", "GROUP", "ORDER", "LIMIT",  "UNION", "JOIN",
                                                    "LEFT",  "INNER", "ON",    "HAVING", "CROSS"};
    const bool named = next < sql.size() && sql[next].is_name() &&
                       std::none_of(std::begin(keywords), std::end(keywords),
                                    [&](std::string_view k) { return sql[next].is(k); });
    if (!named)
      sql.insert(sql.begin() + static_cast<std::ptrdiff_t>(next),
                 {token::kind::word, "unnamed" + std::to_string(++count), true});
  }
}

}  // namespace gridlight::test::snowflake
