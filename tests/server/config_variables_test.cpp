// Environment variables, in values and in place of them.
#include "tests/server/config_support.hpp"
#include "tests/support/text.hpp"

using namespace gridlight;
using namespace gridlight::test;

TEST_CASE("${NAME} and ${NAME:-default} in values") {
  const std::map<std::string, std::string> env{{"P", "81"}, {"EMPTY", ""}, {"LVL", "warn"}};
  CHECK(good("http: {port: \"${P}\"}", env).http.port == 81);
  CHECK(good("http: {port: \"${P}80\"}", env).http.port == 8180);
  CHECK(good("http: {port: \"${NONE:-82}\"}", env).http.port == 82);
  CHECK(good("http: {port: \"${EMPTY:-83}\"}", env).http.port == 83);
  CHECK(good("http:\n  port: ${P}\n", env).http.port == 81);
  CHECK(good("log: {level: \"${LVL}\"}", env).log.level == "warn");
  CHECK(good("postgres: {uri: \"${EMPTY}\"}", env).postgres.uri.empty());
  CHECK(good("postgres: {uri: \"${NONE:-}\"}", env).postgres.uri.empty());
  CHECK(good("http: {cors_origins: \"${O}\"}", {{"O", "https://a, https://b"}}).http.cors_origins.size() ==
        2);
  CHECK(good("layers: {a: {key: \"${K}\", title: \"$${x} $5 $\"}}", {{"K", "id"}}).layers[0].key[0] == "id");
  CHECK(good("layers: {a: {key: id, title: \"$${x} $5 $\"}}").layers[0].title == "${x} $5 $");
  CHECK(contains(
      bad("http:\n  port: ${NONE}\n", env),
      "t.yaml:2: http.port: the environment variable NONE is not set; set it, or write ${NONE:-default}"));
  CHECK(contains(bad("http: {port: \"${P\"}", env), "has no closing }"));
  for (const char* odd : {"${}", "${1A}", "${a b}", "${P-x}", "${:-x}"})
    CHECK(contains(bad("http: {port: \"" + std::string{odd} + "\"}", env), "is no variable"));
}

TEST_CASE("a variable's value is a value, never YAML") {
  CHECK(good("layers: {a: {key: id, title: \"${T}\"}}", {{"T", "x\", key: other, mode: \"attached"}})
            .layers[0]
            .key == std::vector<std::string>{"id"});
  CHECK(contains(bad("http: {port: \"${T}\"}", {{"T", "${P}"}}), "http.port is ${P};"));
}

TEST_CASE("GRIDLIGHT_ and a setting's name in capitals sets it") {
  const config c =
      good("http: {port: 1, threads: 3}", {{"GRIDLIGHT_HTTP_PORT", "2"},
                                           {"GRIDLIGHT_HTTP_CORS_ORIGINS", "https://a,https://b"},
                                           {"GRIDLIGHT_DATABASE_URL", "host=a\n"},
                                           {"HOME", "/root"},
                                           {"PGHOST", "b"}});
  CHECK(c.http.port == 2);
  CHECK(c.http.threads == 3);
  CHECK(c.http.cors_origins.size() == 2);
  CHECK(c.postgres.uri.reveal() == "host=a");
}

TEST_CASE("GRIDLIGHT_ variables that are no settings are known, others are faults") {
  for (const char* name :
       {"GRIDLIGHT_CONFIG", "GRIDLIGHT_REAL_DATA", "GRIDLIGHT_TEST_DATABASE_URL", "GRIDLIGHT_SOAK",
        "GRIDLIGHT_SOAK_MINUTES", "GRIDLIGHT_FUZZ_SECONDS", "GRIDLIGHT_BINARY", "GRIDLIGHT_SOURCE_DIR"})
    CHECK(parse_config("", "t", {{name, "x"}}).has_value());
  CHECK(bad("", {{"GRIDLIGHT_HTTP_PROT", "1"}})
            .starts_with(
                "environment: unknown variable GRIDLIGHT_HTTP_PROT; did you mean GRIDLIGHT_HTTP_PORT"));
  CHECK(contains(bad("", {{"GRIDLIGHT_LAYERS", "x"}}), "unknown variable GRIDLIGHT_LAYERS"));
  CHECK(contains(bad("", {{"GRIDLIGHT_DATABASE_URL", "host=a"}, {"GRIDLIGHT_POSTGRES_URI", "host=b"}}),
                 "set one"));
  CHECK(good("", {{"GRIDLIGHT_DATABASE_URL", "host=a"}, {"GRIDLIGHT_POSTGRES_URI", "host=a"}})
            .postgres.uri.reveal() == "host=a");
}
