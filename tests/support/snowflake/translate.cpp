#include "tests/support/snowflake/translate.hpp"

#include <algorithm>

#include "tests/support/snowflake/sql_failure.hpp"

namespace gridlight::test::snowflake {
namespace {

bool starts_with(const tokens& sql, std::initializer_list<std::string_view> words) {
  std::size_t at = 0;
  return words.size() <= sql.size() &&
         std::all_of(words.begin(), words.end(), [&](std::string_view w) { return sql[at++].is(w); });
}

void drop_words(tokens& sql, std::size_t from, std::size_t count) {
  const auto first = sql.begin() + static_cast<std::ptrdiff_t>(from);
  sql.erase(first, first + static_cast<std::ptrdiff_t>(count));
}

// CREATE [OR REPLACE] [TRANSIENT] TABLE … CHANGE_TRACKING = TRUE COMMENT = '…' CLUSTER BY (…)
void rewrite_create(tokens& sql, const place& where, translation& out) {
  const bool replaces = starts_with(sql, {"CREATE", "OR", "REPLACE", "TABLE"}) ||
                        starts_with(sql, {"CREATE", "OR", "REPLACE", "TRANSIENT"});
  if (replaces) drop_words(sql, 1, 2);
  if (sql.size() > 1 && sql[1].is("TRANSIENT")) drop_words(sql, 1, 1);
  for (std::size_t i = 3; i + 2 < sql.size(); ++i) {
    if (sql[i].is("CHANGE_TRACKING") && sql[i + 1].is("="))
      out.before.push_back(std::string{"SET LOCAL snowflake.tracks = "} +
                           (sql[i + 2].is("TRUE") ? "on" : "off"));
    if ((sql[i].is("CHANGE_TRACKING") || sql[i].is("COMMENT")) && sql[i + 1].is("="))
      drop_words(sql, i--, 3);
    else if (sql[i].is("CLUSTER") && sql[i + 1].is("BY"))
      drop_words(sql, i, closing(sql, i + 2) + 1 - i);
  }
  if (!replaces || sql.size() < 3) return;
  std::size_t at = 2;
  out.before.push_back("DROP TABLE IF EXISTS " + table_name(sql, at, where));
  out.before.emplace_back("SELECT snowflake.track_all()");
}

// ALTER TABLE t SET CHANGE_TRACKING = TRUE
bool rewrite_tracking(const tokens& sql, const place& where, const database& db, translation& out) {
  if (!starts_with(sql, {"ALTER", "TABLE"})) return false;
  std::size_t at = 2;
  const std::string table = table_name(sql, at, where);
  if (at + 3 >= sql.size() || !sql[at + 1].is("CHANGE_TRACKING")) return false;
  out.sql =
      "UPDATE snowflake.tracked SET enabled = " + std::string{sql[at + 3].is("TRUE") ? "true" : "false"} +
      ", since = clock_timestamp() WHERE relation = " + db.literal(table) + "::regclass";
  return true;
}

// CREATE [OR REPLACE] STREAM s ON TABLE t [APPEND_ONLY = TRUE]; DROP STREAM s
bool rewrite_stream(const tokens& sql, const place& where, const database& db, translation& out) {
  const bool drops = starts_with(sql, {"DROP", "STREAM"}), replaces = starts_with(sql, {"CREATE", "OR"});
  if (!drops && !starts_with(sql, {"CREATE", "STREAM"}) &&
      !starts_with(sql, {"CREATE", "OR", "REPLACE", "STREAM"}))
    return false;
  std::size_t at = replaces ? 4 : 2;
  const std::string full = table_name(sql, at, where);
  const auto dot = full.rfind('.');
  const auto bare = [](std::string text) {
    std::erase(text, '"');
    return text;
  };
  const std::string key = "schema = " + db.literal(bare(full.substr(0, dot))) +
                          " AND name = " + db.literal(bare(full.substr(dot + 1)));
  out.sql = "DELETE FROM snowflake.stream WHERE " + key;
  if (drops) return true;
  if (replaces) out.before.push_back(out.sql);
  at += 2;
  const std::string table = table_name(sql, at, where);
  const bool append = at < sql.size() && sql[at].is("APPEND_ONLY") && sql.back().is("TRUE");
  out.before.push_back("LOCK TABLE " + table + " IN SHARE MODE");
  out.before.push_back(
      "UPDATE snowflake.tracked SET enabled = true, since = clock_timestamp() WHERE NOT enabled AND relation "
      "= " +
      db.literal(table) + "::regclass");
  out.sql = "INSERT INTO snowflake.stream SELECT " + db.literal(bare(full.substr(0, dot))) + ", " +
            db.literal(bare(full.substr(dot + 1))) + ", " + db.literal(table) + "::regclass, " +
            (append ? "true" : "false") + ", clock_timestamp()";
  return true;
}

translation::kind kind_of(const std::string& verb) {
  for (const std::string_view v : {"SELECT", "WITH", "VALUES"})
    if (verb == v) return translation::kind::select;
  for (const std::string_view v : {"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})
    if (verb == v) return translation::kind::dml;
  for (const std::string_view v : {"CREATE", "DROP", "ALTER"})
    if (verb == v) return translation::kind::ddl;
  for (const std::string_view v : {"BEGIN", "COMMIT", "ROLLBACK", "USE", "SET"})
    if (verb == v) return translation::kind::session;
  throw unsupported(verb);
}

}  // namespace

translation translate(tokens sql, const place& where, const settings& how, database& db) {
  if (sql.empty()) throw sql_failure{422, "000900", "42601", "SQL compilation error: empty statement"};
  translation out{};
  out.verb = upper(sql[0].text);
  if (sql[0].is("(")) out.verb = "SELECT";
  out.type = kind_of(out.verb);
  if (out.verb == "ALTER" && sql.size() > 1 && sql[1].is("SESSION")) out.type = translation::kind::session;
  if (out.type == translation::kind::session) {
    out.sql = out.verb == "BEGIN" ? "BEGIN" : join(sql);
    return out;
  }
  if (out.type == translation::kind::ddl) {
    out.after.emplace_back("SELECT snowflake.track_all()");
    if (rewrite_tracking(sql, where, db, out) || rewrite_stream(sql, where, db, out)) return out;
    if (out.verb == "CREATE") rewrite_create(sql, where, out);
  }
  rewrite_types(sql, out.type == translation::kind::ddl);
  rewrite_paths(sql);
  rewrite_functions(sql, where, how);
  if (out.verb == "MERGE") rewrite_merge(sql);
  name_subqueries(sql);
  rewrite_tables(sql, where, how, db, out);
  out.sql = join(sql);
  return out;
}

}  // namespace gridlight::test::snowflake
