#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/error.hpp"
#include "server/postgres/connection.hpp"

namespace gridlight::sync {

/// An index as its replacement must be made.
struct index_shape {
  std::string name;
  std::string definition;  ///< what follows CREATE [UNIQUE] INDEX name ON table: "USING btree (id)"
  bool unique = false;
  std::string constraint;  ///< "PRIMARY KEY" or "UNIQUE" when it stands behind a constraint; else empty
  std::vector<std::string> columns;  ///< of a unique index over plain columns of all rows; else empty
  std::string timing = {};           ///< " DEFERRABLE INITIALLY DEFERRED", a part of it, or empty
  std::string tablespace = {};       ///< empty: the session's default

  /// Whether one can stand for the other, whatever it is called and wherever it lies.
  bool same_as(const index_shape& other) const {
    return definition == other.definition && constraint == other.constraint && timing == other.timing;
  }
};

/// A CHECK constraint.
struct check_shape {
  std::string name, definition, expression;
  bool operator==(const check_shape&) const = default;
};

/// What a table is apart from its columns and rows: all that its replacement has to be given again.
struct table_shape {
  std::string schema, name;
  std::string oid;          ///< empty: there is no such table yet
  std::string fingerprint;  ///< changes with the table, its grants and comments and all that hangs on it
  std::string persistence;  ///< "UNLOGGED " or empty
  std::string options;      ///< storage parameters, such as "fillfactor = '70'"
  std::string access_method, tablespace;
  std::vector<index_shape> indexes;
  std::vector<check_shape> checks;
};

/// What is done about things that hang on a table and that a swap cannot carry over.
enum class obstacles { refuse, ignore };

/// Reads a table for its replacement. Fails with schema_mismatch when it is not there, and with conflict,
/// naming them, when something hangs on it that a swap cannot carry over (materialized views, foreign keys,
/// publications, rules, functions, inheritance).
boost::asio::awaitable<result<table_shape>> read_shape(postgres::connection& db, std::string schema,
                                                       std::string table,
                                                       obstacles when_found = obstacles::refuse);

/// The fingerprint as it is now; empty when there is no such table.
boost::asio::awaitable<result<std::string>> read_fingerprint(postgres::connection& db, std::string schema,
                                                             std::string table);

/// A short one of what can change although the table is locked in SHARE UPDATE EXCLUSIVE MODE: its grants,
/// what hangs on it, and the views among that. Fit to be asked while readers wait.
boost::asio::awaitable<result<std::string>> read_quick_fingerprint(postgres::connection& db, std::string oid);

/// The name of a run's staging table, without its schema; it stands in the live table's schema.
std::string staging_name(std::int64_t run_id);

/// Makes the empty staging table in the transaction that is open: columns, defaults, generated columns and
/// storage of the live one, no indexes, no constraints and no grants. \pre shape.oid is not empty
boost::asio::awaitable<result<void>> create_staging(postgres::connection& db, const table_shape& shape,
                                                    std::int64_t run_id);

/// Rows that a check took out of a staging table.
struct removed_rows {
  struct row {
    std::int64_t ordinal = 0;  ///< the n-th row that was stored, from 1
    std::int64_t other = 0;    ///< the row that it clashes with; 0: none
    std::string key;
  };
  std::int64_t count = 0;
  std::vector<row> first;  ///< the first of them, in order; at most 10,000
  std::string reason;      ///< "duplicate id" or "violates check_name"
};

enum class duplicate_rule {
  reject,
  last
};  ///< which of several rows with one key stays: the first, or the last

/// Checks and indexes a filled staging table in the transaction that filled it: takes out duplicates of
/// unique keys and rows that violate a CHECK constraint, then builds every index (named new_index_name) and
/// constraint, and does make_alike(). \pre rows were stored by COPY in the same transaction as the table was
/// made, so that they stand in order
boost::asio::awaitable<result<std::vector<removed_rows>>> finish_staging(postgres::connection& db,
                                                                         const table_shape& shape,
                                                                         std::int64_t run_id,
                                                                         duplicate_rule rule);

/// The first half of finish_staging(): unique keys and CHECK constraints.
boost::asio::awaitable<result<std::vector<removed_rows>>> check_staging(postgres::connection& db,
                                                                        const table_shape& shape,
                                                                        std::int64_t run_id,
                                                                        duplicate_rule rule);
/// The second half: the other indexes, which nothing can keep from being built, and make_alike().
boost::asio::awaitable<result<void>> index_staging(postgres::connection& db, const table_shape& shape,
                                                   std::int64_t run_id);

/// Whether a unique index over the columns can be built.
boost::asio::awaitable<result<bool>> is_unique(postgres::connection& db, const table_shape& shape,
                                               std::int64_t run_id, std::string column);

/// Drops staging and replaced tables of runs that are gone, of every layer that no load works on at the
/// moment, and records those runs as failed.
boost::asio::awaitable<result<void>> remove_stale(postgres::connection& db);

/// One load at a time of a layer: an advisory lock that the session holds to its end. Fails with conflict,
/// saying so.
boost::asio::awaitable<result<void>> lock_layer(postgres::connection& db, std::string layer);

std::string new_index_name(std::int64_t run_id, std::size_t n);
std::string qualified(std::string_view schema, std::string_view name);  ///< quoted
bool is_sqlstate(const failure& f, std::string_view state);  ///< of a failure that Postgres reported

}  // namespace gridlight::sync
