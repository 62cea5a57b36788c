// The files of deploy/ that set the server's environment: the program takes every variable of theirs.
#include <doctest/doctest.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>

#include "tests/support/command.hpp"

using namespace gridlight::test;

namespace {

using environment = std::map<std::string, std::string>;

std::string source(const std::string& file) {
  return std::string{std::getenv("GRIDLIGHT_SOURCE_DIR")} + "/" + file;
}

void add(const YAML::Node& map, environment& to) {
  for (const auto& each : map)
    to[each.first.as<std::string>()] = each.second.as<std::string>();
}

/// `gridlight config` under an environment, of the container unless said otherwise.
command_outcome configured(environment with, const std::string& arguments = "") {
  std::string line = "cd / && env -i PATH=/usr/bin:/bin";
  for (const auto& [name, value] : with)
    line += " '" + name + "=" + value + "'";
  return run_command(line + " '" + std::getenv("GRIDLIGHT_BINARY") + "' --config '" +
                     source("packaging/container.yaml") + "' config " + arguments + " 2>&1");
}

std::string in_force(const std::string& output, const std::string& line) {
  return output.find("\n" + line + "\n") == std::string::npos ? "not in force: " + line : "";
}

environment of_image() {
  environment out;
  std::ifstream in{source("Dockerfile")};
  static const std::regex variable{R"((GRIDLIGHT_\w+)=(\S+))"};
  for (std::string line; std::getline(in, line);)
    for (std::sregex_iterator it{line.begin(), line.end(), variable}, end; it != end; ++it)
      out[(*it)[1]] = (*it)[2];
  return out;
}

}  // namespace

TEST_CASE("the image's environment") {
  const environment image = of_image();
  REQUIRE(image.size() == 3);
  const auto got = configured(image);
  CHECK_MESSAGE(got.status == 0, got.output);
  CHECK(in_force(got.output, "  address: 0.0.0.0") == "");
}

TEST_CASE("the service specification of Snowpark Container Services") {
  const YAML::Node spec = YAML::LoadFile(source("deploy/snowpark/service.yaml"))["spec"];
  const YAML::Node container = spec["containers"][0];
  environment variables = of_image();
  add(container["env"], variables);
  REQUIRE(variables.size() > 15);
  // What Snowflake adds, and the secret.
  variables["SNOWFLAKE_HOST"] = "org-name.snowflakecomputing.com";
  variables["SNOWFLAKE_ACCOUNT"] = "XY12345";
  REQUIRE(container["secrets"][0]["envVarName"].as<std::string>() == "GRIDLIGHT_DATABASE_URL");
  variables["GRIDLIGHT_DATABASE_URL"] = "postgresql://gridlight:secret@pghost:5432/gridlight?sslmode=require";
  const auto got = configured(variables);
  CHECK_MESSAGE(got.status == 0, got.output);
  CHECK(in_force(got.output, "    host: \"org-name.snowflakecomputing.com\"") == "");
  CHECK(in_force(got.output, "    token_file: \"/snowflake/session/token\"") == "");
  // Below the 60 s of its ingress.
  CHECK(in_force(got.output, "  max_duration: 50s") == "");
  CHECK(in_force(got.output, "  request_timeout: 10s") == "");
  CHECK(got.output.find("secret@") == std::string::npos);

  // One port: that which is listened on, probed and shown.
  const std::string port = variables["GRIDLIGHT_HTTP_PORT"];
  CHECK(container["readinessProbe"]["port"].as<std::string>() == port);
  CHECK(container["readinessProbe"]["path"].as<std::string>() == "/ready");
  CHECK(spec["endpoints"][0]["port"].as<std::string>() == port);

  variables["GRIDLIGHT_EVENTS_MAX_DURATIONS"] = "50s";
  CHECK(configured(variables).status == 2);
}

TEST_CASE("the compose file") {
  const YAML::Node services = YAML::LoadFile(source("deploy/compose.yaml"))["services"];
  REQUIRE(services["server"]["environment"].IsMap());
  environment variables = of_image();
  for (const auto& each : services["server"]["environment"])
    if (each.first.as<std::string>() != "<<")
      variables[each.first.as<std::string>()] = each.second.as<std::string>();
  const auto got = configured(variables);
  CHECK_MESSAGE(got.status == 0, got.output);
  CHECK(in_force(got.output, "  open: true") == "");
  for (const char* service : {"postgres", "migrate", "demo", "server"})
    CHECK_MESSAGE(services[service].IsMap(), service);
  // Their commands are understood: only the database is missing.
  for (const char* service : {"migrate", "demo"}) {
    std::string line = "--database-url host=/nowhere";
    for (const auto& word : services[service]["command"])
      line += " " + word.as<std::string>();
    const auto ran = run_gridlight(line + " 2>&1");
    CHECK_MESSAGE(ran.status == 1, ran.output);
  }
}
