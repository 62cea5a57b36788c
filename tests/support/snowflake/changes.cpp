#include <fmt/format.h>

#include <algorithm>

#include "tests/support/snowflake/sql_failure.hpp"
#include "tests/support/snowflake/translate.hpp"

namespace gridlight::test::snowflake {
namespace {

std::string bare(std::string name) {
  if (name.size() >= 2 && name.front() == '"')
    name = name.substr(1, name.size() - 2);
  else
    name = swap_case(upper(name));
  return name;
}

std::string columns_of(database& db, const std::string& relation) {
  return db.value("SELECT string_agg('h.' || c, ', ') FROM snowflake.columns_of(" + relation + ") c")
      .value_or("");
}

// A table's net changes, as a subquery. What began as a DELETE existed before, what ends in an INSERT exists
// after.
std::string net_changes(database& db, const std::string& relation, const std::string& from,
                        const std::string& to, bool append_only) {
  const std::string columns = columns_of(db, relation);
  const std::string window =
      fmt::format(R"(FROM snowflake_history.t{} h WHERE h."metadata$at" > {} AND h."metadata$at" <= {})",
                  relation, from, to);
  if (append_only)
    return fmt::format(R"((SELECT {}, h."metadata$action", h."metadata$isupdate", h."metadata$row_id" {})"
                       R"( AND h."metadata$action" = 'INSERT' AND NOT h."metadata$isupdate"))",
                       columns, window);
  return fmt::format(
      R"((SELECT {0}, h."metadata$action", (h.first$ = 'DELETE' AND h.last$ = 'INSERT') AS "metadata$isupdate",)"
      R"( h."metadata$row_id" FROM (SELECT h.*, first_value(h."metadata$action") OVER w AS first$,)"
      R"( last_value(h."metadata$action") OVER w AS last$, row_number() OVER (w2 ORDER BY h."metadata$seq") AS early$,)"
      R"( row_number() OVER (w2 ORDER BY h."metadata$seq" DESC) AS late$ {1})"
      R"( WINDOW w AS (PARTITION BY h."metadata$row_id" ORDER BY h."metadata$seq")"
      R"( ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),)"
      R"( w2 AS (PARTITION BY h."metadata$row_id", h."metadata$action")) h)"
      R"( WHERE CASE h."metadata$action" WHEN 'DELETE' THEN h.first$ = 'DELETE' AND h.early$ = 1)"
      R"( ELSE h.last$ = 'INSERT' AND h.late$ = 1 END))",
      columns, window);
}

void refuse_geospatial(database& db, const std::string& relation, const settings& how, bool append_only) {
  if (append_only || how.geospatial_changes) return;
  if (db.value("SELECT 1 FROM pg_attribute WHERE attrelid = " + relation +
               " AND attnum > 0 AND snowflake.kind_of(atttypid) IN ('geography', 'geometry') LIMIT 1"))
    throw sql_failure{422, "000002", "0A000", "Unsupported feature 'changes of geospatial columns'."};
}

// Changes committed up to now: whoever writes holds the table's lock from before its moment to its commit.
void lock(database& db, const std::string& relation, translation& out) {
  out.before.push_back("LOCK TABLE " + db.value("SELECT " + relation + "::regclass").value_or("") +
                       " IN SHARE MODE");
}

struct clause {
  bool append_only = false;
  std::string from, to = "clock_timestamp()";
};

// (TIMESTAMP => e), (OFFSET => e), (STREAM => 's')
std::string bound(const tokens& sql, std::size_t open, const place& where, database& db) {
  const std::size_t end = closing(sql, open);
  if (open + 3 >= end || !sql[open + 2].is("=>"))
    throw compilation("001003", "42000", "syntax error line 1 at position 0 unexpected 'AT'.");
  const std::string value = join(sql, open + 3, end);
  std::string sought;
  if (sql[open + 1].is("TIMESTAMP"))
    sought = "SELECT (" + value + ")::timestamptz";
  else if (sql[open + 1].is("OFFSET"))
    sought = "SELECT statement_timestamp() + (" + value + ") * interval '1 second'";
  else if (sql[open + 1].is("STREAM"))
    sought = "SELECT position FROM snowflake.stream WHERE schema = " +
             db.literal(swap_case(where.database + "." + where.schema)) +
             " AND name = snowflake.swap_case(upper(" + value + "))";
  else
    throw compilation("001003", "42000", "syntax error line 1 at position 0 unexpected '" + value + "'.");
  const auto found = db.value(sought);
  if (!found) throw compilation("002003", "42S02", "Stream " + value + " does not exist or not authorized.");
  return "'" + *found + "'::timestamptz";
}

// From CHANGES on; returns the place behind it.
std::size_t read_clause(const tokens& sql, std::size_t at, const place& where, database& db, clause& out) {
  const std::size_t end = closing(sql, at + 1);
  out.append_only = sql[end - 1].is("APPEND_ONLY");
  at = end + 1;
  if (at + 1 >= sql.size() || !(sql[at].is("AT") || sql[at].is("BEFORE")))
    throw compilation("001003", "42000", "syntax error line 1 at position 0 unexpected '<EOF>'.");
  out.from = bound(sql, at + 1, where, db);
  at = closing(sql, at + 1) + 1;
  if (at + 1 < sql.size() && sql[at].is("END") && sql[at + 1].is("(")) {
    out.to = bound(sql, at + 1, where, db);
    at = closing(sql, at + 1) + 1;
  }
  return at;
}

void check_retention(database& db, const std::string& relation, const std::string& from,
                     const std::string& name) {
  const auto known =
      db.value("SELECT born <= " + from +
               " + interval '1 millisecond' FROM snowflake.tracked WHERE relation = " + relation);
  if (known == "t") return;
  throw sql_failure{422, "000707", "02000",
                    "Time travel data is not available for table " + name +
                        ". The requested time is either beyond the allowed time travel period or before the "
                        "object creation time."};
}

// The code is a guess; the words are Snowflake's.
void check_tracking(database& db, const std::string& relation, const std::string& from,
                    const std::string& name) {
  const auto known =
      db.value("SELECT enabled AND since <= " + from +
               " + interval '1 millisecond' FROM snowflake.tracked WHERE relation = " + relation);
  if (known == "t") return;
  throw compilation(
      "000707", "02000",
      "Change tracking is not enabled or has been missing for the time range requested on table '" + name +
          "'.");
}

// A stream's rows, and its advance when it is DML that reads them.
std::string read_stream(database& db, const std::string& schema, const std::string& name, const settings& how,
                        translation& out) {
  const auto of = [&](const std::string& column) {
    return db.value("SELECT " + column + " FROM snowflake.stream WHERE schema = " + db.literal(schema) +
                    " AND name = " + db.literal(name));
  };
  const auto relation = of("relation");
  if (!relation) return "";
  const bool append_only = of("append_only") == "t";
  refuse_geospatial(db, *relation, how, append_only);
  lock(db, *relation, out);
  const std::string key = "(SELECT position FROM snowflake.stream WHERE schema = " + db.literal(schema) +
                          " AND name = " + db.literal(name) + ")";
  if (out.type == translation::kind::dml)
    out.after.push_back("UPDATE snowflake.stream SET position = clock_timestamp() WHERE schema = " +
                        db.literal(schema) + " AND name = " + db.literal(name));
  return net_changes(db, *relation, key, "clock_timestamp()", append_only);
}

// FROM and its like, but not EXTRACT(x FROM y) and IS DISTINCT FROM.
bool table_follows(const tokens& sql, std::size_t i) {
  static constexpr std::string_view words[] = {"FROM",  "JOIN",  "INTO",    "UPDATE",
                                               "USING", "TABLE", "TRUNCATE"};
  const bool word = std::any_of(std::begin(words), std::end(words), [&](auto w) { return sql[i].is(w); });
  return word && !(i > 0 && sql[i - 1].is("DISTINCT")) &&
         !(i > 2 && sql[i].is("FROM") && sql[i - 2].is("(") && sql[i - 3].is("EXTRACT")) &&
         !(sql[i].is("UPDATE") && i > 0 && sql[i - 1].is("THEN"));
}

}  // namespace

std::string table_name(const tokens& sql, std::size_t& at, const place& where) {
  std::vector<std::string> parts;
  for (; at < sql.size() && sql[at].is_name() && parts.size() < 3; at += 2) {
    parts.push_back(bare(sql[at].text));
    if (at + 1 >= sql.size() || !sql[at + 1].is(".")) {
      ++at;
      break;
    }
  }
  if (parts.empty())
    throw compilation("001003", "42000",
                      "syntax error line 1 at position 0 unexpected '" +
                          (at < sql.size() ? sql[at].text : std::string{"<EOF>"}) + "'.");
  if (parts.size() < 3 && where.database.empty())
    throw compilation("090105", "22000",
                      "Cannot perform operation. This session does not have a current database.");
  const std::string owner = parts.size() == 3 ? parts[0] : swap_case(where.database);
  const std::string schema = parts.size() > 1 ? parts[parts.size() - 2] : swap_case(where.schema);
  return "\"" + owner + "." + schema + "\".\"" + parts.back() + "\"";
}

namespace {

// Whether a name of its own follows what stands in FROM.
bool named_at(const tokens& sql, std::size_t at) {
  static constexpr std::string_view words[] = {"WHERE", "ORDER", "GROUP", "LIMIT", "JOIN",  "LEFT",
                                               "INNER", "CROSS", "ON",    "UNION", "HAVING"};
  return at < sql.size() && sql[at].is_name() &&
         std::none_of(std::begin(words), std::end(words), [&](auto w) { return sql[at].is(w); });
}

std::size_t last_of_name(const tokens& sql, std::size_t at) {
  while (at + 2 < sql.size() && sql[at + 1].is("."))
    at += 2;
  return at;
}

std::string relation_of(database& db, const std::string& name) {
  const auto relation = db.value("SELECT to_regclass(" + db.literal(name) + ")::oid");
  if (relation) return *relation;
  throw compilation("002003", "42S02", "Object '" + swap_case(name) + "' does not exist or not authorized.");
}

void put_changes(tokens& sql, std::size_t first, const place& where, const settings& how, database& db,
                 translation& out) {
  std::size_t end = first;
  const std::string name = table_name(sql, end, where), alias = sql[end - 1].text;
  const std::string relation = relation_of(db, name);
  clause c;
  const std::size_t behind = read_clause(sql, end, where, db, c);
  refuse_geospatial(db, relation, how, c.append_only);
  check_retention(db, relation, c.from, swap_case(alias));
  check_tracking(db, relation, c.from, swap_case(alias));
  lock(db, relation, out);
  const std::string rows = net_changes(db, relation, c.from, c.to, c.append_only);
  replace(sql, first, behind, rows + (named_at(sql, behind) ? "" : " " + alias));
}

// T AT (TIMESTAMP => …): the rows of now, with what went since and without what came.
void put_past(tokens& sql, std::size_t first, const place& where, database& db) {
  std::size_t end = first;
  const std::string name = table_name(sql, end, where), alias = sql[end - 1].text;
  const std::string relation = relation_of(db, name);
  const std::string from = bound(sql, end + 1, where, db);
  const std::size_t behind = closing(sql, end + 1) + 1;
  check_retention(db, relation, from, swap_case(alias));
  db.run("LOCK TABLE " + name + " IN SHARE MODE");
  const std::string since =
      fmt::format(R"(FROM snowflake_history.t{} h WHERE h."metadata$at" > {})", relation, from);
  std::string rows = name;
  if (db.value("SELECT 1 " + since + " LIMIT 1")) {
    const std::string columns = columns_of(db, relation);
    rows = fmt::format(
        R"(((SELECT {0} FROM {1} h UNION ALL SELECT {0} {2} AND h."metadata$action" = 'DELETE') EXCEPT ALL)"
        R"( SELECT {0} {2} AND h."metadata$action" = 'INSERT'))",
        columns, name, since);
  }
  replace(sql, first, behind, rows + (named_at(sql, behind) ? "" : " " + alias));
}

}  // namespace

void rewrite_tables(tokens& sql, const place& where, const settings& how, database& db, translation& out) {
  for (std::size_t i = 0; i + 1 < sql.size(); ++i) {
    if (!table_follows(sql, i)) continue;
    std::size_t first = i + 1;
    while (first < sql.size() && (sql[first].is("IF") || sql[first].is("NOT") || sql[first].is("EXISTS")))
      ++first;
    if (first >= sql.size() || !sql[first].is_name()) continue;
    const std::size_t last = last_of_name(sql, first);
    if (last + 2 < sql.size() && sql[last + 1].is("CHANGES") && sql[last + 2].is("(")) {
      put_changes(sql, first, where, how, db, out);
    } else if (last + 2 < sql.size() && (sql[last + 1].is("AT") || sql[last + 1].is("BEFORE")) &&
               sql[last + 2].is("(")) {
      put_past(sql, first, where, db);
    } else if (last > first) {
      std::size_t end = first;
      const std::string name = table_name(sql, end, where);
      replace(sql, first, end, name);
    } else if (!where.database.empty()) {
      const std::string schema = swap_case(where.database + "." + where.schema), alias = sql[first].text;
      const std::string rows = read_stream(db, schema, bare(alias), how, out);
      if (!rows.empty()) replace(sql, first, first + 1, rows + (named_at(sql, first + 1) ? "" : " " + alias));
    }
  }
}

}  // namespace gridlight::test::snowflake
