// Public geodata as it comes: every file must become a layer. Without GRIDLIGHT_REAL_DATA these are skipped.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/load/byte_source.hpp"
#include "sync/load/load.hpp"
#include "sync/migrate.hpp"
#include "tests/support/temp_db.hpp"

using namespace gridlight;
namespace fs = std::filesystem;

namespace {

struct real_file {
  const char* name;
  int rows;
  const char* key;
  const char* shape;
  const char*
      bounds;  // west south east north to 3 decimals, as the collection's description says; empty: none
};

// Those that the issue names, and one of each kind.
const real_file named[] = {
    {"buildings_san_jose.geojsonl.gz", 324214, "id", "polygon", "-122.034 37.144 -121.664 37.459"},
    {"transmission_lines_texas_hifld.geojsonl.gz", 7343, "row_id", "line", "-106.993 25.888 -93.000 37.000"},
    {"transmission_lines_north_california_hifld.geojsonl.gz", 1720, "id", "line",
     "-124.210 34.604 -118.779 41.296"},
    {"osm_grid_nodes_us_south.csv.gz", 13250, "v_id", "point", "-106.539 24.551 -75.062 40.639"},
    {"osm_grid_lines_us_south.csv.gz", 17478, "l_id", "line", "-106.539 24.551 -75.062 40.639"},
    {"street_trees_la_county.csv.gz", 127080, "id", "point", "-118.889 33.775 -117.751 34.311"},
    {"water_bodies_florida_nhd.geojsonl.gz", 1000, "nhd_id", "polygon", "-87.741 25.218 -80.289 32.025"},
};
const real_file others[] = {
    {"service_addresses_san_jose.csv.gz", 141863, "address_id", "point", "-122.035 37.146 -121.594 37.460"},
    {"water_lakes_natural_earth.geojsonl.gz", 2554, "id", "polygon", "-165.966 -50.670 177.154 82.292"},
    {"power_plants_texas_eia.csv.gz", 537, "plant_id", "point", "-106.432 25.913 -93.566 36.496"},
    {"texas_synthetic_buses_activsg2000.csv.gz", 2000, "bus_id", "point", "-104.625 25.913 -94.367 35.831"},
    {"texas_synthetic_lines_activsg2000.geojsonl.gz", 2346, "branch_id", "line",
     "-104.625 25.913 -94.367 35.831"},
    {"texas_synthetic_transformers_activsg2000.csv.gz", 860, "branch_id", "point", ""},
    {"distribution_buses.csv.gz", 25418, "id", "point", ""},
    {"distribution_lines.geojsonl.gz", 13741, "id", "line", ""},
    {"distribution_loads.csv.gz", 9805, "id", "point", ""},
    {"distribution_transformers.csv.gz", 3463, "id", "point", ""},
    {"outages_county_timeseries_se_us.csv.gz", 112221, "id", "none", ""},
};

const char* folder() {
  const char* path = std::getenv("GRIDLIGHT_REAL_DATA");
  if (path == nullptr) MESSAGE("skipped: GRIDLIGHT_REAL_DATA names no folder of real data");
  return path;
}

// The first `lines` lines, unpacked, under the same base name.
std::string cut(const fs::path& file, std::size_t lines, const fs::path& into) {
  auto source = sync::open_file(file);
  REQUIRE(source.has_value());
  sync::text_window window{std::move(*source)};
  std::size_t at = 0;
  for (; lines > 0; --lines) {
    std::size_t end = std::string_view::npos;
    while ((end = window.view().find('\n', at)) == std::string_view::npos)
      REQUIRE(window.more().value());
    at = end + 1;
  }
  fs::create_directories(into);
  const fs::path out = into / file.stem();
  std::ofstream{out, std::ios::binary} << window.view().substr(0, at);
  return out.string();
}

config settings_for(const test::temp_db& db) {
  auto settings = parse_config("", "test");
  REQUIRE(settings.has_value());
  settings->postgres.uri = secret{db.uri()};
  return *settings;
}

boost::asio::awaitable<bool> migrate(boost::asio::any_io_executor executor,
                                     config::postgres_settings postgres) {
  auto session = co_await sync::open_for_command(executor, postgres, "test");
  if (!session) co_return false;
  const auto done = co_await sync::apply_migrations(*session);
  co_return done.has_value();
}

void load_and_check(const test::temp_db& db, const config& settings, const std::string& path,
                    const real_file& file, int rows) {
  CAPTURE(file.name);
  sync::load_options options;
  options.files = {path};
  options.create = true;
  options.layer = "real";
  std::ostringstream said, printed;
  auto* cerr = std::cerr.rdbuf(said.rdbuf());
  auto* cout = std::cout.rdbuf(printed.rdbuf());
  const int code = sync::run_load(settings, options);
  std::cerr.rdbuf(cerr);
  std::cout.rdbuf(cout);
  REQUIRE_MESSAGE(code == 0, said.str());
  MESSAGE(said.str());
  CHECK(printed.str().find(std::string{"key: "} + file.key + "\n") != std::string::npos);
  CHECK(printed.str().find(std::string{file.shape} + "\n") != std::string::npos);
  CHECK(db.value("SELECT count(*) FROM real") == std::to_string(rows));
  if (std::string_view{file.shape} != "none") {
    CHECK(db.value("SELECT count(*) FROM real WHERE geom IS NULL OR NOT ST_IsValid(geom) OR ST_SRID(geom) <> "
                   "4326") == "0");
    if (rows == file.rows && *file.bounds != '\0')
      CHECK(db.value("SELECT concat_ws(' ', round(ST_XMin(b)::numeric, 3), round(ST_YMin(b)::numeric, 3), "
                     "round(ST_XMax(b)::numeric, 3), round(ST_YMax(b)::numeric, 3)) FROM (SELECT "
                     "ST_Extent(geom) AS b "
                     "FROM real) e") == file.bounds);
  }
  db.run("DROP TABLE real");
}

}  // namespace

TEST_CASE("real files become layers") {
  const char* from = folder();
  if (from == nullptr) return;
  const bool soak = std::getenv("GRIDLIGHT_SOAK") != nullptr;
  const test::temp_db db;
  const config settings = settings_for(db);
  REQUIRE(postgres::run_blocking([&](auto executor) { return migrate(executor, settings.postgres); }));
  const fs::path work = fs::temp_directory_path() / ("gridlight_real_" + std::to_string(::getpid()));
  for (const real_file& file : named) {
    constexpr int some = 20'000;
    const fs::path path = fs::path{from} / file.name;
    const bool whole = soak || file.rows <= some;
    const bool header = path.stem().extension() == ".csv";
    const std::string used = whole ? path.string() : cut(path, some + (header ? 1 : 0), work);
    load_and_check(db, settings, used, file, whole ? file.rows : some);
  }
  if (soak)
    for (const real_file& file : others)
      load_and_check(db, settings, (fs::path{from} / file.name).string(), file, file.rows);
  fs::remove_all(work);
}
