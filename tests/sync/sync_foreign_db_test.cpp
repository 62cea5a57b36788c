#include <algorithm>
#include <random>

#include "sync/foreign.hpp"
#include "tests/support/command.hpp"
#include "tests/support/soak.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using boost::asio::awaitable;
using test::sync_bench;

namespace {

// Substations kept from another database, and a look at who wrote them.
struct kept {
  test::temp_db other;
  std::string table_yaml;
  sync_bench bench;
  explicit kept(int rows = 200) : table_yaml(table(rows)), bench(table_yaml) {}

  std::string table(int rows) const {
    other.run(
        "CREATE TABLE stations AS SELECT 'S' || n AS substation_id, 'g0' AS substation_name, 29::float8 AS "
        "latitude, -95::float8 AS longitude, n::float8 AS capacity_mva, 'x' AS voltage_level, "
        "'2001-02-03'::date AS commissioned_date, 'ACTIVE' AS operational_status FROM generate_series(1, " +
        std::to_string(rows) + ") n");
    return "    substations: {mode: mirrored, source: public.stations, min_share: 0, connection: " +
           test::in_quotes(other.uri()) + "}\n";
  }
  void begin(const std::vector<std::string>& layers = {"substations"}) {
    const auto done = postgres::run_blocking([&](boost::asio::any_io_executor e) {
      return open_and<void>(e, [&](auto& db) { return sync::begin_foreign(db, layers); });
    });
    REQUIRE_MESSAGE(done.has_value(), done.error().log_detail);
  }
  std::vector<sync::foreign_change> look() {
    const auto found = postgres::run_blocking([&](boost::asio::any_io_executor e) {
      return open_and<std::vector<sync::foreign_change>>(e,
                                                         [](auto& db) { return sync::look_for_foreign(db); });
    });
    REQUIRE_MESSAGE(found.has_value(), found.error().log_detail);
    return *found;
  }
  test::temp_folder folder;
  test::command_outcome gridlight(const std::string& arguments) const {
    const std::string config = (folder.path() / "gridlight.yaml").string();
    std::ofstream{config} << bench.yaml(table_yaml);
    return test::run_gridlight("--config " + config + " --database-url '" + bench.db.uri() + "' " +
                               arguments + " 2>&1");
  }
  std::int64_t version() const { return std::stoll(bench.version("substations")); }
  // As somebody else, who says who he is.
  void foreign(const std::string& sql) const { bench.db.run("SET application_name = 'loader'; " + sql); }

 private:
  template <class T, class F>
  awaitable<result<T>> open_and(boost::asio::any_io_executor executor, F ask) {
    auto db = co_await sync::open_for_command(executor, bench.settings.postgres, "test");
    if (!db) co_return db.error();
    postgres::connection& session = *db;
    co_return co_await ask(session);
  }
};

}  // namespace

TEST_CASE("foreign writes: told once each with version and writer; runs, loads and rollbacks are none") {
  kept k{5000};
  k.foreign("INSERT INTO substations (substation_id, latitude, longitude) VALUES ('before', 1, 1)");
  k.begin();
  CHECK(k.look().empty());  // what went before is not told
  CHECK(test::did(k.bench.run("substations")) == "swapped +5000 ~0 -1 =5000");
  k.other.run("UPDATE stations SET substation_name = 'g1' WHERE substation_id < 'S11'");
  CHECK(k.bench.run("substations").did == "merged");
  CHECK(k.look().empty());
  const auto before = k.version();
  CHECK(k.gridlight("rollback substations --yes").status == 0);
  CHECK(k.version() == before + 1);
  CHECK(k.bench.run("substations").final_count == 5000);
  const std::string file = (k.folder.path() / "substations.csv").string();
  k.bench.db.run("UPDATE gridlight.sync_lease SET expires_at = '-infinity'");
  std::ofstream{file} << "substation_id,substation_name,latitude,longitude\nS1,loaded,29,-95\n";
  const auto loaded = k.gridlight("load " + file + " --layer substations --yes --allow-shrink");
  INFO(loaded.output);
  CHECK(loaded.status == 0);
  CHECK(k.bench.db.value("SELECT count(*) FROM substations") == "1");
  CHECK(k.look().empty());
  CHECK(k.bench.run("substations").final_count == 5000);
  CHECK(k.look().empty());

  const std::string who = k.bench.db.value("SELECT session_user");
  k.foreign("UPDATE substations SET substation_name = 'theirs' WHERE substation_id = 'S7'");
  auto found = k.look();
  REQUIRE(found.size() == 1);
  CHECK(found[0].layer == "substations");
  CHECK(found[0].count == 1);
  CHECK(found[0].first == k.version());
  CHECK(found[0].last == k.version());
  CHECK(found[0].writers == "loader as role " + who);
  CHECK(k.look().empty());
  CHECK(k.bench.db.value(
            "SELECT concat_ws(' ', changes, last_version, last_writers) FROM gridlight.sync_foreign") ==
        "1 " + std::to_string(k.version()) + " loader as role " + who);
  // Taken back by the next run, which is none again.
  CHECK(test::did(k.bench.run("substations")) == "merged +0 ~1 -0 =5000");
  CHECK(k.look().empty());
  // An UPDATE that leaves all as it was raises no version.
  k.foreign("UPDATE substations SET substation_name = substation_name");
  CHECK(k.look().empty());
  k.foreign("TRUNCATE substations");
  CHECK(k.look().size() == 1);
}

TEST_CASE("foreign writes: of many statements in one transaction, only who it was decides") {
  kept k;
  k.bench.run("substations");
  k.begin();
  const std::string run = k.bench.db.value("SELECT max(run_id) FROM gridlight.sync_run");
  std::string many;
  for (int i = 1; i <= 100; ++i)  // more than change rows are kept of one transaction
    many += "UPDATE substations SET substation_name = 'n" + std::to_string(i) + "' WHERE substation_id = 'S" +
            std::to_string(i) + "'; ";
  k.foreign("BEGIN; " + many + "SELECT gridlight.sync_own(" + run + "); COMMIT");
  CHECK(k.look().empty());
  // The setting ends with the transaction.
  k.foreign("BEGIN; SELECT gridlight.sync_own(" + run +
            "); COMMIT; UPDATE substations SET substation_name = 'x'");
  CHECK(k.look().size() == 1);
  k.foreign("BEGIN; UPDATE substations SET substation_name = 'y'; " + many + "COMMIT");
  const auto found = k.look();
  REQUIRE(found.size() == 1);
  CHECK(found[0].count == 1);
  // A run that there never was is nobody's, and nonsense keeps nobody from writing.
  k.foreign("SET gridlight.run = '999999'; UPDATE substations SET substation_name = 'z'");
  CHECK(k.look().size() == 1);
  k.foreign("SET gridlight.run = 'all'; UPDATE substations SET substation_name = 'zz'");
  CHECK(k.look().size() == 1);
}

TEST_CASE("foreign writes: where they are accepted nobody looks, and looking begins anew") {
  kept k;
  k.begin();
  k.foreign("INSERT INTO substations (substation_id, latitude, longitude) VALUES ('a', 1, 1)");
  CHECK(k.look().size() == 1);
  k.begin({});
  k.foreign("UPDATE substations SET latitude = 2");
  CHECK(k.look().empty());
  k.begin();
  CHECK(k.look().empty());
  k.begin();  // as a server that takes over: what it was told before stays so
  k.foreign("UPDATE substations SET latitude = 3");
  k.begin();
  CHECK(k.look().size() == 1);
}

TEST_CASE("foreign writes: of runs and strangers in any order, all of the strangers' and none else") {
  const auto seed = test::chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=", seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](int n) { return std::uniform_int_distribution<int>{0, n - 1}(random); };
  kept k;
  k.begin();
  std::int64_t strangers = 0, told = 0, own = 0;
  for (int step = 0; step < test::count_of(60, 600); ++step) {
    const std::int64_t before = k.version();
    const std::string id = "S" + std::to_string(1 + pick(200)), value = "'v" + std::to_string(step) + "'";
    switch (pick(6)) {
      case 0:
      case 1:
        k.other.run(pick(4) == 0 ? "UPDATE stations SET substation_name = " + value
                                 : "UPDATE stations SET substation_name = " + value +
                                       " WHERE substation_id = '" + id + "'");
        k.bench.run("substations");
        own += k.version() - before;
        break;
      case 2:
        k.foreign("DELETE FROM substations WHERE substation_id = '" + id + "'");
        strangers += k.version() - before;
        break;
      case 3:
        k.foreign("BEGIN; UPDATE substations SET substation_name = " + value +
                  "; UPDATE substations SET latitude = latitude + 1; COMMIT");
        strangers += k.version() - before;
        break;
      case 4:
        k.foreign("BEGIN; UPDATE substations SET substation_name = " + value + "; ROLLBACK");
        CHECK(k.version() == before);
        break;
      default:
        for (const auto& f : k.look())
          told += f.count;
        CHECK(told == strangers);
    }
  }
  for (const auto& f : k.look())
    told += f.count;
  CHECK(told == strangers);
  CHECK(strangers > 0);
  CHECK(own > 0);
  CHECK(k.bench.db.value("SELECT changes FROM gridlight.sync_foreign") == std::to_string(told));
}
