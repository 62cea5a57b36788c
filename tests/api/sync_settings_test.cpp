#include <simdjson.h>

#include "tests/api/routes_bench.hpp"

using namespace gridlight;
using test::routes_bench;

namespace {

constexpr const char* yaml = R"(
sync:
  snowflake: {account: ORG-NAME, user: SYNC, private_key_file: /etc/gridlight/sync.p8, passphrase: swordfish, warehouse: WH}
  tables:
    points:
      source: DB.PUBLIC.POINTS
      where: OWNER <> 'Jane "Doe"'
      mode: watermark
      watermark: UPDATED_AT
      schedule: 90s
      reconcile: {cron: 0 4 * * *, timezone: America/Chicago}
      columns: {name: UPPER(NAME)}
    copies: {mode: mirrored, table: public.copies, key: id, source: theirs.t, connection: "postgresql://u:pw@h/db", schedule: "off"}
    quiet: {enabled: false, source: Q, layer: points}
layers: {points: {table: points, key: id}}
)";

struct answered {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string body;
};

void ask(routes_bench& b, answered& out, bool may_write) {
  const auto found = b.router.find(boost::beast::http::verb::get, "/api/postgres/sync/settings");
  REQUIRE(found.found != nullptr);
  http::request req;
  if (may_write) req.who.allowed.add(identity::scope::write);
  const auto reply =
      postgres::run_blocking([&](boost::asio::any_io_executor) { return found.found->handle(req); });
  REQUIRE(reply.has_value());
  CHECK(reply->cache_control == "no-store");
  out.body = reply->body;
  REQUIRE(out.parser.parse(out.body).get(out.root) == simdjson::SUCCESS);
}

std::string text(const answered& a, std::string_view pointer) {
  simdjson::dom::element e;
  if (a.root.at_pointer(pointer).get(e) != simdjson::SUCCESS) return "-";
  return e.is_string() ? std::string{e.get_string().value()} : std::string{simdjson::to_string(e)};
}

}  // namespace

TEST_CASE("sync/settings: what is kept, how and when; no secret, and nothing of the source for readers") {
  routes_bench b;
  auto read = parse_config(yaml, "test");
  REQUIRE_MESSAGE(read.has_value(), read.error().detail);
  b.settings = std::move(*read);
  answered reader, writer;
  ask(b, reader, false);
  ask(b, writer, true);
  for (const answered* a : {&reader, &writer}) {
    CHECK(text(*a, "/enabled") == "true");
    CHECK(text(*a, "/keep_previous_s") == "86400");
    CHECK(text(*a, "/snowflake/configured") == "true");
    CHECK(text(*a, "/tables/0/name") == "points");
    CHECK(text(*a, "/tables/0/layer") == "points");
    CHECK(text(*a, "/tables/0/mode") == "watermark");
    CHECK(text(*a, "/tables/0/direction") == "pull");
    CHECK(text(*a, "/tables/0/in_force") == "true");
    CHECK(text(*a, "/tables/0/schedule/every_s") == "90");
    CHECK(text(*a, "/tables/0/schedule/longest_pause_s") == "90");
    CHECK(text(*a, "/tables/0/reconcile/longest_pause_s") == "86400");
    CHECK(text(*a, "/tables/0/reconcile/cron") == "0 4 * * *");
    CHECK(text(*a, "/tables/0/reconcile/timezone") == "America/Chicago");
    CHECK(text(*a, "/tables/0/overlap_s") == "600");
    CHECK(text(*a, "/tables/0/min_share") == "0.8");
    CHECK(text(*a, "/tables/0/new_columns") == "ignore");
    CHECK(text(*a, "/tables/1/table") == "public.copies");
    CHECK(text(*a, "/tables/1/schedule") == "null");
    CHECK(text(*a, "/tables/2/in_force") == "false");
    for (const char* hidden : {"swordfish", "sync.p8", "pw@", "postgresql:"})
      CHECK(a->body.find(hidden) == std::string::npos);
  }
  for (const char* source : {"ORG-NAME", "SYNC", "WH", "DB.PUBLIC", "Jane", "UPPER", "theirs", "UPDATED_AT"})
    CHECK(reader.body.find(source) == std::string::npos);
  CHECK(text(writer, "/snowflake/account") == "ORG-NAME");
  CHECK(text(writer, "/snowflake/credentials") == "key_pair");
  CHECK(text(writer, "/snowflake/warehouse") == "WH");
  CHECK(text(writer, "/tables/0/source") == "DB.PUBLIC.POINTS");
  CHECK(text(writer, "/tables/0/where") == "OWNER <> 'Jane \"Doe\"'");
  CHECK(text(writer, "/tables/0/columns/name") == "UPPER(NAME)");
  CHECK(text(writer, "/tables/1/connection") == "***");
  b.settings.sync.enabled = false;
  ask(b, reader, false);
  CHECK(text(reader, "/enabled") == "false");
  CHECK(text(reader, "/tables/0/in_force") == "false");
}

TEST_CASE("sync/settings: nothing configured") {
  routes_bench b;
  answered a;
  ask(b, a, true);
  CHECK(
      a.body ==
      R"({"enabled":true,"keep_previous_s":86400,"run_timeout_s":1800,"reaper":"report","reaper_after_s":90,"snowflake":{"configured":false},"tables":[]})");
}
