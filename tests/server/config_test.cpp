#include <set>

#include "server/config_keys.hpp"
#include "tests/server/config_support.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;
using namespace std::chrono_literals;

TEST_CASE("an empty file is the defaults and the built-in layers") {
  for (const char* yaml : {"", "# nothing\n", "---\n", "http:\n", "~"}) {
    const config c = good(yaml);
    CHECK(c.http.address == "127.0.0.1");
    CHECK(c.http.port == 8080);
    CHECK(c.http.threads == 0);
    CHECK(c.http.request_timeout == 10s);
    CHECK(c.http.header_timeout == 10s);
    CHECK(c.http.idle_timeout == 75s);
    CHECK(c.http.write_timeout == 30s);
    CHECK(c.http.drain_timeout == 10s);
    CHECK(c.http.max_head_bytes == 16384);
    CHECK(c.http.max_body_bytes == 1048576);
    CHECK(c.http.max_connections == 10000);
    CHECK(c.http.cors_origins == std::vector<std::string>{"*"});
    CHECK(c.http.trusted_proxies.empty());
    CHECK(c.http.base_path.empty());
    CHECK(c.http.compress);
    CHECK(c.http.batch_scheduling);
    CHECK_FALSE(c.http.open);
    CHECK_FALSE(c.http.tls.enabled());
    CHECK(c.http.tls.handshake_timeout == 5s);
    CHECK(c.auth.tokens_file.empty());
    CHECK(c.auth.anonymous == "auto");
    CHECK(c.auth.open_routes.empty());
    CHECK(c.auth.trusted_user_header.empty());
    CHECK(c.auth.trusted_user_scopes == std::vector<std::string>{"read"});
    CHECK(c.postgres.uri.empty());
    CHECK_FALSE(c.postgres.pooled);
    CHECK(c.postgres.lookup_connections == 0);
    CHECK(c.postgres.sharers == 6);
    CHECK(c.postgres.tile_connections == 0);
    CHECK(c.postgres.sync_connections == 1);
    CHECK(c.postgres.admin_connections == 1);
    CHECK(c.postgres.max_waiting == 1024);
    CHECK(c.postgres.connect_timeout == 5s);
    CHECK(c.postgres.statement_timeout == 10s);
    CHECK(c.postgres.idle_in_transaction_timeout == 60s);
    CHECK(c.postgres.lock_timeout == 2s);
    CHECK(c.postgres.max_age == 30min);
    CHECK(c.limits.max_radius_m == 50000);
    CHECK(c.limits.default_limit == 100);
    CHECK(c.limits.max_limit == 10000);
    CHECK(c.limits.max_vertices == 10000);
    CHECK(c.log.level == "info");
    CHECK(c.log.format == "text");
    CHECK(c.log.access);
    CHECK(c.log.audit);
    CHECK(c.layers.size() == 15);
  }
}

TEST_CASE("a file sets what it names and leaves the rest") {
  const config c = good(R"(
http:
  address: "::"
  port: 0
  request_timeout: 500ms
  idle_timeout: 5m
  max_head_bytes: 8KB
  max_body_bytes: 2mb
  cors_origins: [https://map.example.org, "http://localhost:5173"]
  trusted_proxies: 10.0.0.0/8, ::1, 2001:db8::/32
  base_path: /grid/v1
  compress: false
postgres:
  uri: postgresql://u:p@h:5433/d?sslmode=require
  lock_timeout: 0
limits:
  max_radius_m: 1e4
log: {level: debug, format: json, access: false}
)");
  CHECK(c.http.address == "::");
  CHECK(c.http.port == 0);
  CHECK(c.http.request_timeout == 500ms);
  CHECK(c.http.idle_timeout == 5min);
  CHECK(c.http.max_head_bytes == 8192);
  CHECK(c.http.max_body_bytes == 2 << 20);
  CHECK(c.http.cors_origins == std::vector<std::string>{"https://map.example.org", "http://localhost:5173"});
  CHECK(c.http.trusted_proxies == std::vector<std::string>{"10.0.0.0/8", "::1", "2001:db8::/32"});
  CHECK(c.http.base_path == "/grid/v1");
  CHECK_FALSE(c.http.compress);
  CHECK(c.postgres.uri.reveal() == "postgresql://u:p@h:5433/d?sslmode=require");
  CHECK(c.postgres.lock_timeout == 0ms);
  CHECK(c.limits.max_radius_m == 10000);
  CHECK(c.log.level == "debug");
  CHECK(c.log.format == "json");
  CHECK_FALSE(c.log.access);
  CHECK(c.http.threads == 0);
  CHECK(c.layers.size() == 15);
}

TEST_CASE("each setting refuses what breaks its rule, naming file, line, key, value and rule") {
  const std::pair<const char*, const char*> wrong[] = {
      {"http.address", "localhost"},
      {"http.address", ""},
      {"http.port", "65536"},
      {"http.port", "-1"},
      {"http.port", "80x"},
      {"http.port", "8080.0"},
      {"http.port", "0x50"},
      {"http.port", ""},
      {"http.port", "99999999999999999999"},
      {"http.handover", "a\\nb"},
      {"http.threads", "1025"},
      {"http.request_timeout", "10"},
      {"http.request_timeout", "0"},
      {"http.request_timeout", "1.5s"},
      {"http.request_timeout", "11m"},
      {"http.request_timeout", "5 parsecs"},
      {"http.header_timeout", "-1s"},
      {"http.idle_timeout", "99999999999999999h"},
      {"http.write_timeout", "s"},
      {"http.drain_timeout", "1d"},
      {"http.max_head_bytes", "16XB"},
      {"http.max_head_bytes", "1023"},
      {"http.max_body_bytes", "2GB"},
      {"http.max_connections", "0"},
      {"http.max_connections_per_address", "-1"},
      {"http.rate_limit", "-0.5"},
      {"http.rate_burst", "0"},
      {"http.cors_origins", "map.example.org"},
      {"http.cors_origins", "https://a/path"},
      {"http.cors_origins", "https://u@a"},
      {"http.trusted_proxies", "10.0.0.0/33"},
      {"http.trusted_proxies", "proxy"},
      {"http.trusted_proxies", "fe80::1%a/64"},
      {"http.base_path", "grid"},
      {"http.base_path", "/grid/"},
      {"http.base_path", "/"},
      {"http.base_path", "/a b"},
      {"http.base_path", "/a//b"},
      {"http.compress", "yes"},
      {"http.batch_scheduling", "often"},
      {"http.open", "all"},
      {"http.tls.certificate", "a\\tb"},
      {"http.tls.key", "a\\nb"},
      {"http.tls.handshake_timeout", "0"},
      {"auth.tokens_file", "a\\0b"},
      {"auth.anonymous", "write"},
      {"auth.open_routes", "/api/postgres"},
      {"auth.trusted_user_header", "X User"},
      {"auth.trusted_user_networks", "ingress"},
      {"auth.trusted_user_scopes", "all"},
      {"postgres.uri", "host"},
      {"postgres.pooled", "1"},
      {"postgres.lookup_connections", "1001"},
      {"postgres.sharers", "0"},
      {"postgres.tile_connections", "-1"},
      {"postgres.sync_connections", "101"},
      {"postgres.admin_connections", "0"},
      {"postgres.max_waiting", "-1"},
      {"postgres.priority_share", "1"},
      {"postgres.connect_timeout", "0"},
      {"postgres.statement_timeout", "2h"},
      {"postgres.idle_in_transaction_timeout", "61s"},
      {"postgres.idle_in_transaction_timeout", "0"},
      {"postgres.lock_timeout", "61m"},
      {"postgres.max_age", "0"},
      {"limits.max_radius_m", "0"},
      {"limits.max_radius_m", "nan"},
      {"limits.max_radius_m", "inf"},
      {"limits.max_radius_m", "3e7"},
      {"limits.default_limit", "0"},
      {"limits.max_limit", "1000001"},
      {"limits.max_vertices", "3"},
      {"limits.stale_for", "8d"},
      {"tiles.cache_bytes", "2000000GB"},
      {"tiles.max_bytes", "100"},
      {"tiles.budget", "0"},
      {"tiles.build", "maybe"},
      {"events.heartbeat", "50ms"},
      {"events.max_duration", "25h"},
      {"log.level", "loud"},
      {"log.format", "xml"},
      {"log.access", "on"},
      {"log.audit", "on"},
      {"sync.enabled", "on"},
      {"sync.keep_previous", "31d"},
      {"sync.run_timeout", "25h"},
      {"sync.reaper", "kill"},
      {"sync.reaper_after", "500ms"},
      {"sync.snowflake.account", "https://a"},
      {"sync.snowflake.host", "a/b"},
      {"sync.snowflake.port", "0"},
      {"sync.snowflake.ca_file", "a\\tb"},
      {"sync.snowflake.user", "a b"},
      {"sync.snowflake.private_key_file", "a\\nb"},
      {"sync.snowflake.passphrase", "a\\nb"},
      {"sync.snowflake.token_file", "a\\nb"},
      {"sync.snowflake.token_type", "jwt"},
      {"sync.snowflake.warehouse", "W H"},
      {"sync.snowflake.database", "D:B"},
      {"sync.snowflake.schema", "S/C"},
      {"sync.snowflake.role", "R O"},
  };
  std::set<std::string> tried;
  for (const auto& [key, value] : wrong) {
    const std::string name = key;
    const auto dot = name.find('.');
    const std::string message =
        bad(name.substr(0, dot) + ":\n  " + name.substr(dot + 1) + ": \"" + value + "\"\n");
    INFO(message);
    CHECK(message.starts_with("t.yaml:2: " + name + " is "));
    CHECK(contains(message, "; it must be " + config_detail::find_setting(name)->rule));
    if (name != "postgres.uri" && *value != '\0' && value[1] != '\\')
      CHECK(contains(message, name + " is " + value + ";"));
    tried.insert(name);
  }
  for (const auto& s : config_detail::settings_table())
    CHECK_MESSAGE(tried.contains(s.name), s.name);
}

TEST_CASE("settings that need each other") {
  CHECK(
      contains(bad("http: {tls: {certificate: a.pem}}"), "http.tls.certificate is set without http.tls.key"));
  CHECK(contains(bad("http: {tls: {key: a.pem}}"), "http.tls.key is set without http.tls.certificate"));
  CHECK(good("http: {tls: {certificate: a.pem, key: b.pem}}").http.tls.enabled());
  CHECK(contains(bad("auth: {trusted_user_header: X-User}"), "need each other"));
  CHECK(contains(bad("auth: {trusted_user_networks: 10.0.0.0/8}"), "need each other"));
  CHECK(contains(bad("auth: {anonymous: none}"), "nobody could ask anything"));
  CHECK(good("auth: {anonymous: none, tokens_file: t.yaml}").auth.tokens_file == "t.yaml");
}

TEST_CASE("the edges of a rule are allowed") {
  CHECK(good("http: {port: 65535}").http.port == 65535);
  CHECK(good("http: {drain_timeout: 0}").http.drain_timeout == 0ms);
  CHECK(good("http: {idle_timeout: 1H}").http.idle_timeout == 1h);
  CHECK(good("http: {idle_timeout: 10ms}").http.idle_timeout == 10ms);
  CHECK(good("http: {max_body_bytes: 1GB}").http.max_body_bytes == 1 << 30);
  CHECK(good("http: {cors_origins: []}").http.cors_origins.empty());
  CHECK(good("postgres: {uri: }").postgres.uri.empty());
  CHECK(good("postgres: {uri: host=/tmp dbname=x}").postgres.uri.reveal() == "host=/tmp dbname=x");
  CHECK(good("limits: {default_limit: 500, max_limit: 500}").limits.default_limit == 500);
}

TEST_CASE("an unknown key names its line and what was probably meant") {
  CHECK(bad("http:\n  port: 1\n  prot: 1\n") == "t.yaml:3: unknown key http.prot; did you mean http.port?");
  CHECK(contains(bad("port: 1\n"), "t.yaml:1: unknown key port; did you mean http.port"));
  CHECK(contains(bad("postgres:\n  statement_timout: 1s\n"), "did you mean postgres.statement_timeout"));
  CHECK(contains(bad("htpp:\n  port: 1\n"), "unknown key htpp"));
  CHECK(contains(bad("zzzzzzzzz: 1\n"), "unknown key zzzzzzzzz; there are http.address, "));
  CHECK(contains(bad("layer: {}\n"), "did you mean layers?"));
}

TEST_CASE("every fault is reported, not only the first") {
  const auto message =
      bad("http:\n  port: x\n  nope_nope: 1\nlog:\n  level: loud\nlayers:\n  A: {}\n  b: {}\n",
          {{"GRIDLIGHT_HTTP_THREADS", "many"}});
  CHECK(contains(message, "t.yaml:2: http.port is x;"));
  CHECK(contains(message, "t.yaml:3: unknown key http.nope_nope"));
  CHECK(contains(message, "t.yaml:5: log.level is loud;"));
  CHECK(contains(message, "t.yaml:7: A is no name for a layer"));
  CHECK(contains(message, "t.yaml:8: layers.b has no key"));
  CHECK(contains(message, "GRIDLIGHT_HTTP_THREADS: http.threads is many;"));
  CHECK(std::count(message.begin(), message.end(), '\n') == 5);
}

TEST_CASE("thousands of faults are cut") {
  std::string yaml;
  for (int i = 0; i < 5000; ++i)
    yaml += "wrong_" + std::to_string(i) + ": 1\n";
  const auto message = bad(yaml);
  CHECK(std::count(message.begin(), message.end(), '\n') == 50);
  CHECK(message.ends_with("… and more"));
}

TEST_CASE("what is no YAML, or no map, or twice there") {
  CHECK(contains(bad("http:\n  port: [1\n"), "t.yaml:3: is no YAML"));
  CHECK(contains(bad("a\n"), "t.yaml:1: the file must be a map"));
  CHECK(contains(bad("[1, 2]\n"), "the file must be a map"));
  CHECK(contains(bad("http: 8080\n"), "t.yaml:1: http must be a map"));
  CHECK(contains(bad("http:\n  port: [1]\n"), "t.yaml:2: http.port is a list; it must be a whole number"));
  CHECK(contains(bad("http:\n  port: {a: 1}\n"), "http.port is a map; it must be a whole number"));
  CHECK(contains(bad("http:\n  cors_origins: [[1]]\n"), "http.cors_origins is a list; it must be"));
  CHECK(contains(bad("http:\n  port: 1\nhttp:\n  port: 2\n"),
                 "t.yaml:3: http stands twice; first at t.yaml:1"));
  CHECK(contains(bad("http: {port: 1, port: 2}\n"), "http.port stands twice"));
  CHECK(contains(bad("? [a]\n: 1\n"), "a key must be a plain text"));
  CHECK(contains(bad("---\nhttp:\n---\nlog:\n"), "t.yaml:3: is no YAML: the file should have ended here"));
  CHECK(contains(bad("http: {port: 1}}\nx"), "is no YAML"));
  CHECK(contains(bad("http: *nowhere\n"), "is no YAML"));
  CHECK(contains(bad(std::string(5 << 20, '#')), "larger than 4MB"));
  CHECK(contains(bad("a: " + std::string(20000, '[')),
                 "is no YAML"));  // deep nesting ends in an error, not the stack
}

TEST_CASE("a message shows odd values safely and shortly") {
  CHECK(contains(bad("http: {port: \"1\\n2\\e[31m\"}"), "http.port is 1\\x0A2\\x1B[31m;"));
  CHECK(bad("http: {port: " + std::string(5000, '9') + "}").size() < 300);
  CHECK(bad(std::string(5000, 'k') + ": 1").size() < 2500);
}

TEST_CASE("no message and no dump shows a secret") {
  const std::string password = "hunter2";
  for (const std::string& uri : {"postgresql://u:" + password + "@[h/d", "password=" + password + " nonsense",
                                 password, "postgresql://u:" + password + "%zz@h/d"}) {
    CHECK_FALSE(contains(bad("postgres:\n  uri: \"" + uri + "\"\n"), password));
    CHECK_FALSE(contains(bad("", {{"GRIDLIGHT_DATABASE_URL", uri}}), password));
  }
  CHECK_FALSE(contains(bad("postgres: {uri: [" + password + "]}"), password));
  const auto text = dump(good("postgres: {uri: \"postgresql://u:" + password + "@h/d\"}"));
  CHECK_FALSE(contains(text, password));
  CHECK(contains(text, "uri: \"***\""));
}

TEST_CASE("settings that contradict each other") {
  CHECK(bad("limits:\n  default_limit: 200\n  max_limit: 100\n") ==
        "t.yaml:2: limits.default_limit is 200; it must not be above limits.max_limit, which is 100");
  CHECK(contains(bad("limits: {max_limit: 99}"), "limits.default_limit is 100"));
  CHECK(contains(bad("http: {cors_origins: [\"*\", https://a]}"), "* already allows all"));
}

TEST_CASE("names, environment names and reference agree") {
  std::set<std::string> names, variables;
  const std::string reference = config_reference();
  const config defaults;
  for (const auto& s : config_detail::settings_table()) {
    INFO(s.name);
    CHECK(names.insert(s.name).second);
    CHECK(variables.insert(config_detail::environment_name(s.name)).second);
    CHECK(contains(reference, "\n" + s.name + "\n    " + config_detail::environment_name(s.name) + "\n"));
    CHECK_FALSE(s.help.empty());
    CHECK_FALSE(s.rule.empty());
    config other;
    CHECK(s.store(other, s.read(defaults)));  // a default obeys its own rule
    CHECK(s.read(other) == s.read(defaults));
  }
  CHECK(config_detail::environment_name("postgres.idle_in_transaction_timeout") ==
        "GRIDLIGHT_POSTGRES_IDLE_IN_TRANSACTION_TIMEOUT");
  CHECK(contains(reference, "\nlayers.NAME.zooms\n"));
}

TEST_CASE("dump reads back to the same") {
  const config c = good(R"(
http: {port: 1, cors_origins: [https://a], idle_timeout: 90s, max_body_bytes: 1500, base_path: /x}
limits: {max_radius_m: 1234.5}
layers:
  a: {key: [x, y], geometry: {lon: "lo\"n", lat: 'la\t'}, mode: attached, title: "a $${b} \\ é"}
  b: {key: id, geometry: none, personal: [p], properties: [p, "q r"], kind: dynamic, schema: Ünï}
  c: {key: id, geometry: shape, geometry_type: polygon, zooms: [3, 9], table: T}
)");
  const auto text = dump(c);
  const config again = good(text);
  CHECK(dump(again) == text);
  CHECK(again.layers[0].title == "a ${b} \\ é");
  CHECK(again.layers[0].longitude == "lo\"n");
  CHECK(dump(good(dump(good("")))) == dump(good("")));
  CHECK(contains(dump(good("layers: {}")), "layers: {}"));
}
