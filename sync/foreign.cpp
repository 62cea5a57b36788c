#include "sync/foreign.hpp"

#include "sync/simple_query.hpp"

namespace gridlight::sync {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::chrono::seconds patience{5};

// A layer's versions become visible in their order, so that none below the highest seen comes later. Of two
// that look at once the second finds `seen` changed, and tells nothing.
constexpr std::string_view look_sql = R"(
WITH new AS (
  SELECT f.layer, f.seen, c.version, c.at,
         c.writer_role IS NOT NULL AND NOT EXISTS (SELECT FROM gridlight.sync_run r WHERE r.run_id = c.run_id) AS is_foreign,
         coalesce(nullif(c.writer_application, ''), 'a session without a name') || ' as role ' || c.writer_role AS writer
  FROM gridlight.sync_foreign f JOIN gridlight.layer_change c ON c.layer = f.layer AND c.version > f.seen),
found AS (
  SELECT layer, seen, max(version) AS top, min(version) FILTER (WHERE is_foreign) AS first,
         max(version) FILTER (WHERE is_foreign) AS last, count(DISTINCT version) FILTER (WHERE is_foreign) AS n,
         max(at) FILTER (WHERE is_foreign) AS last_at,
         array_to_string((array_agg(DISTINCT writer) FILTER (WHERE is_foreign))[1:5], ', ') AS writers
  FROM new GROUP BY layer, seen)
UPDATE gridlight.sync_foreign f SET
  seen = n.top, changes = f.changes + n.n, last_version = coalesce(n.last, f.last_version),
  last_at = coalesce(n.last_at, f.last_at), last_writers = coalesce(n.writers, f.last_writers)
FROM found n WHERE f.layer = n.layer AND f.seen = n.seen
RETURNING f.layer, n.first, n.last, n.n, n.writers)";

}  // namespace

awaitable<result<void>> begin_foreign(connection& db, std::vector<std::string> layers) {
  std::string names = "ARRAY[";
  for (const std::string& l : layers)
    names.append(names.back() == '[' ? "" : ", ").append(connection::quote_literal(l));
  names += "]::text[]";
  const std::string sql = "DELETE FROM gridlight.sync_foreign WHERE layer <> ALL (" + names +
                          "); INSERT INTO gridlight.sync_foreign (layer, seen) SELECT n.layer, "
                          "coalesce(s.version, 0) FROM unnest(" +
                          names +
                          ") AS n (layer) LEFT JOIN gridlight.layer_state s ON s.layer = n.layer "
                          "ON CONFLICT DO NOTHING";
  const auto done = co_await db.execute(sql, deadline_in(patience));
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<std::vector<foreign_change>>> look_for_foreign(connection& db) {
  const auto rows = co_await db.execute(look_sql, deadline_in(patience));
  if (!rows) co_return rows.error();
  std::vector<foreign_change> out;
  for (int r = 0; r < rows->rows(); ++r) {
    if (rows->text(r, 3) == "0") continue;
    out.push_back({std::string{rows->text(r, 0)}, number(rows->text(r, 1)), number(rows->text(r, 2)),
                   number(rows->text(r, 3)), std::string{rows->text(r, 4)}});
  }
  co_return out;
}

}  // namespace gridlight::sync
