#include "tests/support/snowflake/storm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "sync/demo/tables.hpp"
#include "tests/support/snowflake/sql_tokens.hpp"

namespace gridlight::test::snowflake {
namespace {

namespace demo = sync::demo;

struct source_table {
  std::string_view name, definition, key;
  const demo::demo_table& rows;
};

// In the order of the demo's columns: its rows are copied as they are.
const std::array<source_table, 4>& sources() {
  static const std::array<source_table, 4> all{{
      {"flux_ops_center_topology",
       "from_asset_id text, to_asset_id text, from_circuit_id text, to_circuit_id text, from_latitude "
       "float8, "
       "from_longitude float8, to_latitude float8, to_longitude float8, connection_type text, last_updated "
       "timestamptz",
       "from_asset_id, to_asset_id, connection_type", demo::topology_table},
      {"outage_restoration_tracker",
       "outage_id text, circuit_id text, substation_id text, outage_type text, cause_category text, "
       "start_time "
       "timestamptz, estimated_restoration timestamptz, actual_restoration timestamptz, customers_affected "
       "int, "
       "customers_restored int, status text, priority text, crew_assigned text, latitude float8, longitude "
       "float8, created_at timestamptz, updated_at timestamptz",
       "outage_id", demo::outages_table},
      {"work_orders",
       "work_order_id text, work_order_type text, priority text, status text, assigned_crew text, circuit_id "
       "text, substation_id text, transformer_id text, description text, scheduled_start timestamptz, "
       "scheduled_end timestamptz, actual_start timestamptz, actual_end timestamptz, latitude float8, "
       "longitude "
       "float8, created_at timestamptz, updated_at timestamptz",
       "work_order_id", demo::work_orders_table},
      {"circuit_metadata",
       "circuit_id text, circuit_name text, substation_id text, substation_name text, voltage_class text, "
       "status "
       "text, avg_load_percent float8, avg_health_score float8, customers_served int, outage_count int, "
       "centroid_lat float8, centroid_lon float8, last_updated timestamptz",
       "circuit_id", demo::circuits_table},
  }};
  return all;
}

void copy(database& db, const source_table& t, const demo::world& w) {
  const std::string sql = fmt::format("COPY {} ({}) FROM STDIN (FORMAT binary)", t.name, t.rows.columns);
  if (const database::rows begun{PQexec(db.raw(), sql.c_str())}; PQresultStatus(begun.get()) != PGRES_COPY_IN)
    database::fail(begun.get());
  demo::copy_rows rows;
  rows.header();
  const auto send = [&] {
    const std::string_view bytes = rows.bytes();
    if (PQputCopyData(db.raw(), bytes.data(), static_cast<int>(bytes.size())) != 1)
      throw std::runtime_error{PQerrorMessage(db.raw())};
    rows.clear();
  };
  for (std::size_t piece = 0; piece < t.rows.pieces(w); ++piece) {
    t.rows.write(w, piece, rows);
    send();
  }
  rows.trailer();
  send();
  PQputCopyEnd(db.raw(), nullptr);
  while (const database::rows r{PQgetResult(db.raw())})
    if (PQresultStatus(r.get()) != PGRES_COMMAND_OK) database::fail(r.get());
}

void enter(database& db, const std::string& database_name, const std::string& schema) {
  db.run("SET search_path = " + db.name(swap_case(database_name + "." + schema)) + ", snowflake, public");
}

}  // namespace

void make_source_tables(const std::string& conninfo, const std::string& database_name,
                        const std::string& schema, double scale, std::int64_t seed) {
  const demo::world w{scale, seed};
  database db{conninfo};
  db.run("SELECT snowflake.create_schema(" + db.literal(database_name) + ", " + db.literal(schema) + ")");
  enter(db, database_name, schema);
  db.run("BEGIN");
  for (const source_table& t : sources()) {
    db.run(fmt::format("DROP TABLE IF EXISTS {0}; CREATE TABLE {0} ({1}, PRIMARY KEY ({2}))", t.name,
                       t.definition, t.key));
    copy(db, t, w);
  }
  db.run("SELECT snowflake.track_all()");
  db.run("COMMIT");
}

storm::storm(const std::string& conninfo, const std::string& database_name, const std::string& schema,
             std::uint64_t seed, storm_rates rates)
    : db_(conninfo), rates_(rates), random_(seed) {
  enter(db_, database_name, schema);
  circuits_ = std::atoi(db_.value("SELECT count(*) FROM circuit_metadata")->c_str());
  made_ = std::atoi(
      db_.value("SELECT count(*) FROM outage_restoration_tracker WHERE outage_id LIKE 'OUT-S%'")->c_str());
}

int storm::due(double rate, double seconds) {
  const double n = rate * seconds;
  return static_cast<int>(n) + (random_.unit() < n - static_cast<int>(n) ? 1 : 0);
}

int storm::run(const std::string& sql) {
  const database::rows r = db_.run(sql);
  return std::atoi(PQcmdTuples(r.get()));
}

std::string storm::some_circuit() {
  return demo::circuit_id(random_.between(0, std::max(0, circuits_ - 1)));
}

int storm::step(double seconds) {
  int changed = move_loads(due(rates_.loads, seconds));
  for (int n = due(rates_.outages, seconds); n > 0; --n)
    changed += begin_outage();
  for (int n = due(rates_.repairs, seconds); n > 0; --n)
    changed += repair();
  for (int n = due(rates_.switches, seconds); n > 0; --n)
    changed += switch_connection();
  for (int n = due(rates_.orders, seconds); n > 0; --n)
    changed += work();
  return changed;
}

int storm::move_loads(int n) {
  if (n == 0) return 0;
  // Each circuit once: of two moves Postgres would take either.
  std::map<std::string, std::string> moves;
  for (int i = 0; i < n; ++i) {
    const std::string id = some_circuit();
    const double load = random_.between(-6.0, 8.0), health = random_.between(-1.5, 1.0);
    moves[id] = fmt::format("('{}', {:.1f}, {:.1f})", id, load, health);
  }
  std::string values;
  for (const auto& [id, move] : moves)
    values += (values.empty() ? "" : ", ") + move;
  return run(
      "UPDATE circuit_metadata c SET avg_load_percent = least(140, greatest(3, avg_load_percent + load)),"
      " avg_health_score = least(100, greatest(5, avg_health_score + health)), last_updated = now()"
      " FROM (VALUES " +
      values + ") m (id, load, health) WHERE c.circuit_id = m.id");
}

int storm::begin_outage() {
  static constexpr auto causes =
      std::to_array<std::string_view>({"WEATHER", "WEATHER", "WEATHER", "VEGETATION", "EQUIPMENT_FAILURE"});
  const std::string circuit = some_circuit(), id = demo::id("OUT-S", ++made_, 5);
  const std::string_view cause = random_.pick<std::string_view>(causes);
  const int minutes = random_.between(30, 480);
  const double share = random_.unit(), north = random_.between(-0.01, 0.01),
               east = random_.between(-0.01, 0.01);
  return run(fmt::format(R"(
    INSERT INTO outage_restoration_tracker
    SELECT '{}', circuit_id, substation_id, 'UNPLANNED', '{}', now(), now() + {} * interval '1 minute', NULL,
      greatest(1, (customers_served * {:.3f})::int), 0, 'ACTIVE', '{}', NULL, centroid_lat + {:.5f},
      centroid_lon + {:.5f}, now(), now()
    FROM circuit_metadata WHERE circuit_id = '{}')",
                         id, cause, minutes, share, share > 0.6 ? "HIGH" : "MEDIUM", north, east, circuit));
}

int storm::repair() {
  const int crew = random_.between(1, 12);
  return run(fmt::format(R"(
    UPDATE outage_restoration_tracker o SET status = n.next, updated_at = now(),
      crew_assigned = coalesce(crew_assigned, 'Crew {}'),
      customers_restored = CASE n.next WHEN 'RESTORED' THEN customers_affected
        WHEN 'IN_PROGRESS' THEN customers_affected / 2 ELSE 0 END,
      actual_restoration = CASE n.next WHEN 'RESTORED' THEN now() END
    FROM (VALUES ('ACTIVE', 'ASSIGNED'), ('PENDING', 'ASSIGNED'), ('ASSIGNED', 'IN_PROGRESS'),
      ('IN_PROGRESS', 'RESTORED')) n (now, next)
    WHERE n.now = o.status AND outage_id = (
      SELECT outage_id FROM outage_restoration_tracker WHERE status <> 'RESTORED'
      ORDER BY md5(outage_id || '{}') LIMIT 1))",
                         crew, random_.next()));
}

// A service line falls, or a tie is closed.
int storm::switch_connection() {
  const std::string circuit = some_circuit();
  if (random_.chance(50))
    return run(fmt::format(R"(
      DELETE FROM flux_ops_center_topology WHERE (from_asset_id, to_asset_id, connection_type) = (
        SELECT from_asset_id, to_asset_id, connection_type FROM flux_ops_center_topology
        WHERE connection_type = 'SERVICE' AND from_circuit_id = '{}' ORDER BY to_asset_id LIMIT 1))",
                           circuit));
  return run(fmt::format(R"(
    INSERT INTO flux_ops_center_topology
    SELECT from_asset_id, to_asset_id, from_circuit_id, to_circuit_id, from_latitude, from_longitude, to_latitude,
      to_longitude, 'TIE', now()
    FROM flux_ops_center_topology t WHERE connection_type = 'PRIMARY' AND from_circuit_id = '{}'
      AND NOT EXISTS (SELECT FROM flux_ops_center_topology o WHERE o.from_asset_id = t.from_asset_id
                      AND o.to_asset_id = t.to_asset_id AND o.connection_type = 'TIE')
    ORDER BY to_asset_id LIMIT 1)",
                         circuit));
}

int storm::work() {
  const int crew = random_.between(1, 12);
  const std::string circuit = some_circuit();
  if (random_.chance(50))
    return run(fmt::format(R"(
      UPDATE work_orders o SET status = n.next, updated_at = now(),
        assigned_crew = coalesce(assigned_crew, 'Crew {}'),
        actual_start = CASE n.next WHEN 'IN_PROGRESS' THEN now() ELSE actual_start END,
        actual_end = CASE n.next WHEN 'DONE' THEN now() END
      FROM (VALUES ('OPEN', 'SCHEDULED'), ('SCHEDULED', 'ASSIGNED'), ('ASSIGNED', 'IN_PROGRESS'),
        ('IN_PROGRESS', 'DONE')) n (now, next)
      WHERE n.now = o.status AND work_order_id = (
        SELECT work_order_id FROM work_orders WHERE status <> 'DONE' ORDER BY md5(work_order_id || '{}') LIMIT 1))",
                           crew, random_.next()));
  return run(fmt::format(R"(
    INSERT INTO work_orders (work_order_id, work_order_type, priority, status, circuit_id, substation_id,
      description, latitude, longitude, created_at, updated_at)
    SELECT 'WO-S' || substr(md5('{}'), 1, 10), 'REPAIR', 'HIGH', 'OPEN', circuit_id, substation_id,
      'Repair after the storm on ' || circuit_id, centroid_lat, centroid_lon, now(), now()
    FROM circuit_metadata WHERE circuit_id = '{}')",
                         random_.next(), circuit));
}

}  // namespace gridlight::test::snowflake
