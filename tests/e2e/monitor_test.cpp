// The files of deploy/monitoring/: Prometheus takes the rules, and every metric that they or the dashboard
// name is one that a live server shows, with the labels by which they ask.
#include <doctest/doctest.h>
#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/command.hpp"
#include "tests/support/demo_server.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/temp_folder.hpp"

using namespace gridlight::test;

namespace {

std::filesystem::path monitoring() {
  return std::filesystem::path{std::getenv("GRIDLIGHT_SOURCE_DIR")} / "deploy/monitoring";
}

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  REQUIRE_MESSAGE(in.good(), file.string());
  return {std::istreambuf_iterator<char>{in}, {}};
}

// A series as the exposition shows it: its name, and the names of its labels.
using labels_of = std::map<std::string, std::set<std::string>>;

labels_of exposed(const std::string& metrics) {
  labels_of out;
  static const std::regex series{R"((\w+)(\{(.*)\})? \S+)"}, label{R"((\w+)=")"};
  std::istringstream lines{metrics};
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (line.starts_with('#') || !std::regex_match(line, found, series)) continue;
    auto& names = out[found[1]];
    const std::string inner = found[3];
    for (std::sregex_iterator it{inner.begin(), inner.end(), label}, end; it != end; ++it)
      names.insert((*it)[1]);
  }
  return out;
}

// Metrics and their label matchers in an expression. `instance` and `job` are Prometheus's own.
void check_expression(const std::string& expression, const labels_of& there, std::set<std::string>& asked) {
  static const std::regex use{R"((gridlight_\w+)(\{([^}]*)\})?)"}, matcher{R"re((\w+) *(=~|!~|!=|=) *")re"};
  for (std::sregex_iterator it{expression.begin(), expression.end(), use}, end; it != end; ++it) {
    const std::string name = (*it)[1], inner = (*it)[3];
    asked.insert(name);
    const auto found = there.find(name);
    CHECK_MESSAGE(found != there.end(), name << " is not on /metrics; asked for in: " << expression);
    if (found == there.end()) continue;
    for (std::sregex_iterator m{inner.begin(), inner.end(), matcher}, none; m != none; ++m) {
      const std::string label = (*m)[1];
      CHECK_MESSAGE((label == "instance" || label == "job" || found->second.contains(label)),
                    name << " has no label " << label);
    }
  }
}

std::vector<std::string> expressions_of_dashboard(const std::string& json) {
  simdjson::dom::parser parser;
  std::vector<std::string> out;
  simdjson::dom::element root;
  simdjson::dom::array panels;
  REQUIRE(parser.parse(json).get(root) == simdjson::SUCCESS);
  REQUIRE(root["panels"].get(panels) == simdjson::SUCCESS);
  for (const simdjson::dom::element panel : panels) {
    simdjson::dom::array targets;
    if (panel["targets"].get(targets) != simdjson::SUCCESS) continue;  // a row's title
    for (const simdjson::dom::element target : targets) {
      std::string_view expression;
      REQUIRE(target["expr"].get(expression) == simdjson::SUCCESS);
      out.emplace_back(expression);
    }
  }
  return out;
}

// A server that also keeps a layer from another database, so that what the sync counts is there.
std::string metrics_of_a_server() {
  const temp_db other;
  other.run(
      "CREATE TABLE stations (substation_id text, substation_name text, latitude float8, longitude float8, "
      "capacity_mva float8, voltage_level text, commissioned_date date, operational_status text)");
  const temp_folder folder;
  const std::string config = (folder.path() / "gridlight.yaml").string();
  std::string connection;
  for (const char c : other.uri())
    connection.append(c == '\'' ? 2 : 1, c);  // as YAML quotes a quote
  std::ofstream{config} << "sync:\n  tables:\n    substations: {mode: mirrored, source: public.stations, "
                           "connection: '"
                        << connection << "', schedule: off, min_share: 0}\n";
  demo_server server{{"--config", config}};
  http_client client{server.url()};
  client.get("/api/postgres/layers/transformers/within?lon=-95.37&lat=29.76&radius_m=500");
  client.get("/api/postgres/tiles/transformers/14/3851/6772");
  const auto run = run_gridlight("--config " + config + " --database-url \"" + server.db().uri() +
                                 "\" sync run substations --allow-shrink 2>&1");
  REQUIRE_MESSAGE(run.status == 0, run.output);
  return client.get("/metrics").body;
}

}  // namespace

TEST_CASE("the comparison of expressions with metrics can fail") {
  const labels_of there =
      exposed("# TYPE a counter\ngridlight_x{lane=\"/{z}\",how=\"hit\"} 1\ngridlight_y 2\n");
  REQUIRE(there.size() == 2);
  CHECK(there.at("gridlight_x") == std::set<std::string>{"lane", "how"});
  CHECK(there.at("gridlight_y").empty());
}

TEST_CASE("every metric of the alerts and the dashboard is on /metrics") {
  const labels_of there = exposed(metrics_of_a_server());
  std::set<std::string> asked;
  // Names stand in nothing but expressions.
  std::istringstream alerts{text_of(monitoring() / "alerts.yml")};
  for (std::string line; std::getline(alerts, line);)
    check_expression(line, there, asked);
  CHECK(asked.size() >= 12);
  const auto panels = expressions_of_dashboard(text_of(monitoring() / "grafana.json"));
  CHECK(panels.size() >= 25);
  for (const std::string& expression : panels)
    check_expression(expression, there, asked);
}

TEST_CASE("each alert is told of in docs/trouble.md") {
  const std::string page = text_of(monitoring() / "../../docs/trouble.md"),
                    alerts = text_of(monitoring() / "alerts.yml");
  static const std::regex name{R"(alert: (\w+))"};
  int count = 0;
  for (std::sregex_iterator it{alerts.begin(), alerts.end(), name}, end; it != end; ++it, ++count)
    CHECK_MESSAGE(page.find((*it)[1].str()) != std::string::npos, (*it)[1].str()
                                                                      << " is not in docs/trouble.md");
  CHECK(count >= 10);
}

TEST_CASE("promtool takes the alert rules, and they fire when they should") {
  if (run_command("command -v promtool").status != 0) {
    MESSAGE("skipped: promtool (Debian package prometheus) is not installed");
    return;
  }
  const std::string folder = "cd '" + monitoring().string() + "' && promtool ";
  const auto checked = run_command(folder + "check rules alerts.yml 2>&1");
  CHECK_MESSAGE(checked.status == 0, checked.output);
  const auto tested = run_command(folder + "test rules alerts_test.yml 2>&1");
  CHECK_MESSAGE(tested.status == 0, tested.output);
}
