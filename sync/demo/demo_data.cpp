#include "sync/demo/demo_data.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <optional>
#include <thread>

#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/demo/staging.hpp"
#include "sync/demo/tables.hpp"
#include "sync/generalize/generalize.hpp"
#include "sync/progress.hpp"

namespace gridlight::sync {
namespace {

using namespace demo;
using boost::asio::any_io_executor;
using boost::asio::awaitable;
using postgres::connection;

// Raised when the same seed gives other rows than before.
constexpr int generator = 1;

// Two sessions work side by side: more would only queue on two cores, and Postgres is the slower end.
constexpr std::size_t lanes = 2;

// The hull of what stands on a circuit; GEOS is asked in Postgres, where the assets are.
constexpr std::string_view service_areas_sql = R"(
INSERT INTO gridlight_demo.circuit_service_areas
SELECT a.circuit_id, c.substation_id, c.customers_served, count(*),
       count(*) FILTER (WHERE a.asset_type = 'transformer'), count(*) FILTER (WHERE a.asset_type = 'meter'),
       ST_SetSRID(ST_MakePoint(round(avg(a.longitude)::numeric, 7)::float8, round(avg(a.latitude)::numeric, 7)::float8), 4326),
       ST_ConvexHull(ST_Collect(a.geom ORDER BY a.asset_id))
FROM gridlight_demo.grid_assets_cache a JOIN gridlight_demo.circuit_status_realtime c USING (circuit_id)
GROUP BY a.circuit_id, c.substation_id, c.customers_served
ORDER BY a.circuit_id)";

awaitable<result<void>> run(connection& db, std::string sql) {
  const auto done = co_await db.execute(sql, command_deadline());
  if (!done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<connection>> open_lane(any_io_executor executor, config::postgres_settings settings) {
  auto db = co_await open_for_command(executor, settings, "demo-data");
  if (!db) co_return db.error();
  const auto set =
      co_await run(*db,
                   "SET maintenance_work_mem = '256MB'; SET max_parallel_maintenance_workers = 0;"
                   "SET synchronous_commit = off; SET client_min_messages = warning");
  if (!set) co_return set.error();
  co_return std::move(*db);
}

// The table is made in the transaction that fills it: then FREEZE may store rows that never need a vacuum.
awaitable<result<void>> fill(connection& db, const world& w, const demo_table& t, progress& shown) {
  const auto create = co_await create_table_sql(db, std::string{t.table});
  if (!create) co_return create.error();
  if (const auto begun = co_await run(db, "BEGIN; " + *create); !begun) co_return begun.error();
  const std::string copy = std::string{"COPY "} + staging_schema + "." + std::string{t.table} + " (" +
                           std::string{t.columns} + ") FROM STDIN WITH (FORMAT binary, FREEZE)";
  if (const auto begun = co_await db.copy_begin(copy, command_deadline()); !begun) co_return begun.error();

  copy_rows rows;
  rows.header();
  const std::size_t pieces = t.pieces(w);
  for (std::size_t piece = 0; piece <= pieces; ++piece) {
    piece < pieces ? t.write(w, piece, rows) : rows.trailer();
    if (rows.bytes().size() < 256 * 1024 && piece < pieces) continue;
    const auto put = co_await db.copy_put(std::as_bytes(std::span{rows.bytes()}), command_deadline());
    if (!put) co_return put.error();
    shown.add(rows.rows());
    rows.clear();
  }
  const auto stored = co_await db.copy_finish(command_deadline());
  if (!stored) co_return stored.error();
  if (*stored != t.rows(w))
    co_return failure{errc::internal, std::string{t.table} + " got " + std::to_string(*stored) +
                                          " rows instead of " + std::to_string(t.rows(w))};
  co_return co_await run(db, "COMMIT");
}

awaitable<result<void>> derive_service_areas(connection& db) {
  const auto create = co_await create_table_sql(db, "circuit_service_areas");
  if (!create) co_return create.error();
  co_return co_await run(db, *create + ";" + std::string{service_areas_sql});
}

// Runs `work(lane, connection)` in a thread and session a lane; the first failure of any.
using lane_work = std::function<awaitable<result<void>>(std::size_t, connection&)>;
result<void> in_lanes(const config::postgres_settings& settings, const lane_work& work) {
  std::array<std::optional<failure>, lanes> failed;
  {
    std::vector<std::jthread> threads;
    for (std::size_t lane = 0; lane < lanes; ++lane)
      threads.emplace_back([&, lane] {
        try {
          const auto done = postgres::run_blocking([&](any_io_executor executor) -> awaitable<result<void>> {
            auto db = co_await open_lane(executor, settings);
            if (!db) co_return db.error();
            co_return co_await work(lane, *db);
          });
          if (!done) failed[lane] = done.error();
        } catch (const std::exception& e) {
          failed[lane] = failure{errc::internal, "a lane failed", {}, e.what()};
        }
      });
  }
  for (auto& f : failed)
    if (f) return std::move(*f);
  return {};
}

// Tasks taken one after the other by whichever lane is free, the longest first.
struct task {
  std::int64_t weight;
  std::string sql;
};
result<void> run_tasks(const config::postgres_settings& settings, std::vector<task> tasks, progress& shown) {
  std::ranges::stable_sort(tasks, std::greater{}, &task::weight);
  std::atomic<std::size_t> next{0};
  return in_lanes(settings, [&](std::size_t, connection& db) -> awaitable<result<void>> {
    for (std::size_t i = next++; i < tasks.size(); i = next++) {
      const auto done = co_await run(db, tasks[i].sql);
      if (!done) {
        next = tasks.size();
        co_return done.error();
      }
      shown.add(1);
    }
    co_return result<void>{};
  });
}

result<void> fill_all(const config::postgres_settings& settings, const world& w, progress& shown) {
  const auto tables = demo_tables();
  std::int64_t total = 0;
  for (const demo_table& t : tables)
    total += t.rows(w);
  shown.stage("rows", total);
  return in_lanes(settings, [&](std::size_t lane, connection& db) -> awaitable<result<void>> {
    // The buildings take as long as all others together.
    const auto own = lane == 0 ? tables.first(1) : tables.subspan(1);
    for (const demo_table& t : own)
      if (const auto filled = co_await fill(db, w, t, shown); !filled) co_return filled.error();
    if (lane == 0) co_return result<void>{};
    co_return co_await derive_service_areas(db);
  });
}

std::int64_t rows_of(const world& w, std::string_view table) {
  for (const demo_table& t : demo_tables())
    if (t.table == table) return t.rows(w);
  return w.counts.circuits;
}

result<void> index_all(const config::postgres_settings& settings, const world& w,
                       const std::vector<index_plan>& plans, progress& shown) {
  std::vector<task> builds, finishing;
  for (const index_plan& p : plans) {
    // An index on geography takes several times as long as another.
    const bool slow = p.sql.find("geography") != std::string::npos;
    builds.push_back({rows_of(w, p.table) * (slow ? 4 : 1), p.sql});
  }
  for (const owned_layer& l : owned_layers()) {
    std::string sql;
    for (const index_plan& p : plans)
      if (p.table == l.table && !p.constraint_sql.empty()) sql += p.constraint_sql + ";";
    finishing.push_back({rows_of(w, l.table), sql + "ANALYZE " + staging_schema + "." + l.table});
  }
  shown.stage("indexes", static_cast<std::int64_t>(builds.size()));
  if (const auto built = run_tasks(settings, std::move(builds), shown); !built) return built.error();
  shown.stage("tables analysed", static_cast<std::int64_t>(finishing.size()));
  return run_tasks(settings, std::move(finishing), shown);
}

struct report {
  std::vector<layer_facts> facts;
};

awaitable<result<report>> measure_and_swap(connection& db, demo_mark mark) {
  report out;
  for (const owned_layer& l : owned_layers()) {
    auto facts = co_await measure(db, l.table);
    if (!facts) co_return facts.error();
    out.facts.push_back(std::move(*facts));
  }
  const auto swapped = co_await swap_in(db, out.facts, mark);
  if (!swapped) co_return swapped.error();
  co_return out;
}

// Rows that a demo wrote can be made again; all others might be the only ones.
result<void> confirm_replacement(const std::vector<held_rows>& held, const world& w,
                                 const demo_options& options) {
  std::string what, foreign;
  for (const held_rows& h : held) {
    what += (what.empty() ? "" : "  ") + h.of.layer + " (public." + h.of.table + "): " + grouped(h.rows) +
            " rows will be replaced by " + grouped(rows_of(w, h.of.table)) + "\n";
    if (h.foreign) foreign += (foreign.empty() ? "" : ", ") + h.of.layer + " (" + grouped(h.rows) + " rows)";
  }
  if (!foreign.empty() && !options.overwrite)
    return failure{
        errc::conflict,
        "these layers hold rows that demo-data did not write: " + foreign +
            "; nothing was changed. Take another database, or say --overwrite if nobody needs them"};
  return what.empty() ? result<void>{} : confirm("demo-data", what, options.yes, true);
}

// Nothing: there were rows, and they stay.
using outcome = result<std::optional<report>>;

awaitable<outcome> write_demo(connection& db, config::postgres_settings settings, demo_options options) {
  const auto held = co_await check_database(db);
  if (!held) co_return held.error();
  if (options.if_empty && !held->empty()) co_return std::nullopt;
  const world w{options.scale, options.seed};
  if (const auto agreed = confirm_replacement(*held, w, options); !agreed) co_return agreed.error();
  if (const auto ready = co_await prepare_staging(db); !ready) co_return ready.error();
  const auto plans = co_await plan_indexes(db);
  if (!plans) co_return plans.error();

  progress shown;
  // The lanes' threads block this coroutine's loop, which has nothing else to do.
  result<void> built = fill_all(settings, w, shown);
  if (built) built = index_all(settings, w, *plans, shown);
  if (!built) {
    co_await drop_staging(db);
    co_return built.error();
  }
  auto done = co_await measure_and_swap(db, {options.scale, options.seed, generator});
  if (!done) {
    co_await drop_staging(db);
    co_return done.error();
  }
  co_return *std::move(done);
}

awaitable<outcome> open_and_write(any_io_executor executor, config::postgres_settings settings,
                                  demo_options options) {
  auto db = co_await open_lane(executor, settings);
  if (!db) co_return db.error();
  auto done = co_await write_demo(*db, settings, options);
  co_await unlock(*db);
  co_return done;
}

}  // namespace

int run_demo_data(const config& settings, const demo_options& options) {
  if (!(options.scale >= 0.001 && options.scale <= 1)) {
    std::cerr << "gridlight demo-data: --scale is " << options.scale << "; it must be from 0.001 to 1"
              << std::endl;
    return exit_code::usage;
  }
  const auto done = postgres::run_blocking(
      [&](any_io_executor executor) { return open_and_write(executor, settings.postgres, options); });
  if (!done) {
    print_failure("demo-data", done.error());
    return exit_code::failed;
  }
  if (!*done) {
    std::cout << "there are rows already; nothing was changed" << std::endl;
    return exit_code::ok;
  }
  const auto layers = owned_layers();
  for (std::size_t i = 0; i < layers.size(); ++i)
    std::cout << layers[i].layer << ": " << grouped((*done)->facts[i].rows) << " rows\n";
  std::vector<std::string> changed;
  for (const owned_layer& l : layers)
    changed.emplace_back(l.layer);
  build_after(settings, changed, "demo-data");
  std::cout << "demo data of scale " << options.scale << ", seed " << options.seed << std::endl;
  return exit_code::ok;
}

}  // namespace gridlight::sync
