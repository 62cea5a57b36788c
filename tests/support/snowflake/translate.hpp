#pragma once

#include <string>
#include <vector>

#include "tests/support/snowflake/database.hpp"
#include "tests/support/snowflake/settings.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"

namespace gridlight::test::snowflake {

/// Where a request runs.
struct place {
  std::string database, schema, warehouse, role;  ///< "" when the request names none
};

/// What Postgres is to be asked for one statement, in one transaction.
struct translation {
  enum class kind { select, dml, ddl, session } type;
  std::vector<std::string> before;  ///< such as the lock that makes changes complete
  std::string sql;
  std::vector<std::string> after;  ///< such as a stream's advance
  std::string verb;                ///< the first word, upper case
};

/// Translates a statement whose binds are in place. \throws sql_failure for what the emulator does not know
translation translate(tokens sql, const place& where, const settings& how, database& db);

/// \name The rewritings, in the order in which translate() does them
/// @{
void rewrite_types(tokens& sql, bool definition);
void rewrite_paths(tokens& sql);
void rewrite_functions(tokens& sql, const place& where, const settings& how);
void rewrite_merge(tokens& sql);
/// Qualified table names, CHANGES clauses and streams; fills `out.before` and `out.after`.
void rewrite_tables(tokens& sql, const place& where, const settings& how, database& db, translation& out);
void name_subqueries(tokens& sql);
/// @}

/// The Postgres name of a table named in SQL by one to three parts from `at`, which is moved past them.
std::string table_name(const tokens& sql, std::size_t& at, const place& where);

}  // namespace gridlight::test::snowflake
