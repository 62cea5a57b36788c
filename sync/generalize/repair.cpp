#include "sync/generalize/repair.hpp"

#include <fmt/format.h>

#include "sync/command.hpp"
#include "sync/generalize/level_sql.hpp"
#include "sync/generalize/merged_sql.hpp"
#include "sync/generalize/transaction.hpp"

namespace gridlight::sync::generalize {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::size_t most_boxes = 2000, most_areas = 5000, most_values = 200;
constexpr std::int64_t most_cells = 100'000, most_tiles = 1000;

double number(const postgres::result_set& rows, int row, int column) {
  return std::stod(std::string{rows.text(row, column)});
}

// The few rows that a change touches are found by index, whatever the planner thinks of VALUES.
constexpr std::string_view plan_sql =
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off";

awaitable<result<std::int64_t>> count_written(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return done->affected();
}

awaitable<result<std::optional<std::int64_t>>> repair_cells(connection& db, const layer& l, int detail,
                                                            const std::vector<box>& boxes) {
  const std::string table = table_names{l.config.name}.live;
  std::int64_t written = 0;
  for (int zoom = detail - 1; zoom >= l.config.min_zoom; --zoom) {
    const auto areas = touched(boxes, zoom + cell_order, 0);
    const bool first = zoom == detail - 1;
    if (first && (areas.size() > most_areas || count(areas, most_cells) >= most_cells))
      co_return std::optional<std::int64_t>{};
    const std::string from = first ? features_sql(l, centred_in(l, areas, zoom + cell_order))
                                   : features_of_level(l, table, zoom + 1, &areas);
    const std::string sql = clear_cells_sql(table, zoom, areas) + "; " + level_sql(l, table, zoom, from);
    const auto rows = co_await count_written(db, sql);
    if (!rows) co_return rows.error();
    written += *rows;
  }
  co_return std::optional{written};
}

awaitable<result<std::optional<std::int64_t>>> repair_merged(connection& db, const layer& l, int detail,
                                                             const std::vector<box>& boxes) {
  const std::string table = table_names{l.config.name}.live;
  const auto finest = touched(boxes, detail - 1, 2 * buffer);
  if (finest.size() > most_areas || count(finest, most_tiles) >= most_tiles)
    co_return std::optional<std::int64_t>{};
  const std::string ask = merge_values_sql(l, table, detail - 1, boxes);
  const auto found = co_await db.execute(ask, command_deadline());
  if (!found) co_return found.error();
  std::vector<std::string> values;
  bool none = false;
  for (int row = 0; row < found->rows(); ++row) {
    if (found->is_null(row, 0))
      none = true;
    else
      values.emplace_back(found->text(row, 0));
  }
  if (values.size() > most_values) co_return std::optional<std::int64_t>{};
  std::int64_t written = 0;
  if (values.empty() && !none) co_return std::optional{written};
  for (int zoom = detail - 1; zoom >= l.config.min_zoom; --zoom) {
    // By the buffer, and by a lattice cell that a segment may have been snapped over.
    const auto tiles = touched(boxes, zoom, buffer + 1.0 / (1 << lattice_order(zoom)));
    // All features of a circuit are joined with all its segments: that is for hashes.
    const std::string sql =
        "SET LOCAL enable_hashjoin = off; " + clear_tiles_sql(table, zoom, tiles, values, none) +
        "; SET LOCAL enable_hashjoin = on; " +
        merged_level_sql(l, table, zoom, some_segments(l, zoom, merged_by(l, values, none)), &tiles);
    const auto rows = co_await count_written(db, sql);
    if (!rows) co_return rows.error();
    written += *rows;
  }
  co_return std::optional{written};
}

// The most features in a tile that the change touches, when the layer's detail zoom may be another.
awaitable<result<std::int64_t>> fullest(connection& db, const layer& l, int detail,
                                        const std::vector<cells>& tiles) {
  if (l.config.tiles.detail || detail >= l.config.max_zoom) co_return std::int64_t{0};
  const std::string ask = most_in_tiles_sql(l, table_names{l.config.name}.live, detail, tiles);
  const auto rows = co_await db.execute(ask, command_deadline());
  if (!rows) co_return rows.error();
  co_return integer(*rows, 0, 0);
}

awaitable<result<std::optional<std::int64_t>>> repair_all(connection& db, const layer& l, int detail,
                                                          const std::vector<box>& boxes) {
  const bool merged = !l.config.merge_column().empty();
  const auto tiles = touched(boxes, merged ? detail - 1 : detail, 0);
  const bool few = count(tiles, most_tiles) < most_tiles;
  // A tile of the level above has four.
  const std::int64_t limit = merged ? 4 * grown_in_tile : grown_in_tile;
  result<std::int64_t> before = std::int64_t{0}, after = std::int64_t{0};
  if (few) before = co_await fullest(db, l, detail, tiles);
  if (!before) co_return before.error();
  result<std::optional<std::int64_t>> done;
  if (merged)
    done = co_await repair_merged(db, l, detail, boxes);
  else
    done = co_await repair_cells(db, l, detail, boxes);
  if (!done || !*done) co_return done;
  if (few) after = co_await fullest(db, l, detail, tiles);
  if (!after) co_return after.error();
  // Only when it grows so: where a finer zoom was not to be had, there is no sense in looking again and
  // again.
  if (*before <= limit && *after > limit) co_return std::optional<std::int64_t>{};
  co_return done;
}

}  // namespace

awaitable<result<std::optional<std::vector<box>>>> read_changes(connection& db, std::string layer,
                                                                std::int64_t after, std::int64_t until) {
  using boxes = std::vector<box>;
  const std::string sql = fmt::format(
      "WITH c AS (SELECT version, envelope FROM gridlight.layer_change WHERE layer = {} AND version > {} AND "
      "version <= {}) SELECT ST_XMin(part), ST_YMin(part), ST_XMax(part), ST_YMax(part), "
      "(SELECT count(DISTINCT version) FROM c), (SELECT bool_or(envelope IS NULL) FROM c) "
      "FROM (SELECT 1) one LEFT JOIN (SELECT Box3D((ST_Dump(envelope)).geom) AS part FROM c) p ON true LIMIT "
      "{}",
      connection::quote_literal(layer), after, until, most_boxes + 1);
  const auto rows = co_await db.execute(sql, command_deadline());
  if (!rows) co_return rows.error();
  const bool all_there = integer(*rows, 0, 4) == until - after, everywhere = rows->text(0, 5) == "t";
  if (!all_there || everywhere || rows->rows() > static_cast<int>(most_boxes))
    co_return std::optional<boxes>{};
  boxes out;
  for (int row = 0; row < rows->rows(); ++row)
    if (!rows->is_null(row, 0))
      out.push_back(
          {number(*rows, row, 0), number(*rows, row, 1), number(*rows, row, 2), number(*rows, row, 3)});
  co_return std::optional{std::move(out)};
}

awaitable<result<std::optional<std::int64_t>>> repair(connection& db, const layer& l, int detail,
                                                      const std::vector<box>& boxes) {
  // A change without a place, such as that of a row without one, shows in no tile.
  if (boxes.empty()) co_return std::optional{std::int64_t{0}};
  const auto planned = co_await run(db, std::string{plan_sql});
  if (!planned) co_return planned.error();
  const auto done = co_await repair_all(db, l, detail, boxes);
  if (!done || *done) co_return done;
  const auto reset = co_await run(
      db, "SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on");
  if (!reset) co_return reset.error();
  co_return done;
}

}  // namespace gridlight::sync::generalize
