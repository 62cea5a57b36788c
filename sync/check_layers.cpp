#include "sync/check_layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "sync/check_watch.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

// Counting a layer or looking for doubled keys must not keep anybody waiting.
constexpr std::chrono::seconds scan_time{5};
constexpr std::chrono::seconds catalog_time{30};

std::int64_t to_integer(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct index {
  bool unique = false, ready = false, whole = false;  // whole: not partial
  std::string method;
  std::vector<std::string> keys;  // columns and expressions as Postgres writes them
};

// What pg_catalog tells of a layer's relation, to any role.
struct relation {
  std::string kind;  // relkind; empty: not there
  bool schema_usable = false, readable = false;
  std::int64_t estimate = -1;
  std::vector<index> indexes;
};

std::string qualified(const layer_config& l) {
  return connection::quote_identifier(l.schema) + "." + connection::quote_identifier(l.table);
}

std::string key_list(const layer_config& l) {
  std::vector<std::string> columns;
  for (const std::string& column : l.key)
    columns.push_back(connection::quote_identifier(column));
  return fmt::format("{}", fmt::join(columns, ", "));
}

awaitable<result<relation>> read_relation(connection& db, const layer_config& l) {
  relation out;
  const std::string where = fmt::format(
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace"
      " WHERE s.nspname = {} AND c.relname = {} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
      connection::quote_literal(l.schema), connection::quote_literal(l.table));
  const auto found = co_await db.execute(
      "SELECT c.relkind, has_schema_privilege(s.oid, 'USAGE'),"
      " has_table_privilege(c.oid, 'SELECT'), c.reltuples::bigint" +
          where,
      deadline_in(catalog_time));
  if (!found) co_return found.error();
  if (found->rows() == 0) co_return out;
  out.kind = found->text(0, 0);
  out.schema_usable = found->text(0, 1) == "t";
  out.readable = found->text(0, 2) == "t";
  out.estimate = to_integer(found->text(0, 3));

  const auto keys = co_await db.execute(
      "SELECT i.indexrelid, i.indisunique, i.indisvalid AND i.indisready, i.indpred IS NULL, m.amname,"
      " pg_get_indexdef(i.indexrelid, k, true) FROM pg_catalog.pg_index i"
      " JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam,"
      " generate_series(1, i.indnkeyatts) AS k WHERE i.indrelid = (SELECT c.oid" +
          where + ") ORDER BY i.indexrelid, k",
      deadline_in(catalog_time));
  if (!keys) co_return keys.error();
  std::string last;
  for (int r = 0; r < keys->rows(); ++r) {
    if (keys->text(r, 0) != last) {
      last = keys->text(r, 0);
      out.indexes.push_back({keys->text(r, 1) == "t",
                             keys->text(r, 2) == "t",
                             keys->text(r, 3) == "t",
                             std::string{keys->text(r, 4)},
                             {}});
    }
    out.indexes.back().keys.emplace_back(keys->text(r, 5));
  }
  co_return out;
}

// An expression without what Postgres adds when it writes one: blanks, brackets, quotes, schema, casts to
// float8.
std::string bare(std::string text) {
  const auto drop = [&](std::string_view part) {
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at))
      text.erase(at, part.size());
  };
  for (const char* part : {" ", "(", ")", "\"", "public.", "::doubleprecision"})
    drop(part);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

bool has_spatial_index(const relation& r, const std::string& expression) {
  return std::any_of(r.indexes.begin(), r.indexes.end(), [&](const index& i) {
    return i.ready && i.whole && (i.method == "gist" || i.method == "spgist") &&
           bare(i.keys.front()) == bare(expression);
  });
}

// A unique index over the key's columns, or fewer of them, makes the key unique.
bool has_unique_key(const relation& r, const layer_config& l) {
  std::set<std::string> key;
  for (const std::string& column : l.key)
    key.insert(bare(connection::quote_identifier(column)));
  return std::any_of(r.indexes.begin(), r.indexes.end(), [&](const index& i) {
    return i.unique && i.ready && i.whole &&
           std::all_of(i.keys.begin(), i.keys.end(),
                       [&](const std::string& k) { return key.contains(bare(k)); });
  });
}

// What lookups search by: boxes in degrees, distances on the ellipsoid.
std::vector<std::string> spatial_expressions(const layer& l) {
  if (!l.has_geometry()) return {};
  const auto quote = connection::quote_identifier;
  if (!l.config.longitude.empty()) {
    const std::string point = fmt::format("ST_SetSRID(ST_MakePoint({}, {}), 4326)", quote(l.config.longitude),
                                          quote(l.config.latitude));
    return {"(" + point + ")", "((" + point + ")::geography)"};
  }
  const std::string geom = quote(l.config.geometry);
  if (l.geography) return {"(" + geom + "::geometry)", geom};
  return {geom, "(" + geom + "::geography)"};
}

// One layer on its way through the checks.
struct examination {
  connection& db;
  check_report& report;
  const layer_config& declared;
  const relation& found;
  layer_check& line;

  void problem(std::string what, std::string remedy) {
    report.problems.push_back({declared.name, std::move(what), std::move(remedy)});
  }
  void note(std::string what, std::string remedy = {}) {
    report.notes.push_back({declared.name, std::move(what), std::move(remedy)});
  }
};

std::string grants(const examination& e) {
  const std::string role = connection::quote_identifier(e.report.database[3].second);
  return fmt::format("GRANT USAGE ON SCHEMA {} TO {};\nGRANT SELECT ON {} TO {};",
                     connection::quote_identifier(e.declared.schema), role, qualified(e.declared), role);
}

// Lookups are in longitude and latitude; its owner can offer the table so.
std::string transformed(const examination& e) {
  const auto quote = connection::quote_identifier;
  const std::string geom = "ST_Transform(" + quote(e.declared.geometry) + ", 4326)",
                    table = qualified(e.declared),
                    view = quote(e.declared.schema) + "." + quote(e.declared.table + "_4326");
  return fmt::format(
      "-- by the table's owner; then give the layer table: {4}_4326 and geometry: geom_4326\n"
      "CREATE VIEW {0} AS SELECT *, {1} AS geom_4326 FROM {2};\n"
      "GRANT SELECT ON {0} TO {3};\n"
      "CREATE INDEX CONCURRENTLY ON {2} USING gist ({1});\n"
      "CREATE INDEX CONCURRENTLY ON {2} USING gist (({1}::geography));",
      view, geom, table, quote(e.report.database[3].second), e.declared.table);
}

void explain_broken(examination& e, const std::string& reason) {
  const bool missing = e.found.kind.empty();
  if (!missing && (!e.found.schema_usable || !e.found.readable)) return e.problem(reason, grants(e));
  if (missing && e.declared.mode == layer_mode::managed)
    return e.problem(
        reason,
        "run gridlight migrate for a built-in layer, gridlight load --create FILE for one of your own");
  const bool elsewhere =
      reason.find(" has SRID ") != reason.npos && reason.find(" has SRID 0;") == reason.npos;
  if (elsewhere && e.found.kind == "r") return e.problem(reason, transformed(e));
  e.problem(reason, "correct the table, or the layer in gridlight.yaml");
}

void check_spatial_indexes(examination& e, const layer& l) {
  // A partitioned table cannot have an index made CONCURRENTLY.
  const char* how = e.found.kind == "p" ? "" : "CONCURRENTLY ";
  for (const std::string& expression : spatial_expressions(l)) {
    if (has_spatial_index(e.found, expression)) continue;
    e.line.indexes = "missing";
    e.problem(
        fmt::format("{} has no GiST index on {}, so that lookups read all of it", e.line.table, expression),
        fmt::format("CREATE INDEX {}ON {} USING gist ({});", how, qualified(e.declared), expression));
  }
}

// Without a unique index: is the key unique as it stands?
awaitable<result<void>> check_key(examination& e) {
  const std::string key = key_list(e.declared), table = qualified(e.declared);
  std::vector<std::string> nulls;
  for (const std::string& column : e.declared.key)
    nulls.push_back(connection::quote_identifier(column) + " IS NULL");
  const auto rows = co_await e.db.execute(fmt::format("SELECT EXISTS (SELECT FROM {0} GROUP BY {1} HAVING "
                                                      "count(*) > 1), EXISTS (SELECT FROM {0} WHERE {2})",
                                                      table, key, fmt::join(nulls, " OR ")),
                                          deadline_in(scan_time));
  if (!rows && e.db.broken()) co_return rows.error();
  const bool relation_has_indexes = e.found.kind == "r" || e.found.kind == "p" || e.found.kind == "m";
  const std::string statement = fmt::format("CREATE UNIQUE INDEX {}ON {} ({});",
                                            e.found.kind == "p" ? "" : "CONCURRENTLY ", table, key);
  if (rows && rows->text(0, 0) == "t") {
    e.problem(
        fmt::format("the key ({}) is not unique, so that a feature's id names several", key),
        fmt::format("-- the doubled ones:\nSELECT {0}, count(*) FROM {1} GROUP BY {0} HAVING count(*) > 1;",
                    key, table));
  } else if (rows && rows->text(0, 1) == "t") {
    e.problem(fmt::format("the key ({}) is NULL in some rows, which have no id", key),
              "correct the rows, or the layer's key in gridlight.yaml");
  } else if (!relation_has_indexes) {
    if (!rows)
      e.note(fmt::format("whether the key ({}) is unique is unknown: it took too long to find out", key));
    co_return result<void>{};
  }
  if (relation_has_indexes) {
    e.line.indexes = "missing";
    e.problem(fmt::format("{} has no unique index on its key ({})", e.line.table, key), statement);
  }
  co_return result<void>{};
}

awaitable<result<void>> count_rows(examination& e) {
  const auto rows =
      co_await e.db.execute("SELECT count(*) FROM " + qualified(e.declared), deadline_in(scan_time));
  if (rows) {
    e.line.rows = to_integer(rows->text(0, 0));
  } else if (e.db.broken()) {
    co_return rows.error();
  } else if (rows.error().code == errc::deadline && e.found.estimate >= 0) {
    e.line.rows = e.found.estimate;
    e.line.rows_estimated = true;
  } else {
    e.note(rows.error().code == errc::deadline ? "its rows could not be counted in time"
                                               : "its rows could not be counted: " + rows.error().log_detail);
  }
  if (e.line.rows == 0 && !e.line.rows_estimated)
    e.note("has no rows", e.declared.kind == layer_kind::fixed && e.declared.mode == layer_mode::managed
                              ? "gridlight load FILE, or gridlight demo-data"
                              : "");
  co_return result<void>{};
}

awaitable<result<void>> read_version(examination& e) {
  const auto rows = co_await e.db.execute(
      "SELECT version FROM gridlight.layer_state WHERE layer = " + connection::quote_literal(e.declared.name),
      deadline_in(catalog_time));
  if (!rows) {
    if (e.db.broken()) co_return rows.error();
  } else if (rows->rows() == 1) {
    e.line.version = to_integer(rows->text(0, 0));
  } else if (e.declared.mode != layer_mode::attached) {
    e.note(
        "has no row in gridlight.layer_state, so that its changes go unnoticed until it is loaded or synced");
  }
  co_return result<void>{};
}

// Gives whether its version can be relied on.
awaitable<result<bool>> check_triggers(examination& e, const layer& l) {
  if (e.found.kind != "r" && e.found.kind != "p") co_return false;
  const auto expressions = spatial_expressions(l);
  std::string geometry;
  if (!expressions.empty()) geometry = expressions.front();
  const auto watch = co_await check_watch(e.db, e.declared, geometry);
  if (!watch) co_return watch.error();
  if (watch->state == watch_state::missing && e.declared.mode == layer_mode::attached)
    e.note("has no triggers that tell of its changes at once, and of which part of the map they touch",
           "-- optional; as a superuser, or as gridlight's role once it was granted TRIGGER on the table:\n" +
               watch->remedy);
  else if (watch->state == watch_state::missing)
    e.problem(e.line.table + " " + watch->fault, watch->remedy);
  co_return watch->state == watch_state::complete;
}

awaitable<result<void>> examine(examination e, const layer* usable, const std::string& reason) {
  if (usable == nullptr) {
    explain_broken(e, reason);
    co_return result<void>{};
  }
  const bool view = e.found.kind == "v" || e.found.kind == "f";
  e.line.indexes = view ? "unknown" : "ok";
  if (view) {
    e.note(fmt::format("is a {}; the tables below it must have the indexes",
                       e.found.kind == "v" ? "view" : "foreign table"));
  } else {
    check_spatial_indexes(e, *usable);
  }
  if (!has_unique_key(e.found, e.declared))
    if (const auto done = co_await check_key(e); !done) co_return done.error();
  if (const auto done = co_await count_rows(e); !done) co_return done.error();
  if (!usable->versioned) {
    if (e.declared.mode != layer_mode::attached)
      e.note(
          "has no version, so that its tiles are not kept: its table must be watched under its name, and "
          "gridlight.layer_state and gridlight.watched be readable");
  } else if (const auto done = co_await read_version(e); !done) {
    co_return done.error();
  }
  const auto told = co_await check_triggers(e, *usable);
  if (!told) co_return told.error();
  if (e.declared.mode == layer_mode::attached && !*told)
    e.note(
        "is attached, its version advisory: it has none, for nothing tells of its changes, and its tiles are "
        "not "
        "kept");
  co_return result<void>{};
}

}  // namespace

awaitable<result<void>> check_layers(connection& db, std::span<const layer_config> declared,
                                     check_report& report) {
  const auto layers = co_await read_catalog(db, declared, deadline_in(catalog_time));
  if (!layers) co_return layers.error();
  for (const layer_config& l : declared) {
    const auto found = co_await read_relation(db, l);
    if (!found) co_return found.error();
    std::string reason;
    for (const auto& broken : layers->broken())
      if (broken.name == l.name) reason = broken.reason;
    layer_check line{l.name, std::string{name(l.mode)}, l.schema + "." + l.table, {}, false, {}, "unknown"};
    const examination e{db, report, l, *found, line};
    if (const auto done = co_await examine(e, layers->find(l.name), reason); !done) co_return done.error();
    report.layers.push_back(std::move(line));
  }
  co_return result<void>{};
}

}  // namespace gridlight::sync
