#include "sync/derived.hpp"

#include <fmt/format.h>

#include "sync/command.hpp"
#include "sync/run_record.hpp"

namespace gridlight::sync {
namespace {

// A row of gridlight.sync_watermark for each input: 'error' while what is derived of it is older than it.
constexpr std::string_view of_assets = "circuit_service_areas of grid_assets_cache",
                           of_circuits = "circuit_service_areas of circuit_status_realtime";

constexpr std::string_view there_sql =
    "to_regclass('public.circuit_service_areas') IS NOT NULL AND "
    "to_regclass('public.circuit_status_realtime') IS NOT NULL AND to_regclass('public.grid_assets_cache') "
    "IS NOT NULL";

// As demo-data makes them.
constexpr std::string_view areas_sql = R"(
BEGIN;
CREATE TEMPORARY TABLE gridlight_areas ON COMMIT DROP AS
SELECT a.circuit_id, c.substation_id, c.customers_served AS customer_count, count(*)::integer AS asset_count,
       (count(*) FILTER (WHERE a.asset_type = 'transformer'))::integer AS transformer_count,
       (count(*) FILTER (WHERE a.asset_type = 'meter'))::integer AS meter_count,
       ST_SetSRID(ST_MakePoint(round(avg(a.longitude)::numeric, 7)::float8, round(avg(a.latitude)::numeric, 7)::float8),
                  4326) AS centroid,
       ST_ConvexHull(ST_Collect(a.geom ORDER BY a.asset_id)) AS geom
FROM public.grid_assets_cache a LEFT JOIN public.circuit_status_realtime c USING (circuit_id)
WHERE a.circuit_id IS NOT NULL
GROUP BY a.circuit_id, c.substation_id, c.customers_served;
DELETE FROM public.circuit_service_areas l
WHERE NOT EXISTS (SELECT FROM gridlight_areas s WHERE s.circuit_id = l.circuit_id);
INSERT INTO public.circuit_service_areas (circuit_id, substation_id, customer_count, asset_count, transformer_count,
                                          meter_count, centroid, geom)
SELECT s.* FROM gridlight_areas s LEFT JOIN public.circuit_service_areas l USING (circuit_id)
WHERE l.circuit_id IS NULL
   OR (s.substation_id, s.customer_count, s.asset_count, s.transformer_count, s.meter_count, s.centroid, s.geom)
      IS DISTINCT FROM
      (l.substation_id, l.customer_count, l.asset_count, l.transformer_count, l.meter_count, l.centroid, l.geom)
ON CONFLICT (circuit_id) DO UPDATE SET
  substation_id = excluded.substation_id, customer_count = excluded.customer_count, asset_count = excluded.asset_count,
  transformer_count = excluded.transformer_count, meter_count = excluded.meter_count, centroid = excluded.centroid,
  geom = excluded.geom;
)";

// Hulls and counts are the assets' alone.
constexpr std::string_view circuits_sql = R"(
BEGIN;
UPDATE public.circuit_service_areas l SET substation_id = s.substation_id, customer_count = s.customers_served
FROM (SELECT a.circuit_id, c.substation_id, c.customers_served FROM public.circuit_service_areas a
      LEFT JOIN public.circuit_status_realtime c USING (circuit_id)) s
WHERE s.circuit_id = l.circuit_id
  AND (s.substation_id, s.customers_served) IS DISTINCT FROM (l.substation_id, l.customer_count);
)";

}  // namespace

std::string owe_sql(std::string_view schema, std::string_view table, std::int64_t run_id) {
  if (schema != "public") return {};
  const bool assets = table == "grid_assets_cache";
  if (!assets && table != "circuit_status_realtime") return {};
  return fmt::format(
      "INSERT INTO gridlight.sync_watermark (source_table, last_run, last_status, last_error) SELECT '{}', "
      "clock_timestamp(), 'error', 'owed since run {}' WHERE {} ON CONFLICT (source_table) DO UPDATE SET "
      "last_run = "
      "excluded.last_run, last_status = 'error', last_error = excluded.last_error; ",
      assets ? of_assets : of_circuits, run_id, there_sql);
}

// A load, which holds no lease, may add to what is owed after it was looked at: only what is done is crossed
// out. While a table is read here nobody can put another in its place.
boost::asio::awaitable<result<void>> derive(postgres::connection& db, std::int64_t run_id,
                                            std::optional<std::int64_t> token) {
  const auto owed = co_await db.execute(
      fmt::format(
          "SELECT bool_or(source_table = '{0}') FROM gridlight.sync_watermark WHERE source_table IN ('{0}', "
          "'{1}') AND last_status = 'error' AND {2}",
          of_assets, of_circuits, there_sql),
      command_deadline());
  if (!owed) co_return owed.error();
  if (owed->is_null(0, 0)) co_return result<void>{};
  // Made of the assets it is made of the circuits as well.
  const bool all = owed->text(0, 0) == "t";
  std::string sql{all ? areas_sql : circuits_sql};
  sql += fmt::format(
      "UPDATE gridlight.sync_watermark SET last_run = clock_timestamp(), last_status = 'ok', last_error = "
      "NULL "
      "WHERE source_table IN ('{}', '{}'); ",
      of_circuits, all ? of_assets : of_circuits);
  sql += own_sql(run_id) + "; ";
  if (token) sql += fence_sql(*token) + "; ";
  const auto done = co_await db.execute(sql + "COMMIT", command_deadline());
  if (!done && !db.broken() && !db.idle()) co_await db.execute("ROLLBACK", command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

std::string still_owed(const failure& why) {
  return "the service areas are not yet made of what was changed, which the next run of the sync, load or "
         "rollback does: " +
         why.detail + " " + why.log_detail.substr(0, why.log_detail.find("; in: "));
}

}  // namespace gridlight::sync
