// What stands between a slip of the hand and somebody's rows: load, demo-data, ./dev db reset, the tests.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "tests/support/command.hpp"
#include "tests/support/temp_db.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight;
using test::command_outcome;

namespace {

bool has(const command_outcome& o, std::string_view part) {
  const bool found = o.output.find(part) != std::string::npos;
  if (!found) MESSAGE(o.output);
  return found;
}

std::string rows(int from, int to) {
  std::string out = "substation_id,substation_name,latitude,longitude\n";
  for (int i = from; i < to; ++i)
    out += "SUB-" + std::to_string(i) + ",n,29.7,-95.4\n";
  return out;
}

struct guarded {
  test::temp_db db;
  test::temp_folder folder;

  guarded() {
    REQUIRE(run("migrate").status == 0);
    file("poles.geojsonl",
         R"({"type":"Feature","geometry":{"type":"Point","coordinates":[-95,29]},"properties":{"id":7}})"
         "\n");
  }
  std::string file(const std::string& name, const std::string& text) const {
    std::ofstream{folder.path() / name} << text;
    return (folder.path() / name).string();
  }
  std::string arguments(const std::string& command) const {
    return "--database-url \"" + db.uri() + "\" " + command;
  }
  /// Nobody is there to be asked.
  command_outcome run(const std::string& command, const std::string& input = "/dev/null") const {
    return test::run_gridlight(arguments(command) + " 2>&1 <" + input);
  }
  /// On a terminal, where this is typed.
  command_outcome run_typing(const std::string& command, const std::string& answer) const {
    const std::string line =
        "'" + std::string{std::getenv("GRIDLIGHT_BINARY")} + "' --database-url '" + db.uri() + "' " + command;
    std::ofstream{folder.path() / "line"} << "cd / && " << line << "\n";
    return test::run_command("(printf '" + answer + "\\n'; sleep 2) | script -qec 'sh " +
                             (folder.path() / "line").string() + "' /dev/null 2>&1");
  }
  std::string count(const std::string& table = "substations") const {
    return db.value("SELECT count(*) FROM " + table);
  }
  std::string runs() const { return db.value("SELECT count(*) FROM gridlight.sync_run"); }
};

}  // namespace

TEST_CASE("load: an empty layer just fills; rows are replaced only when that is agreed to") {
  const guarded t;
  const std::string first = t.file("substations.csv", rows(0, 10));
  CHECK_MESSAGE(t.run("load " + first).status == 0, "a first load needs no flag");
  CHECK(t.count() == "10");

  const std::string before = t.runs();
  const std::string second = t.file("substations.csv", rows(100, 112));
  const auto refused = t.run("load " + second);
  CHECK(refused.status == 1);
  CHECK(has(refused,
            "all 10 rows of layer substations (public.substations) will be replaced by those of " + second));
  CHECK(has(refused, "nothing was changed: say --yes"));
  CHECK(t.runs() == before);  // it did not even begin
  CHECK(t.db.value("SELECT min(substation_id) FROM substations") == "SUB-0");

  // Its input is the rows: they are no answer.
  CHECK(has(t.run("load - --layer substations", second), "say --yes"));
  CHECK(t.count() == "10");

  const auto done = t.run("load --yes " + second);
  CHECK(done.status == 0);
  CHECK(has(done, "12 rows read, 12 stored, 0 rejected, in place of 10"));
  CHECK(t.count() == "12");
  CHECK(t.run("load --create " + (t.folder.path() / "poles.geojsonl").string()).status == 0);
}

TEST_CASE("load: several layers are asked for together, before the first is touched") {
  const guarded t;
  t.db.run(
      "INSERT INTO osm_water (id) SELECT generate_series(1, 1234); INSERT INTO work_orders (work_order_id) "
      "VALUES ('W1')");
  const std::string a = t.file("substations.csv", rows(0, 3)), b = t.file("osm_water.csv", "id\n1\n"),
                    c = t.file("work_orders.csv", "work_order_id\nW2\n");
  const auto refused = t.run("load " + a + " " + b + " " + c);
  CHECK(refused.status == 1);
  CHECK(has(refused, "all 1,234 rows of layer water (public.osm_water) will be replaced by those of " + b));
  CHECK(has(refused, "all 1 rows of layer work_orders"));
  CHECK(refused.output.find("layer substations") == std::string::npos);  // it is empty
  CHECK(t.count() == "0");
  CHECK(t.count("osm_water") == "1234");
}

TEST_CASE("load: fewer than 80 % of the rows that they replace are refused, --yes or not") {
  const guarded t;
  REQUIRE(t.run("load " + t.file("substations.csv", rows(0, 10))).status == 0);
  const std::string seven = t.file("substations.csv", rows(50, 57));
  const auto refused = t.run("load --yes " + seven);
  CHECK(refused.status == 1);
  CHECK(has(refused,
            "7 rows would replace 10, which is less than 80 %: nothing was changed; say --allow-shrink"));
  CHECK(t.db.value("SELECT min(substation_id) || count(*) FROM substations") == "SUB-010");
  CHECK(t.db.value("SELECT version FROM gridlight.layer_state WHERE layer = 'substations'") == "2");
  CHECK(t.db.value("SELECT count(*) FROM pg_class WHERE relname LIKE 'gridlight\\_%'") == "0");
  CHECK(t.run("load --allow-shrink " + seven).status == 1);  // still to be agreed to
  CHECK(t.run("load --yes --allow-shrink " + seven).status == 0);
  CHECK(t.count() == "7");
  CHECK(t.run("load --yes " + t.file("substations.csv", rows(0, 6))).status == 0);  // 86 %
  // A file cut down to its header would have emptied the layer.
  CHECK(t.run("load --yes " + t.file("substations.csv", rows(0, 0))).status == 1);
  CHECK(t.count() == "6");
}

TEST_CASE("load on a terminal asks") {
  if (test::run_command("script --version >/dev/null 2>&1").status != 0) return;
  const guarded t;
  REQUIRE(t.run("load " + t.file("substations.csv", rows(0, 4))).status == 0);
  const std::string five = t.file("substations.csv", rows(0, 5));
  const auto no = t.run_typing("load " + five, "n");
  CHECK(has(no, "Replace them? [y/N]"));
  CHECK(has(no, "nothing was changed"));
  CHECK(t.count() == "4");
  const auto yes = t.run_typing("load " + five, "y");
  CHECK(has(yes, "in place of 4"));
  CHECK(t.count() == "5");
}

TEST_CASE("demo-data: a demo gives way to another when that is agreed to, other rows never by --yes") {
  const guarded t;
  REQUIRE(t.run("demo-data --scale 0.001").status == 0);
  const auto refused = t.run("demo-data --scale 0.002");
  CHECK(refused.status == 1);
  CHECK(has(refused, "transformers (public.transformers): "));
  CHECK(has(refused, "will be replaced by 183\n"));  // 0.002 of 91,554
  CHECK(has(refused, "say --yes"));
  CHECK(t.db.value("SELECT scale FROM gridlight.demo_data") == "0.001");
  CHECK(t.run("demo-data --scale 0.002 --yes").status == 0);
  CHECK(t.count("transformers") == "183");

  REQUIRE(t.run("load --yes --allow-shrink " + t.file("substations.csv", rows(0, 2))).status == 0);
  const auto foreign = t.run("demo-data --scale 0.001 --yes");
  CHECK(foreign.status == 1);
  CHECK(has(foreign, "did not write: substations (2 rows); nothing was changed"));
  CHECK(t.count("transformers") == "183");
  CHECK(t.run("demo-data --scale 0.001 --overwrite").status == 1);
  CHECK(t.run("demo-data --scale 0.001 --overwrite --yes").status == 0);
}

TEST_CASE("./dev db reset refuses what it did not make, and asks before it deletes what it did") {
  const test::temp_folder folder;
  std::filesystem::permissions(folder.path(), std::filesystem::perms{0755});
  for (const std::string name : {"dev", "scripts"})
    std::filesystem::copy(std::string{std::getenv("GRIDLIGHT_SOURCE_DIR")} + "/" + name,
                          folder.path() / name);
  const std::filesystem::path data = folder.path() / ".local/pg/data";
  std::filesystem::create_directories(data);
  std::ofstream{data / "PG_VERSION"} << "15\n";
  const auto reset = [&](const std::string& flags) {
    return test::run_command("env -u GRIDLIGHT_DATABASE_URL bash '" + (folder.path() / "dev").string() +
                             "' db reset " + flags + " 2>&1 </dev/null");
  };
  const auto foreign = reset("--yes");
  CHECK(foreign.status == 1);
  CHECK(has(foreign, "was not made by ./dev"));
  CHECK(std::filesystem::exists(data / "PG_VERSION"));

  std::ofstream{data / "gridlight.ready"} << "";
  const auto unasked = reset("");
  CHECK(unasked.status == 1);
  CHECK(has(unasked, "say --yes"));
  CHECK(std::filesystem::exists(data / "PG_VERSION"));
  CHECK(reset("--yes").status == 0);
  CHECK_FALSE(std::filesystem::exists(data));

  CHECK(has(test::run_command("GRIDLIGHT_DATABASE_URL=postgresql://127.0.0.1:1/x bash '" +
                              (folder.path() / "dev").string() + "' db reset --yes 2>&1 </dev/null"),
            "not mine to reset"));
}

TEST_CASE("tests refuse a cluster that nobody has marked as theirs") {
  const test::temp_db db;
  const std::string was = std::getenv("GRIDLIGHT_TEST_DATABASE_URL");
  CHECK_NOTHROW(test::require_disposable(was));
  CHECK(db.value("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = "
                 "'gridlight_template'") == test::disposable_mark);
  CHECK_THROWS_AS(test::require_disposable("host=127.0.0.1 port=1 dbname=x"), std::runtime_error);
}
