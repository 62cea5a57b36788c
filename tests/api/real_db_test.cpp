// within and nearest over public geodata, loaded as a user would, against PostGIS's own ST_DWithin and
// ST_Distance. Without GRIDLIGHT_REAL_DATA these are skipped.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "server/config.hpp"
#include "server/postgres/blocking.hpp"
#include "sync/command.hpp"
#include "sync/load/byte_source.hpp"
#include "sync/load/load.hpp"
#include "sync/migrate.hpp"
#include "tests/api/lookup_bench.hpp"

using namespace gridlight;
using test::lookup_bench;
namespace fs = std::filesystem;

namespace {

struct real_layer {
  const char *name, *file;
};
constexpr real_layer real_layers[] = {
    {"buildings", "buildings_san_jose.geojsonl.gz"},
    {"lines", "transmission_lines_texas_hifld.geojsonl.gz"},
    {"nodes", "osm_grid_nodes_us_south.csv.gz"},
    {"trees", "street_trees_la_county.csv.gz"},
};
constexpr std::size_t rows_without_soak = 3'000;

// The file itself, or one of its first rows.
std::string file_of(const fs::path& file, bool whole, const fs::path& into) {
  if (whole) return file.string();
  auto source = sync::open_file(file);
  REQUIRE_MESSAGE(source.has_value(), file.string());
  sync::text_window window{std::move(*source)};
  std::size_t at = 0;
  for (std::size_t line = 0; line <= rows_without_soak; ++line) {
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

boost::asio::awaitable<bool> migrate(boost::asio::any_io_executor executor,
                                     config::postgres_settings postgres) {
  auto session = co_await sync::open_for_command(executor, postgres, "test");
  if (!session) co_return false;
  const auto done = co_await sync::apply_migrations(*session);
  co_return done.has_value();
}

boost::asio::awaitable<result<catalog>> read(boost::asio::any_io_executor executor,
                                             config::postgres_settings postgres,
                                             std::vector<layer_config> declared) {
  auto session = co_await sync::open_for_command(executor, postgres, "test");
  if (!session) co_return session.error();
  co_return co_await read_catalog(*session, declared, deadline_in(std::chrono::seconds{10}));
}

// `gridlight load --create`; the catalog's entry that it prints.
std::string load(const config& settings, const real_layer& l, const std::string& path) {
  sync::load_options options;
  options.files = {path};
  options.create = true;
  options.layer = l.name;
  std::ostringstream said, printed;
  auto* cerr = std::cerr.rdbuf(said.rdbuf());
  auto* cout = std::cout.rdbuf(printed.rdbuf());
  const int code = sync::run_load(settings, options);
  std::cerr.rdbuf(cerr);
  std::cout.rdbuf(cout);
  REQUIRE_MESSAGE(code == 0, said.str());
  return printed.str();
}

// All layers loaded, and the catalog as the server would read it.
std::shared_ptr<const catalog> load_all(const lookup_bench& b, const fs::path& from, bool whole) {
  auto settings = parse_config("", "test");
  REQUIRE(settings.has_value());
  settings->postgres.uri = secret{b.db.uri()};
  REQUIRE(postgres::run_blocking([&](auto executor) { return migrate(executor, settings->postgres); }));
  const fs::path work = fs::temp_directory_path() / ("gridlight_real_lookups_" + std::to_string(::getpid()));
  std::string yaml = "layers:\n";
  for (const real_layer& l : real_layers)
    yaml += load(*settings, l, file_of(from / l.file, whole, work));
  fs::remove_all(work);
  const auto declared = parse_config(yaml, "printed by load");
  REQUIRE_MESSAGE(declared.has_value(), declared.error().detail);
  auto found = postgres::run_blocking(
      [&](auto executor) { return read(executor, settings->postgres, declared->layers); });
  REQUIRE_MESSAGE(found.has_value(), found.error().log_detail);
  REQUIRE(found->broken().empty());
  return std::make_shared<const catalog>(std::move(*found));
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", v);
  return text;
}

struct place {
  geo::lonlat at;
  bool far;  // from all of the layer's rows
};

class asker {
 public:
  asker(lookup_bench& b, std::mt19937& random, std::string table)
      : b_(b), random_(random), table_(std::move(table)) {
    rows_ = std::stoll(b_.rows("SELECT count(*) FROM " + table_)[0][0]);
    b_.rows("CREATE TEMPORARY TABLE numbered_" + table_ +
            " AS SELECT row_number() OVER ()::int AS n, geom FROM " + table_);
    b_.rows("ALTER TABLE numbered_" + table_ + " ADD PRIMARY KEY (n)");
  }

  double between(double a, double b) { return std::uniform_real_distribution<double>{a, b}(random_); }
  int one_of(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }

  place next() {
    switch (one_of(12)) {
      case 0:
        return {{between(-180, 180), one_of(2) == 0 ? between(89.9, 90) : between(-90, -89.9)}, true};
      case 1:
        return {{one_of(3) * 180.0 - 180, one_of(2) == 0 ? 90.0 : -90.0}, true};
      case 2:  // the antimeridian, from both sides and on it
        return {{one_of(2) == 0 ? one_of(2) * 360.0 - 180 : between(179.9, 180) * (one_of(2) * 2 - 1),
                 between(-60, 60)},
                true};
      case 3:  // empty sea
        return {{between(-150, -135), between(5, 20)}, true};
      case 4:  // a row's own vertex
        return {vertex(), false};
      default: {
        const geo::lonlat at = vertex();
        constexpr double spreads[] = {0.00002, 0.001, 0.05, 0.5};
        const double spread = spreads[one_of(4)];
        return {{at.lon + between(-spread, spread), at.lat + between(-spread, spread)}, false};
      }
    }
  }
  double radius() {
    constexpr double radii[] = {0, 1, 50, 500, 5'000, 50'000};
    return one_of(3) == 0 ? between(0, 50'000) : radii[one_of(6)];
  }
  std::int64_t limit() {
    constexpr std::int64_t limits[] = {1, 2, 7, 10, 100, 1'000};
    return limits[one_of(6)];
  }

 private:
  // The first one of any row.
  geo::lonlat vertex() {
    const auto n = std::uniform_int_distribution<std::int64_t>{1, rows_}(random_);
    const auto row =
        b_.rows("SELECT ST_X(geom), ST_Y(geom) FROM (SELECT (ST_DumpPoints(geom)).geom FROM numbered_" +
                table_ + " WHERE n = " + std::to_string(n) + " LIMIT 1) v");
    return {std::stod(row.at(0)[0]), std::stod(row.at(0)[1])};
  }
  lookup_bench& b_;
  std::mt19937& random_;
  std::string table_;
  std::int64_t rows_ = 0;
};

struct truth_row {
  std::string id;
  double distance_m;
};

// What PostGIS itself says of a question. An answer that is full needs to be compared with no more than what
// lies within its last distance, and a centimetre more: a row that it leaves out would be among these.
class judge {
 public:
  judge(lookup_bench& b, std::string table, std::string key, geo::lonlat at)
      : b_(b), table_(std::move(table)), key_(std::move(key)) {
    at_ = "ST_SetSRID(ST_MakePoint(" + number(at.lon) + "," + number(at.lat) + "),4326)::geography";
  }

  /// \param radius_m  nothing: however far
  void check(std::optional<double> radius_m, std::int64_t limit, const result<api::feature_page>& answer,
             bool says_more) {
    REQUIRE_MESSAGE(answer.has_value(), answer.error().log_detail);
    const auto found = test::read_page(*answer);
    const bool full = std::ssize(found) == limit;
    REQUIRE(std::ssize(found) <= limit);
    std::optional<double> reach = radius_m;
    if (full) reach = std::min(radius_m.value_or(1e9), found.back().distance_m + 0.01);
    const auto expected = within(reach, full ? std::nullopt : std::optional{limit});
    const auto size = std::min<std::size_t>(expected.size(), static_cast<std::size_t>(limit));
    REQUIRE(found.size() == size);
    if (says_more) CHECK(answer->more == (full && more_than(*radius_m, limit)));
    std::map<std::string, double> distance_of;
    for (const truth_row& t : expected)
      distance_of[t.id] = t.distance_m;
    std::set<std::string> seen;
    for (std::size_t i = 0; i < size; ++i) {
      CHECK(seen.insert(found[i].id).second);
      REQUIRE_MESSAGE(distance_of.count(found[i].id) == 1, found[i].id);
      CHECK(std::abs(distance_of[found[i].id] - expected[i].distance_m) < 1e-6);
      CHECK(std::abs(found[i].distance_m - expected[i].distance_m) <= 0.001);
    }
  }

 private:
  std::vector<truth_row> within(std::optional<double> radius_m, std::optional<std::int64_t> at_most) {
    std::string sql =
        "SELECT " + key_ + "::text, ST_Distance(geom::geography, " + at_ + ") AS d FROM " + table_;
    if (radius_m) sql += " WHERE ST_DWithin(geom::geography, " + at_ + ", " + number(*radius_m) + ")";
    sql += " ORDER BY d, " + key_;
    if (at_most) sql += " LIMIT " + std::to_string(*at_most + 1);
    std::vector<truth_row> out;
    for (const auto& row : b_.rows(sql))
      out.push_back({row[0], std::stod(row[1])});
    return out;
  }
  bool more_than(double radius_m, std::int64_t rows) {
    return b_.rows("SELECT count(*) > " + std::to_string(rows) + " FROM (SELECT FROM " + table_ +
                   " WHERE ST_DWithin(geom::geography, " + at_ + ", " + number(radius_m) + ") LIMIT " +
                   std::to_string(rows + 1) + ") f")[0][0] == "t";
  }
  lookup_bench& b_;
  std::string table_, key_, at_;
};

}  // namespace

TEST_CASE("within and nearest over real data are what ST_DWithin and ST_Distance say") {
  const char* from = std::getenv("GRIDLIGHT_REAL_DATA");
  if (from == nullptr) {
    MESSAGE("skipped: GRIDLIGHT_REAL_DATA names no folder of real data");
    return;
  }
  const bool soak = test::soaking();
  const unsigned seed = test::seed();
  MESSAGE("seed ", seed);
  std::mt19937 random{seed};
  lookup_bench b{"SELECT 1"};
  const auto layers = load_all(b, from, soak);
  for (const char* way : {"indexscan", "bitmapscan"})  // tables are too large to be read whole each time
    b.rows("SET enable_" + std::string{way} + " = on");
  b.rows("SET max_parallel_workers_per_gather = 2");
  api::postgis_source source{*b.pool};
  for (const real_layer& real : real_layers) {
    const api::layer_ref l{layers, layers->find(real.name)};
    REQUIRE(l.it != nullptr);
    const std::string table = real.name;
    asker ask{b, random, table};
    int found = 0, far_scans = 0;
    for (int i = test::questions(300, 10'000); i > 0; --i) {
      const place p = ask.next();
      const double radius = ask.radius();
      const std::int64_t limit = ask.limit();
      CAPTURE(table);
      CAPTURE(number(p.at.lon));
      CAPTURE(number(p.at.lat));
      CAPTURE(number(radius));
      CAPTURE(limit);
      judge truth{b, table, l->config.key.at(0), p.at};
      const api::within_question w{.at = p.at, .radius_m = radius, .limit = limit, .properties = {}};
      const auto inside = b.run(source.within(l, w, b.effort()));
      truth.check(radius, limit, inside, true);
      found += inside->count > 0 ? 1 : 0;
      const api::nearest_question bounded{
          .at = p.at, .max_distance_m = radius, .limit = limit, .properties = {}};
      truth.check(radius, limit, b.run(source.nearest(l, bounded, b.effort())), false);
      // From far away the reference has to measure every row: seldom when there are many.
      if (p.far && i % (soak ? 50 : 5) != 0) continue;
      far_scans += p.far ? 1 : 0;
      const api::nearest_question any{.at = p.at, .max_distance_m = {}, .limit = limit, .properties = {}};
      truth.check({}, limit, b.run(source.nearest(l, any, b.effort())), false);
    }
    MESSAGE(table, ": ", l->estimated_rows, " rows; ", found, " questions found some; ", far_scans,
            " from far away");
    CHECK(found > 0);
  }
}
