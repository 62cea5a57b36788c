#include "sync/generalize/build.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "server/layer_columns.hpp"
#include "server/tile_rules.hpp"
#include "sync/command.hpp"
#include "sync/generalize/level_sql.hpp"
#include "sync/generalize/merged_sql.hpp"
#include "sync/generalize/repair.hpp"
#include "sync/generalize/transaction.hpp"
#include "sync/staging.hpp"

namespace gridlight::sync::generalize {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr int counted_zoom = 16;

// What the database says of the layer, and of its generalised table, in the snapshot that is then read.
struct state {
  bool versioned = false, has_table = false, has_row = false;
  std::int64_t version = 0, floor = 0, built = 0;
  int detail = 0;
  std::string rules, place_version;
};

std::string state_sql(const layer& l) {
  const std::string name = connection::quote_literal(l.config.name);
  return fmt::format(
      "SELECT pg_try_advisory_xact_lock(hashtext('gridlight tiles'), hashtext({0})), s.version, "
      "s.change_floor, "
      "to_regclass({1}) IS NOT NULL, t.version, t.detail_zoom, t.rules, p.version FROM (SELECT) one "
      "LEFT JOIN gridlight.layer_state s ON s.layer = {0} LEFT JOIN gridlight.tile_state t ON t.layer = {0} "
      "LEFT JOIN gridlight.layer_state p ON p.layer = {2}",
      name, connection::quote_literal(table_names{l.config.name}.live),
      connection::quote_literal(l.snap ? l.snap->layer : ""));
}

// Before the snapshot is taken, so that no table is swapped between it and the reading. A view is locked with
// its tables; a foreign table cannot be.
awaitable<result<std::string>> lock_sql(connection& db, const layer& l) {
  std::vector<std::string> tables{qualified(l.config.schema, l.config.table)};
  if (l.snap) tables.push_back(qualified(l.snap->schema, l.snap->table));
  std::string out;
  for (const std::string& table : tables) {
    const std::string ask =
        "SELECT relkind IN ('r', 'p', 'v') FROM pg_catalog.pg_class WHERE oid = to_regclass(" +
        connection::quote_literal(table) + ")";
    const auto kind = co_await db.execute(ask, command_deadline());
    if (!kind) co_return kind.error();
    if (kind->rows() == 1 && kind->text(0, 0) == "t")
      out += "; LOCK TABLE " + table + " IN ACCESS SHARE MODE";
  }
  co_return out;
}

awaitable<result<std::optional<state>>> begin(connection& db, const layer& l) {
  const auto locks = co_await lock_sql(db, l);
  if (!locks) co_return locks.error();
  const std::string sql =
      "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL statement_timeout = 0; "
      "SET LOCAL lock_timeout = '10s'; SET LOCAL work_mem = '256MB'; "
      "SET LOCAL maintenance_work_mem = '256MB'; SET LOCAL client_min_messages = warning; "
      "SET LOCAL max_parallel_maintenance_workers = 0; SET LOCAL jit = off" +
      *locks;
  const auto begun = co_await run(db, sql);
  if (!begun) co_return begun.error();
  const std::string ask = state_sql(l);
  const auto rows = co_await db.execute(ask, command_deadline());
  if (!rows) co_return rows.error();
  if (rows->text(0, 0) != "t") co_return std::optional<state>{};
  state s;
  s.versioned = !rows->is_null(0, 1);
  s.version = integer(*rows, 0, 1);
  s.floor = integer(*rows, 0, 2);
  s.has_table = rows->text(0, 3) == "t";
  s.has_row = !rows->is_null(0, 4);
  s.built = integer(*rows, 0, 4);
  s.detail = static_cast<int>(integer(*rows, 0, 5));
  s.rules = rows->text(0, 6);
  s.place_version = rows->text(0, 7);
  co_return std::optional{std::move(s)};
}

// The lowest zoom at which no tile is too full, or the given one; or that whose rows would be too many.
// max_zoom when there is none.
awaitable<result<int>> find_detail(connection& db, const layer& l) {
  const int least = l.config.min_zoom, most = l.config.max_zoom;
  const int wanted = std::min(l.config.tiles.detail.value_or(most), most);
  if (!l.config.tiles.detail) {
    const std::string some = fmt::format("SELECT count(*) FROM (SELECT FROM {} LIMIT {}) f",
                                         layer_columns::table(l), most_in_tile + 1);
    const auto few = co_await db.execute(some, command_deadline());
    if (!few) co_return few.error();
    if (integer(*few, 0, 0) <= most_in_tile) co_return least;
  }
  // A line's box is mostly empty.
  const std::int64_t room =
      l.config.geometry_type == geometry_kind::line ? 20 * most_large_rows : most_large_rows;
  for (const int grid : {std::clamp(counted_zoom, least, most), most}) {
    const std::string crowding = crowding_sql(l, grid);
    const auto rows = co_await db.execute(crowding, command_deadline());
    if (!rows) co_return rows.error();
    for (int r = 0; r < rows->rows(); ++r) {
      const int zoom = static_cast<int>(integer(*rows, r, 0));
      const bool enough = !l.config.tiles.detail && integer(*rows, r, 1) <= most_in_tile;
      if (zoom >= wanted || enough || integer(*rows, r, 2) > room) co_return std::min(zoom, wanted);
    }
  }
  co_return wanted;
}

awaitable<result<void>> fill(connection& db, const layer& l, const std::string& table, int detail) {
  const bool merged = !l.config.merge_column().empty();
  std::string sql = create_sql(l, table);
  auto step = co_await run(db, sql);
  for (int zoom = detail - 1; step && zoom >= l.config.min_zoom; --zoom) {
    const bool first = zoom == detail - 1;
    if (merged)
      sql = (first ? make_segments_sql(l, zoom) : coarsen_segments_sql(zoom)) + "; " +
            merged_level_sql(l, table, zoom, {});
    else
      sql = level_sql(l, table, zoom, first ? features_sql(l) : features_of_level(l, table, zoom + 1));
    const auto start = steady::now();
    step = co_await run(db, sql);
    spdlog::debug("tiles of {}: zoom {} in {:.0f} ms", l.config.name, zoom, ms_since(start));
  }
  co_return step;
}

// Whoever may read which tables there are may read them, its owner too: a superuser may be who builds.
constexpr std::string_view grants_sql = R"(
SELECT string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, ', ')
FROM pg_catalog.pg_class c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a
WHERE c.oid = 'gridlight.tile_state'::regclass AND a.privilege_type = 'SELECT')";

awaitable<result<std::int64_t>> finish(connection& db, const table_names& names) {
  const auto readers = co_await db.execute(grants_sql, command_deadline());
  if (!readers) co_return readers.error();
  std::string sql = fmt::format(
      "CREATE INDEX {1} ON {0} (zoom, tx, ty); CREATE INDEX {2} ON {0} (zoom, cx, cy); "
      "ANALYZE {0} (zoom, tx, ty, home, cx, cy); ",
      names.fresh, names.fresh_by_tile, names.fresh_by_cell);
  if (!readers->is_null(0, 0))
    sql += fmt::format("GRANT SELECT ON {} TO {}; ", names.fresh, readers->text(0, 0));
  sql += "SELECT count(*) FROM " + names.fresh;
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  co_return integer(*rows, 0, 0);
}

std::string record_sql(const layer& l, const state& s, int detail, const std::string& rules) {
  const std::string name = connection::quote_literal(l.config.name);
  return fmt::format(
      "INSERT INTO gridlight.tile_state AS t (layer, detail_zoom, version, rules) VALUES ({0}, {1}, {2}, "
      "{3}) ON "
      "CONFLICT (layer) DO UPDATE SET detail_zoom = excluded.detail_zoom, version = excluded.version, rules "
      "= "
      "excluded.rules, built_at = now(); SELECT pg_notify('gridlight', {0})",
      name, detail, s.version, connection::quote_literal(rules));
}

std::string forget_sql(const layer& l) {
  const std::string name = connection::quote_literal(l.config.name);
  return fmt::format("DELETE FROM gridlight.tile_state WHERE layer = {0}; SELECT pg_notify('gridlight', {0})",
                     name);
}

std::string take_place_sql(const layer& l, const table_names& names) {
  return fmt::format(
      "ALTER TABLE {0} RENAME TO {1}; ALTER INDEX gridlight_tiles.{2} RENAME TO {3}; "
      "ALTER INDEX gridlight_tiles.{4} RENAME TO {5}",
      names.fresh, connection::quote_identifier(l.config.name), names.fresh_by_tile, names.by_tile,
      names.fresh_by_cell, names.by_cell);
}

awaitable<result<outcome>> build_all(connection& db, const layer& l, const state& s,
                                     const std::string& rules) {
  const table_names names{l.config.name};
  const auto detail = co_await find_detail(db, l);
  if (!detail) co_return detail.error();
  outcome out{outcome::kind::none, *detail, s.version, 0};
  const bool needed = *detail > l.config.min_zoom;
  if (!needed && !s.has_row && !s.has_table) co_return out;
  out.what = needed ? outcome::kind::built : outcome::kind::removed;
  if (needed) {
    const auto filled = co_await fill(db, l, names.fresh, *detail);
    if (!filled) co_return filled.error();
    const auto rows = co_await finish(db, names);
    if (!rows) co_return rows.error();
    out.rows = *rows;
  }
  const std::string record = needed ? record_sql(l, s, *detail, rules) : forget_sql(l);
  auto step = co_await run(db, record);
  if (step && s.has_table) step = co_await drop_patiently(db, names.live);
  if (step && needed) {
    const std::string renames = take_place_sql(l, names);
    step = co_await run(db, renames);
  }
  if (!step) co_return step.error();
  co_return out;
}

awaitable<result<outcome>> within(connection& db, const layer& l, const state& s, bool anew) {
  if (!s.versioned) co_return outcome{};
  const std::string rules = current_rules(l, s.place_version);
  const bool same = s.has_row && s.has_table && s.rules == rules && !anew;
  if (same && s.built == s.version) co_return outcome{outcome::kind::current, s.detail, s.version, 0};
  if (same && !l.snap && s.built >= s.floor && s.built < s.version) {
    const auto boxes = co_await read_changes(db, l.config.name, s.built, s.version);
    if (!boxes) co_return boxes.error();
    if (*boxes) {
      const auto rows = co_await repair(db, l, s.detail, **boxes);
      if (!rows) co_return rows.error();
      if (*rows) {
        const std::string record = record_sql(l, s, s.detail, rules);
        const auto recorded = co_await run(db, record);
        if (!recorded) co_return recorded.error();
        co_return outcome{outcome::kind::repaired, s.detail, s.version, **rows};
      }
    }
  }
  co_return co_await build_all(db, l, s, rules);
}

}  // namespace

std::string_view name(outcome::kind k) noexcept {
  constexpr std::string_view names[] = {"needs none", "removed", "up to date", "repaired", "built", "busy"};
  return names[static_cast<std::size_t>(k)];
}

std::string current_rules(const layer& l, std::string_view place_version) {
  std::string out = generalisation_rules(l);
  if (l.snap) out.append(place_mark).append(place_version);
  return out;
}

bool may_have_tiles(const layer& l) noexcept {
  return l.versioned && (!l.snap || l.snap->versioned) && l.config.mode != layer_mode::attached &&
         l.has_place();
}

awaitable<result<outcome>> build(connection& db, const layer& l, bool anew) {
  if (!may_have_tiles(l)) co_return outcome{};
  const auto fail = [&](const failure& f) -> result<outcome> {
    // Another builder has committed since our snapshot was taken.
    if (is_sqlstate(f, "40001") || is_sqlstate(f, "23505")) return outcome{outcome::kind::busy, 0, 0, 0};
    return f;
  };
  const auto s = co_await begin(db, l);
  result<outcome> out = outcome{outcome::kind::busy, 0, 0, 0};
  if (!s)
    out = s.error();
  else if (*s)
    out = co_await within(db, l, **s, anew);
  const bool wrote = out && out->what != outcome::kind::busy && out->what != outcome::kind::current &&
                     out->what != outcome::kind::none;
  if (wrote) {
    const auto committed = co_await run(db, "COMMIT");
    if (!committed) out = committed.error();
  }
  if (!db.broken() && !db.idle()) co_await run(db, "ROLLBACK");
  if (!out) co_return fail(out.error());
  co_return out;
}

}  // namespace gridlight::sync::generalize
