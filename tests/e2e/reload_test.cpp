// SIGHUP takes a new configuration while requests run; a broken one changes nothing.
#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <random>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/grid_load.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/keen_load.hpp"
#include "tests/support/soak.hpp"
#include "tests/support/sse_client.hpp"
#include "tests/support/temp_folder.hpp"
#include "tests/support/text.hpp"

using namespace gridlight::test;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view common_layers = R"(
layers:
  substations: {title: Substations, key: substation_id, geometry_type: point,
    properties: [substation_name, capacity_mva, voltage_level, commissioned_date, operational_status]}
  circuits: {title: Circuits, table: circuit_status_realtime, key: circuit_id, geometry_type: point,
    properties: [circuit_name, substation_id, substation_name, status]}
)";

// Two configurations that differ in limits, in what a layer tells, and in which layers there are.
std::string first() {
  return "limits: {default_limit: 10, max_limit: 1000}\nhttp: {threads: 2, cors_origins: "
         "[https://one.example]}\n" +
         std::string{common_layers} +
         "  transformers: {key: transformer_id, geometry_type: point, properties: [rated_kva, feeder_id]}\n"
         "  outages: {table: outage_restoration_tracker, key: outage_id, geometry_type: point}\n";
}
std::string second() {
  return "limits: {default_limit: 7, max_limit: 100}\nhttp: {threads: 2, cors_origins: "
         "[https://two.example]}\n" +
         std::string{common_layers} +
         "  transformers: {key: transformer_id, geometry_type: point, properties: [health_score]}\n"
         "  poles: {table: grid_assets_cache, key: asset_id, geometry_type: point, properties: "
         "[asset_type]}\n";
}

// What is wrong with each, as the log tells it.
const std::vector<std::pair<std::string, std::string>>& broken() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {"limits: {max_limit: many}", "limits.max_limit is many; it must be a whole number"},
      {"limits: [1, 2", "is no YAML"},
      {"http: {prot: 1}", "unknown key http.prot"},
      {"auth: {tokens_file: /nowhere/tokens.yaml}", "/nowhere/tokens.yaml"},
      {first() + "  buildings: {table: building_footprints, key: nothing}\n  transformers2: {key: [}",
       "is no YAML"},
      {"layers: {substations: {key: substation_id, properties: [no_such_column]}}",
       "layer substations would no longer be served"},
      {"http: {tls: {certificate: a.pem}}", "http.tls.certificate is set without http.tls.key"}};
  return all;
}

class reload_bench {
 public:
  explicit reload_bench(const std::string& text = first()) : file(folder.path() / "gridlight.yaml") {
    write(text);
    server = std::make_unique<demo_server>(
        std::vector<std::string>{"--config", file, "--set", "log.access=false", "--set", "tiles.build=false"},
        std::vector<std::string>{"was read anew and refused", "taken only by a restart"});
  }

  void write(const std::string& text) const { std::ofstream{file} << text; }
  /// The log of what became of it.
  std::string reload(const std::string& text) {
    write(text);
    const std::size_t from = server->process().log().size();
    server->process().signal(SIGHUP);
    REQUIRE(server->process().wait_for_log("read anew", 20s, from));
    return server->process().log().substr(from);
  }
  keen_load::answer ask(const std::string& target) const {
    return keen_load::ask(port_of(server->url()), target);
  }
  std::string get(const std::string& target) const { return http_client{server->url()}.get(target).body; }

  temp_folder folder;
  const std::string file;
  std::unique_ptr<demo_server> server;
};

const std::vector<std::string>& targets() {
  static const std::vector<std::string> all{
      "/api/postgres/layers/transformers/features?bbox=-96,29,-95,30",
      "/api/postgres/layers/transformers/features?bbox=-96,29,-95,30&limit=300",
      "/api/postgres/layers/transformers/within?lon=-95.3698&lat=29.7604&radius_m=3000&limit=50",
      "/api/postgres/layers/substations/nearest?lon=-95.3698&lat=29.7604&limit=3",
      "/api/postgres/layers/poles/features?bbox=-96,29,-95,30&limit=2",
      "/api/postgres/layers/outages/features?bbox=-96,29,-95,30&limit=2",
      "/api/postgres/substations/status",
      "/api/postgres/tiles/transformers,substations/12/963/1692.mvt",
      "/live"};
  return all;
}

using known_answers = std::map<std::string, keen_load::answer>;

known_answers answers(const reload_bench& b) {
  known_answers out;
  for (const std::string& target : targets())
    out[target] = b.ask(target);
  return out;
}

}  // namespace

TEST_CASE("reloads under load: each request is answered by one configuration or the other") {
  const auto seed = chosen_seed();
  MESSAGE("GRIDLIGHT_SEED=" << seed);
  std::mt19937_64 random{seed};
  reload_bench b;
  const known_answers by_first = answers(b);
  CHECK(contains(b.reload(second()), "configuration read anew; changed: "));
  const known_answers by_second = answers(b);
  // Else the test could not tell.
  std::size_t differ = 0;
  for (const std::string& target : targets())
    differ += by_first.at(target) == by_second.at(target) ? 0 : 1;
  CHECK(differ >= 6);
  CHECK(by_second.at(targets()[1]).first == 400);
  CHECK(by_first.at(targets()[4]).first == 404);
  CHECK(by_second.at(targets()[5]).first == 404);

  keen_load::questions right;
  for (const std::string& target : targets())
    right[target] = {by_first.at(target), by_second.at(target)};
  sse_client events{b.server->url(), "/api/postgres/events"};
  events.next("snapshot");
  const auto before = figures_of(b.server->process().pid());
  keen_load load{port_of(b.server->url()), right, 4};
  const int count = count_of(10, 100);
  int refused = 0;
  for (int i = 0; i < count; ++i) {
    const bool to_first = i % 2 == 0;
    if (i % 3 == 2) {
      const auto& [text, why] = broken()[random() % broken().size()];
      const std::string log = b.reload(text);
      INFO(text);
      CHECK(contains(log, "the one before stays in force: "));
      CHECK_MESSAGE(contains(log, why), log);
      ++refused;
    }
    CHECK(contains(b.reload(to_first ? first() : second()),
                   "configuration read anew; changed: http.cors_origins, limits."));
    // At rest it is the new one, on every thread, for who asks from now on.
    const auto& now = to_first ? by_first : by_second;
    for (const std::string& target : targets())
      CHECK_MESSAGE(b.ask(target) == now.at(target), target);
  }
  const auto t = load.stop();
  MESSAGE(count << " reloads, " << refused << " refused: " << t.right << " right, " << t.failed << " failed, "
                << t.connections << " connections, longest " << t.longest_ms << " ms: " << t.slowest);
  CHECK(t.right > static_cast<std::size_t>(count) * 10);
  CHECK_MESSAGE(t.failed == 0, t.first_failure);
  CHECK(t.connections == 4);  // none was closed
  events.next("snapshot");    // other layers: told anew, over the same connection
  const auto after = figures_of(b.server->process().pid());
  MESSAGE("descriptors " << before.descriptors << " -> " << after.descriptors << ", RSS " << before.rss_kb
                         << " -> " << after.rss_kb << " KB");
  CHECK(after.descriptors <= before.descriptors + 4);
#ifndef __SANITIZE_ADDRESS__  // which keeps for a while what was freed
  CHECK(after.rss_kb < before.rss_kb + 32 * 1024);
#endif
}

TEST_CASE("a reload that is refused is told by the log, /ready, /health and a metric, until one is taken") {
  reload_bench b;
  CHECK(contains(b.get("/health"),
                 R"("configuration":{"reloads_applied":0,"reloads_refused":0,"last_refusal":null)"));
  for (const auto& [text, why] : broken()) {
    INFO(text);
    CHECK(contains(b.reload(text), why));
    CHECK(contains(b.get("/ready"), "the configuration was read anew and refused"));
    CHECK_FALSE(contains(b.get("/ready"), b.file));
    CHECK(contains(b.get("/health"), R"("last_refusal":")"));
    CHECK(contains(b.get("/metrics"), "gridlight_config_last_reload_refused 1\n"));
    CHECK(b.ask(targets()[1]).first == 200);  // by the old limits
  }
  // What is secret stays so.
  b.reload("postgres: {uri: \"postgresql://u:se\\x01cret@h/d\"}");
  CHECK_FALSE(contains(b.get("/health"), "cret@"));
  CHECK_FALSE(contains(b.server->process().log(), "cret@"));
  CHECK(contains(b.get("/metrics"), "gridlight_config_reloads_total{result=\"refused\"} 8\n"));

  CHECK(contains(b.reload(second()), "changed: "));
  CHECK_FALSE(contains(b.get("/ready"), "refused"));
  CHECK(contains(b.get("/health"), R"("last_refusal":null)"));
  CHECK(contains(b.get("/metrics"), "gridlight_config_last_reload_refused 0\n"));
  CHECK(contains(b.get("/metrics"), "gridlight_config_reloads_total{result=\"applied\"} 1\n"));
}

TEST_CASE("what needs a restart is named, the rest is taken; flags still win over the file") {
  reload_bench b;
  const std::string log = b.reload(
      "http: {threads: 3, max_body_bytes: 2KB}\ntiles: {build: true}\n"
      "postgres: {lookup_connections: 9}\nlog: {access: true, level: debug}\n" +
      std::string{common_layers});
  CHECK(contains(log,
                 "changed in the configuration, but taken only by a restart: http.threads, "
                 "postgres.lookup_connections\n"));
  CHECK(contains(log, "http.max_body_bytes"));
  CHECK(contains(log, "layers.transformers (removed)"));
  CHECK_FALSE(contains(log, "log.access"));  // --set says false
  CHECK_FALSE(contains(log, "tiles.build"));
  CHECK(contains(b.get("/health"), R"("needs_restart":["http.threads","postgres.lookup_connections"])"));
  CHECK(contains(b.get("/metrics"), "gridlight_config_waiting_for_restart 2\n"));
  CHECK(http_client{b.server->url()}
            .post("/api/postgres/layers/substations/intersects?limit=1", std::string(3000, ' '),
                  "application/geo+json")
            .status == 413);
  CHECK_FALSE(contains(b.server->process().log(), " access "));
}

TEST_CASE("an answer's ETag tells of the configuration it was made by") {
  reload_bench b;
  http_client client{b.server->url()};
  for (const std::size_t i : {0U, 2U, 7U}) {
    const std::string& target = targets()[i];
    INFO(target);
    b.reload(first());
    const std::string tag = client.get(target).header("ETag");
    REQUIRE_FALSE(tag.empty());
    CHECK(client.get(target, {{"If-None-Match", tag}}).status == 304);
    b.reload(second());
    const auto other = client.get(target, {{"If-None-Match", tag}});
    CHECK(other.status == 200);
    CHECK(other.header("ETag") != tag);
    b.reload(first());
    CHECK(client.get(target, {{"If-None-Match", tag}}).status == 304);
  }
}
