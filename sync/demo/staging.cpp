#include "sync/demo/staging.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "sync/command.hpp"
#include "sync/demo/tables.hpp"
#include "sync/migrate.hpp"

namespace gridlight::sync::demo {
namespace {

using boost::asio::awaitable;
using postgres::connection;

constexpr std::string_view demo_lock = "7454142971842717545";  // beside the one of migrate

std::string staged(std::string_view table) {
  return std::string{staging_schema} + "." + connection::quote_identifier(table);
}

std::string served(std::string_view table) {
  return "public." + connection::quote_identifier(table);
}

awaitable<result<void>> run(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

std::string names(bool literals) {
  std::string out;
  for (const owned_layer& l : owned_layers())
    out += (out.empty() ? "" : ", ") + (literals ? connection::quote_literal(l.table) : served(l.table));
  return out;
}

std::string held_rows_sql() {
  const std::string_view head =
      "SELECT layer, rows, NOT EXISTS (SELECT FROM gridlight.demo_data d, gridlight.layer_state s WHERE "
      "s.layer "
      "= found.layer AND (d.versions ->> s.layer)::bigint = s.version AND s.row_count = found.rows) FROM "
      "(SELECT ";
  std::string sql;
  for (const owned_layer& l : owned_layers()) {
    sql.append(sql.empty() ? head : " UNION ALL SELECT ").append(connection::quote_literal(l.layer));
    sql.append(" AS layer, count(*) AS rows FROM ").append(served(l.table));
  }
  return sql + ") found WHERE rows > 0";
}

}  // namespace

std::vector<owned_layer> owned_layers() {
  std::vector<owned_layer> out;
  for (const demo_table& t : demo_tables())
    out.push_back({std::string{t.layer}, std::string{t.table}});
  out.push_back({"service_areas", "circuit_service_areas"});
  return out;
}

awaitable<result<std::vector<held_rows>>> check_database(connection& db) {
  const auto migrated =
      co_await db.execute("SELECT to_regclass('gridlight.demo_data') IS NOT NULL", command_deadline());
  if (!migrated) co_return migrated.error();
  if (migrated->text(0, 0) != "t")
    co_return failure{errc::conflict, "the database has no gridlight schema; run `gridlight migrate` first"};
  const auto version =
      co_await db.execute("SELECT max(version) FROM gridlight.schema_migration", command_deadline());
  if (!version) co_return version.error();
  if (version->text(0, 0) != std::to_string(expected_schema_version()))
    co_return failure{errc::conflict, "the database has schema version " + std::string{version->text(0, 0)} +
                                          ", this program needs " +
                                          std::to_string(expected_schema_version()) +
                                          "; run `gridlight migrate` first"};
  const auto locked =
      co_await db.execute("SELECT pg_try_advisory_lock(" + std::string{demo_lock} + ")", command_deadline());
  if (!locked) co_return locked.error();
  if (locked->text(0, 0) != "t")
    co_return failure{errc::conflict, "another `gridlight demo-data` is writing to this database"};
  const auto found = co_await db.execute(held_rows_sql(), command_deadline());
  if (!found) co_return found.error();
  std::vector<held_rows> out;
  for (const owned_layer& l : owned_layers())
    for (int row = 0; row < found->rows(); ++row) {
      if (found->text(row, 0) != l.layer) continue;
      held_rows& held = out.emplace_back(held_rows{l, 0, found->text(row, 2) == "t"});
      const std::string_view count = found->text(row, 1);
      std::from_chars(count.data(), count.data() + count.size(), held.rows);
    }
  co_return out;
}

awaitable<result<void>> prepare_staging(connection& db) {
  const std::string schema{staging_schema};
  co_return co_await run(db, "SET client_min_messages = warning; DROP SCHEMA IF EXISTS " + schema +
                                 " CASCADE; CREATE SCHEMA " + schema);
}

awaitable<void> drop_staging(connection& db) {
  if (db.broken()) co_return;
  if (!db.idle()) co_await db.execute("ROLLBACK", command_deadline());
  co_await db.execute("DROP SCHEMA IF EXISTS " + std::string{staging_schema} + " CASCADE",
                      command_deadline());
}

awaitable<result<std::string>> create_table_sql(connection& db, std::string table) {
  const auto found =
      co_await db.execute("SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = " +
                              connection::quote_literal(served(table)) + "::regclass",
                          command_deadline());
  if (!found) co_return found.error();
  std::string sql =
      "CREATE TABLE " + staged(table) + " (LIKE " + served(table) + " INCLUDING ALL EXCLUDING INDEXES)";
  if (!found->is_null(0, 0)) sql += " WITH (" + std::string{found->text(0, 0)} + ")";
  co_return sql;
}

awaitable<result<std::vector<index_plan>>> plan_indexes(connection& db) {
  const auto rows = co_await db.execute(
      "SELECT t.relname, replace(pg_get_indexdef(x.indexrelid), ' ON public.', ' ON gridlight_demo.'),"
      " 'ALTER TABLE gridlight_demo.' || quote_ident(t.relname) || ' ADD CONSTRAINT ' || "
      "quote_ident(k.conname) ||"
      " CASE k.contype WHEN 'p' THEN ' PRIMARY KEY' ELSE ' UNIQUE' END || ' USING INDEX ' || "
      "quote_ident(i.relname)"
      " FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid"
      " LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u')"
      " WHERE t.relnamespace = 'public'::regnamespace AND t.relname IN (" +
          names(true) +
          ")"
          " ORDER BY i.relname",
      command_deadline());
  if (!rows) co_return rows.error();
  std::vector<index_plan> out;
  for (int row = 0; row < rows->rows(); ++row)
    out.push_back({std::string{rows->text(row, 0)}, std::string{rows->text(row, 1)},
                   rows->is_null(row, 2) ? std::string{} : std::string{rows->text(row, 2)}});
  co_return out;
}

awaitable<result<layer_facts>> measure(connection& db, std::string table) {
  const auto row = co_await db.execute(
      "SELECT count(*), encode(ST_AsEWKB(ST_SetSRID(ST_Extent(geom)::geometry, 4326)), 'hex') FROM " +
          staged(table),
      command_deadline());
  if (!row) co_return row.error();
  layer_facts facts;
  const std::string_view count = row->text(0, 0);
  std::from_chars(count.data(), count.data() + count.size(), facts.rows);
  if (!row->is_null(0, 1)) facts.bounds_hex = row->text(0, 1);
  co_return facts;
}

namespace {

// Owner and grants follow the name, not the table.
std::string carry_rights_sql() {
  return "DO $$ DECLARE r record; BEGIN"
         " FOR r IN SELECT c.relname, c.relowner FROM pg_class c WHERE c.relnamespace = "
         "'public'::regnamespace"
         " AND c.relname IN (" +
         names(true) +
         ") AND c.relowner <> (SELECT oid FROM pg_roles WHERE rolname ="
         " current_user) LOOP EXECUTE format('ALTER TABLE gridlight_demo.%I OWNER TO %s', r.relname,"
         " r.relowner::regrole); END LOOP;"
         " FOR r IN SELECT c.relname, a.* FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace ="
         " 'public'::regnamespace AND c.relname IN (" +
         names(true) +
         ") AND a.grantee <> c.relowner LOOP"
         " EXECUTE format('GRANT %s ON gridlight_demo.%I TO %s%s', r.privilege_type, r.relname,"
         " CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END,"
         " CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END); END LOOP; END $$;\n";
}

std::string swap_sql(const std::vector<layer_facts>& facts, const demo_mark& mark) {
  const auto layers = owned_layers();
  std::string sql = carry_rights_sql(), list;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string layer = connection::quote_literal(layers[i].layer);
    list += (i == 0 ? "" : ", ") + layer;
    sql += "DROP TABLE " + served(layers[i].table) + ";\nALTER TABLE " + staged(layers[i].table) +
           " SET SCHEMA public;\n";
    const std::string bounds =
        facts[i].bounds_hex.empty() ? "NULL" : "'" + facts[i].bounds_hex + "'::geometry";
    // Everything may have changed: no envelope.
    sql += "INSERT INTO gridlight.layer_state (layer, version, changed_at, row_count, bounds) VALUES (" +
           layer + ", 0, now(), " + std::to_string(facts[i].rows) + ", " + bounds +
           ") ON CONFLICT (layer) DO UPDATE SET row_count = excluded.row_count, bounds = excluded.bounds,"
           " source_synced_at = NULL;\nSELECT gridlight.changed(" +
           layer + ", NULL);\n";
  }
  // The new tables have no triggers yet. Versions are given now, so that they can be recorded.
  sql +=
      "SELECT gridlight.watch_built_in();\nSELECT gridlight.refresh_conditions();\n"
      "SET CONSTRAINTS ALL IMMEDIATE;\n";
  char scale[32];
  const auto end = std::to_chars(scale, scale + sizeof scale, mark.scale).ptr;
  sql +=
      "DELETE FROM gridlight.demo_data;\n"
      "INSERT INTO gridlight.demo_data (scale, seed, generator, versions, made_at) SELECT " +
      std::string{scale, end} + ", " + std::to_string(mark.seed) + ", " + std::to_string(mark.generator) +
      ", jsonb_object_agg(layer, version), now() FROM gridlight.layer_state WHERE layer IN (" + list + ");\n";
  return sql + "DROP SCHEMA " + staging_schema + ";\nCOMMIT;";
}

awaitable<void> pause(std::chrono::milliseconds time) {
  boost::asio::steady_timer timer{co_await boost::asio::this_coro::executor, time};
  co_await timer.async_wait(boost::asio::use_awaitable);
}

}  // namespace

awaitable<result<void>> swap_in(connection& db, std::vector<layer_facts> facts, demo_mark mark) {
  const std::string lock = "BEGIN; SET LOCAL lock_timeout = '10ms'; LOCK TABLE " + names(false) +
                           " IN ACCESS EXCLUSIVE MODE; SET LOCAL lock_timeout = '2s'";
  for (int attempt = 1;; ++attempt) {
    const auto locked = co_await db.execute(lock, command_deadline());
    if (locked) break;
    if (const auto back = co_await db.execute("ROLLBACK", command_deadline()); !back) co_return back.error();
    const bool busy = locked.error().log_detail.find("55P03") != std::string::npos;
    if (!busy) co_return locked.error();
    if (attempt == 240)
      co_return failure{errc::conflict,
                        "the layers were in use for a minute without a gap of 10 ms; try again"};
    co_await pause(std::chrono::milliseconds{250});
  }
  co_return co_await run(db, swap_sql(facts, mark));
}

}  // namespace gridlight::sync::demo
