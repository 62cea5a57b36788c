// Runs whose source cannot be opened.
#include "tests/sync/sync_support.hpp"

using namespace gridlight;
using test::sync_bench;

namespace {

std::string recorded(const sync_bench& b) {
  return b.last_run("mode, status, finished_at IS NOT NULL, error") + " | " +
         b.db.value("SELECT last_status || ' ' || last_error FROM gridlight.sync_watermark");
}

}  // namespace

TEST_CASE("a source that cannot be reached is a run that failed, and says which source") {
  test::temp_db other;
  sync_bench b;
  test::mirror_places(b, other);
  other.run("INSERT INTO stations VALUES ('S1', 'x', 29, -95)");
  b.run("places");
  CHECK(b.last_run("status") == "success");
  b.configure(
      "    places: {mode: mirrored, source: public.stations, table: public.places, key: substation_id, "
      "connection: "
      "'host=127.0.0.1 port=1 dbname=x'}\n");
  const std::string why = b.fail("places");
  CHECK(why == "the source, sync.tables.places.connection: the database cannot be reached");
  const std::string found = recorded(b);
  INFO(found);
  CHECK(found.starts_with("mirrored failed t the source, sync.tables.places.connection: "));
  CHECK(found.find("| error the source, sync.tables.places.connection: ") != std::string::npos);
  CHECK(b.db.value("SELECT count(*) FROM gridlight.sync_run") == "2");
  sync::run_options dry;
  dry.dry_run = true;
  b.fail("places", dry);
  CHECK(b.db.value("SELECT count(*) FROM gridlight.sync_run") == "2");
  CHECK(b.db.value("SELECT count(*) FROM places") == "1");
}

TEST_CASE("a key that cannot be read is a run that failed") {
  sync_bench b;
  b.more = "  snowflake: {account: ORG-NAME, user: U, private_key_file: /nowhere/key.pem}\n";
  b.configure("    topology: {mode: watermark, watermark: LAST_UPDATED, timezone: UTC}\n");
  CHECK(b.fail("topology") == "the source, sync.snowflake: /nowhere/key.pem cannot be read");
  CHECK(recorded(b).starts_with(
      "watermark failed t the source, sync.snowflake: /nowhere/key.pem cannot be read"));
  sync::run_options full;
  full.full = true;
  b.fail("topology", full);
  CHECK(b.last_run("mode, status") == "full failed");
}
