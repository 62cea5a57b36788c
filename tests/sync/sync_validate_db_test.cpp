#include "sync/sync_command.hpp"
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::printed;
using test::sync_bench;

TEST_CASE("validate is not content with rows that were rejected, nor with what it does not compare") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other, "max_errors: 10, ");
  other.run(
      "INSERT INTO stations SELECT 'S' || n, 'x', 29, -95 FROM generate_series(1, 13) n; INSERT INTO "
      "stations SELECT "
      "NULL, 'bad', 29, -95 FROM generate_series(1, 8) n");
  b.run("places");
  CHECK(b.db.value("SELECT count(*) FROM places") == "13");
  const auto validate = [&](const std::string& table, int code) {
    return printed([&] { return sync::run_sync_validate(b.settings, table); }, code);
  };
  const std::string differs = validate("", 1);
  INFO(differs);
  CHECK(differs.find("rejected") != std::string::npos);
  CHECK(differs.find("          21           13          0          0          0          8 ") !=
        std::string::npos);
  CHECK(differs.find("DIFFERS") != std::string::npos);
  other.run("DELETE FROM stations WHERE substation_id IS NULL");
  CHECK(validate("places", 0).find(" same") != std::string::npos);

  b.more = "  snowflake: {account: ORG-NAME, user: U, private_key_file: /nowhere/key.pem}\n";
  b.configure(
      "    sent: {mode: push, table: public.places, key: substation_id, target: PLACES, watermark: "
      "latitude}\n");
  CHECK(validate("", 0).find("sent                     is pushed to PLACES: not compared") !=
        std::string::npos);
  CHECK(validate("sent", 2).find("only tables that are read are") != std::string::npos);
}
