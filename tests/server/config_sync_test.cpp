#include "server/config_sync.hpp"

#include <doctest/doctest.h>

#include "server/config.hpp"
#include "tests/server/config_support.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace std::chrono_literals;

namespace {

const sync_table_config& table(const config& c, std::string_view name) {
  for (const auto& t : c.sync.tables)
    if (t.name == name) return t;
  throw std::runtime_error{"no such table"};
}

const std::string snow =
    "sync:\n  snowflake: {account: A-B, user: U, private_key_file: k.pem, warehouse: WH}\n";

}  // namespace

TEST_CASE("the built-in tables are those of the data model, in force once Snowflake is configured") {
  const config none = good("");
  REQUIRE(none.sync.tables.size() == 4);
  for (const auto& t : none.sync.tables)
    CHECK_FALSE(config_detail::in_force(none, t));
  const config c = good(snow);
  for (const auto& t : c.sync.tables)
    CHECK(config_detail::in_force(c, t));
  const auto& topology = table(c, "topology");
  CHECK(topology.mode == sync_mode::changes);
  CHECK(topology.schedule.every == 1min);
  CHECK(topology.reconcile.cron == "0 4 * * *");
  CHECK(table(c, "outages").min_share == 0);
  CHECK(table(c, "outages").schedule.every == 5min);
  // A file with layers of its own has no topology, and that is no fault.
  const config other = good(snow + "layers: {a: {key: id}}\n");
  CHECK_FALSE(config_detail::in_force(other, table(other, "topology")));
}

TEST_CASE("a file's keys stand on top of the built-in ones") {
  const config c =
      good(snow +
           "  tables:\n    topology: {schedule: {cron: 5 4 * * 1-5, timezone: America/Chicago}}\n"
           "    work_orders: {enabled: false}\n"
           "    more: {layer: assets, mode: watermark, watermark: TS, source: A.B.C, overlap: 2m,\n"
           "           columns: {asset_id: 'ID::VARCHAR'}, timezone: UTC, max_errors: 5, foreign_writes: "
           "accept}\n");
  const auto& topology = table(c, "topology");
  CHECK(topology.source == "FLUX_OPS_CENTER_TOPOLOGY");
  CHECK(topology.schedule == schedule_text{0ms, "5 4 * * 1-5", "America/Chicago"});
  CHECK_FALSE(config_detail::in_force(c, table(c, "work_orders")));
  const auto& more = table(c, "more");
  CHECK(more.overlap == 2min);
  CHECK(more.max_errors == 5);
  CHECK(more.foreign == foreign_writes::accept);
  CHECK(topology.foreign == foreign_writes::warn);
  REQUIRE(more.columns.size() == 1);
  CHECK(more.columns[0] == std::pair<std::string, std::string>{"asset_id", "ID::VARCHAR"});
  CHECK_FALSE(more.only_columns);
}

TEST_CASE("what is wrong with a table is said with file, line and key") {
  const auto one = [](std::string_view keys) {
    return bad(snow + "  tables:\n    t: {layer: assets, source: T, " + std::string{keys} + "}\n");
  };
  CHECK(one("mode: ful").starts_with("t.yaml:4: sync.tables.t.mode is ful; it must be one of full,"));
  CHECK(
      one("foreign_writes: no").find("sync.tables.t.foreign_writes is no; it must be one of warn, accept") !=
      std::string::npos);
  CHECK(one("schedul: 5m").find("unknown key sync.tables.t.schedul; did you mean sync.tables.t.schedule?") !=
        std::string::npos);
  CHECK(one("schedule: 99 * * * *").find("sync.tables.t.schedule is 99 * * * *; it must be an interval") !=
        std::string::npos);
  CHECK(one("min_share: 2").find("it must be a number between 0 and 1") != std::string::npos);
  CHECK(one("mode: watermark").find("t.yaml:4: sync.tables.t has mode watermark, which needs watermark") !=
        std::string::npos);
  CHECK(one("mode: push, target: X").find("needs no source") != std::string::npos);
  CHECK(one("mode: mirrored").find("needs connection") != std::string::npos);
  CHECK(one("transform: SELECT 1").find("needs source or transform, one of them") != std::string::npos);
  CHECK(bad(snow + "  tables: {t: {source: T}}").find("sync.tables.t names no layer: t is none") !=
        std::string::npos);
  CHECK(bad("sync: {tables: {assets: {source: T}}}").find("needs Snowflake: set sync.snowflake.account") !=
        std::string::npos);
  CHECK(bad("sync: {snowflake: {account: A}}").find("no credentials") != std::string::npos);
  CHECK(bad("sync: {snowflake: {account: https://x}}").find("it must be empty or an account") !=
        std::string::npos);
}

TEST_CASE("secrets of the sync are never shown") {
  const config c = good(
      "sync: {snowflake: {account: A, user: U, private_key_file: k, passphrase: hunter2}, tables: {assets: "
      "{mode: mirrored, source: s.t, connection: 'host=h password=hunter2'}}}");
  CHECK(c.sync.snowflake.passphrase.reveal() == "hunter2");
  CHECK(table(c, "assets").connection.reveal() == "host=h password=hunter2");
  CHECK(dump(c).find("hunter2") == std::string::npos);
  CHECK(bad("sync: {tables: {assets: {mode: mirrored, source: s.t, connection: 'hunter2 x'}}}")
            .find("hunter2") == std::string::npos);
}

TEST_CASE("dump of sync reads back to the same") {
  const config c = good(snow +
                        "  tables:\n    topology: {where: \"A = '$${x}'\", key: [a, b]}\n"
                        "    more: {table: s.t, key: id, source: X, columns: [id, n], schedule: off, "
                        "foreign_writes: accept}\n");
  const std::string text = dump(c);
  INFO(text);
  CHECK(dump(good(text)) == text);
  CHECK(table(good(text), "topology").where == "A = '${x}'");
  CHECK(table(good(text), "more").schedule.never());
  CHECK(table(good(text), "more").foreign == foreign_writes::accept);
}
