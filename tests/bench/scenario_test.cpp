#include "bench/load/scenario.hpp"

#include <doctest/doctest.h>

#include "bench/load/shipped.hpp"

using namespace gridlight::bench;

namespace {

std::string refusal(const std::string& text) {
  try {
    read_scenario(text, "x.yaml");
  } catch (const usage_error& e) {
    return e.what();
  }
  return "accepted";
}

const std::string request = "mix:\n  - get: /a\n";

}  // namespace

TEST_CASE("all shipped scenarios can be read, and say what they are about") {
  const auto all = shipped_scenarios();
  std::string names;
  for (const auto& [name, about] : all) {
    names += name + " ";
    CHECK(about.size() > 20);
    const scenario s = load_scenario(name);
    CHECK(s.name == name);
    CHECK(!s.kinds.empty());
  }
  CHECK(names == "lookup map-session nearest search status storm tiles-cold tiles-warm viewport ");
}

TEST_CASE("a scenario with everything") {
  const scenario s = read_scenario(R"(
about: all of it
connections: 64
rate: 250.5
warm_up: 500ms
duration: 2m
ramp: 3
timeout: 4s
places: {layers: [transformers], most: 100, spread_m: 50}
bursts: {every: 20s, for: 2s, times: 10}
mix:
  - name: one
    weight: 3
    get: /a?lon={lon}&lat={lat}
    headers: {Accept: text/plain, X-A: b}
    expect: {status: [200, 204], type: text/plain, shape: json, min_bytes: 5, max_bytes: 10}
  - get: /b
polls:
  - name: poll
    users: 7
    every: 10s
    get: /p
    revalidate: true
maps:
  users: 3
  think: 2s
  zoom: [9, 14]
  screen: [5, 4]
  held: 9
  zipf: 1.5
  hot_places: 12
  start: [{get: /s}]
  tiles: {get: '/t/{z}/{x}/{y}'}
)",
                                   "x.yaml");
  CHECK(s.connections == 64);
  CHECK(s.rate == 250.5);
  CHECK(s.warm_up_s == 0.5);
  CHECK(s.duration_s == 120);
  CHECK(s.ramp_s == 3);
  CHECK(s.timeout_s == 4);
  REQUIRE(s.kinds.size() == 5);
  CHECK(s.kinds[0].head == "Accept: text/plain\r\nX-A: b\r\n");
  CHECK(s.kinds[0].expect.statuses == std::vector<int>{200, 204});
  CHECK(s.kinds[0].expect.form == shape::json);
  CHECK(s.kinds[1].name == "/b");
  CHECK(s.kinds[2].expect.statuses == std::vector<int>{200, 304});
  CHECK(s.maps.start == std::vector<std::size_t>{3});
  CHECK(s.maps.tiles == 4);
  CHECK(s.maps.wide == 5);
  CHECK(s.bursts.times == 10);
}

TEST_CASE("what is wrong is told with its line, key and what is allowed") {
  const auto has = [](const std::string& text, std::string_view part) {
    CAPTURE(text);
    CAPTURE(part);
    CHECK(text.find(part) != text.npos);
  };
  has(refusal("- a"), "x.yaml:1: a scenario is a mapping");
  has(refusal("a: [1"), "x.yaml:");
  has(refusal("about: x\n"), "nothing is asked");
  has(refusal(request + "conections: 4\n"),
      "x.yaml:3: conections is not known here; known: about, connections");
  has(refusal(request + "connections: 0\n"),
      "x.yaml:3: connections is 0; it must be a number from 1 to 10000");
  has(refusal(request + "connections: 1.5\n"), "connections must be a whole number");
  has(refusal(request + "rate: .nan\n"), "rate is .nan; it must be a number from 0");
  has(refusal(request + "duration: 3 hours\n"),
      "duration is 3 hours; it must be a time such as 500ms, 20s or 2m");
  has(refusal(request + "duration: 9000s\n"), "duration must be 3600 s at most");
  has(refusal("mix:\n  - get: a\n"), "x.yaml:2: the path a must begin with /");
  has(refusal("mix:\n  - get: '/a b'\n"), "has a space");
  has(refusal("mix:\n  - get: '/a?x={latitude}'\n"), "{latitude} is none of {lon}, {lat}");
  has(refusal("mix:\n  - get: '/a?x={tile:30}'\n"), "the zoom must be 0 to 24");
  has(refusal("mix:\n  - get: '/a?x={lon'\n"), "a { without }");
  has(refusal("mix:\n  - get: '/a?lon={lon}'\n"), "requests with random points need places");
  has(refusal("mix:\n  - get: '/{z}/{x}/{y}'\nplaces: {layers: [a]}\n"), "belong to maps.tiles");
  has(refusal("mix:\n  - name: a\n"), "mix[0].get is missing");
  has(refusal("mix:\n  - get: /a\n  - get: /a\n"), "x.yaml:3: name /a is taken");
  has(refusal("mix:\n  - get: /a\n    headers: {A: \"b\\r\\nc\"}\n"), "header A cannot be sent");
  has(refusal("mix:\n  - get: /a\n    expect: {shape: xml}\n"), "shape is xml; it must be one of");
  has(refusal("polls:\n  - get: /a\n    every: 0s\n"), "every must be above 0");
  has(refusal("polls:\n  - get: /a\nmix:\n  - get: /b\n"), "with polls or maps the mix needs a rate");
  has(refusal(request + "bursts: {every: 2s, for: 2s}\n"), "a burst must be over before");
  has(refusal("maps: {tiles: {get: /a}}\n"), "needs {z}/{x}/{y}");
  has(refusal("maps: {zoom: [9], tiles: {get: '/{z}/{x}/{y}'}}\n"), "maps.zoom must be two whole numbers");
  has(refusal("maps: {start: [{get: '/{lon}'}]}\n"), "a start-up request has no places");
  has(refusal(request + "places: {area: [1, 2, 3]}\n"),
      "places.area must be [min_lon, min_lat, max_lon, max_lat]");
}

TEST_CASE("names, files and paths are told apart") {
  CHECK_THROWS_WITH_AS(load_scenario("lokup"),
                       "there is no scenario lokup; --list shows those there are, a file ends in .yaml",
                       usage_error);
  CHECK_THROWS_WITH_AS(load_scenario("/nowhere/a.yaml"), "cannot read /nowhere/a.yaml", usage_error);
  CHECK(scenario_of_path("/x?lon={lon}").kinds.size() == 1);
  CHECK_THROWS_AS(scenario_of_path("/{z}"), usage_error);
}
