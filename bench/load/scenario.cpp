#include "bench/load/scenario.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>

#include "bench/load/section.hpp"

namespace gridlight::bench {
namespace {

expectation read_expectation(const section& s) {
  s.allow({"status", "type", "shape", "min_bytes", "max_bytes"});
  expectation out;
  if (s.has("status")) {
    out.statuses.clear();
    if (s.at("status").IsScalar())
      out.statuses.push_back(s.whole<int>("status", 200, 100, 599));
    else
      for (const auto& each : s.at("status"))
        out.statuses.push_back(each.as<int>(0));
  }
  out.type = s.text("type");
  try {
    if (s.has("shape")) out.form = shape_named(s.text("shape"));
  } catch (const usage_error& e) {
    s.refuse(e.what(), s.at("shape"));
  }
  out.min_bytes = s.whole<std::size_t>("min_bytes", out.min_bytes, 0, 1e9);
  out.max_bytes = s.whole<std::size_t>("max_bytes", out.max_bytes, 0, 1e9);
  return out;
}

void add_head_line(std::string& head, const section& s, const std::string& name, const std::string& value) {
  const auto bad = [](const std::string& t) { return t.find_first_of("\r\n") != t.npos; };
  if (name.empty() || bad(name) || bad(value) || name.find_first_of(": ") != name.npos)
    s.refuse("header " + name + " cannot be sent");
  head += name + ": " + value + "\r\n";
}

// A request; its name is that of `name` or the path.
std::size_t add_kind(scenario& out, const section& s) {
  const std::string path = s.text("get");
  if (path.empty()) s.refuse(s.shown("get") + " is missing: the path to ask");
  const std::string name = s.text("name", path);
  for (const request_kind& other : out.kinds)
    if (other.name == name) s.refuse("name " + name + " is taken");
  try {
    request_kind k{name, path_template{path}};
    k.revalidate = s.flag("revalidate");
    if (s.has("expect")) k.expect = read_expectation(s.sub("expect"));
    if (k.revalidate) k.expect.statuses.push_back(304);
    if (s.has("headers")) {
      const section h = s.sub("headers");
      if (!h.node().IsMap()) h.refuse(s.shown("headers") + " must be a mapping");
      for (const auto& each : h.node())
        add_head_line(k.head, s, each.first.as<std::string>(""), each.second.as<std::string>(""));
    }
    out.kinds.push_back(std::move(k));
  } catch (const refused_section&) {
    throw;
  } catch (const usage_error& e) {
    s.refuse(e.what());
  }
  return out.kinds.size() - 1;
}

std::vector<std::string_view> request_keys(std::initializer_list<std::string_view> more = {}) {
  std::vector<std::string_view> out{"name", "get", "headers", "revalidate", "expect"};
  out.insert(out.end(), more);
  return out;
}

void read_maps(scenario& out, const section& s) {
  s.allow({"users", "start", "tiles", "think", "zoom", "screen", "held", "zipf", "hot_places"});
  map_users& m = out.maps;
  m.users = s.whole<std::size_t>("users", 1, 1, 10'000);
  m.think_s = s.seconds("think", m.think_s);
  if (m.think_s <= 0) s.refuse(s.shown("think") + " must be above 0");
  for (const section& each : s.list("start")) {
    each.allow(request_keys());
    m.start.push_back(add_kind(out, each));
    if (out.kinds.back().path.wants_point() || out.kinds.back().path.wants_tile())
      each.refuse("a start-up request has no places for points or tiles");
  }
  if (s.has("tiles")) {
    const section t = s.sub("tiles");
    t.allow(request_keys());
    m.tiles = add_kind(out, t);
    if (!out.kinds.back().path.wants_tile()) t.refuse(t.shown("get") + " needs {z}/{x}/{y}");
  }
  const auto pair = [&](const char* key, int& low, int& high, int most) {
    const auto both = s.list(key);
    if (both.empty()) return;
    int got[2] = {-1, -1};
    for (std::size_t i = 0; i < both.size() && i < 2; ++i)
      YAML::convert<int>::decode(both[i].node(), got[i]);
    if (both.size() != 2 || got[0] < 0 || got[1] < 0 || got[0] > most || got[1] > most)
      s.refuse(fmt::format("{} must be two whole numbers from 0 to {}, as [4, 3]", s.shown(key), most),
               s.at(key));
    low = got[0];
    high = got[1];
  };
  pair("zoom", m.min_zoom, m.max_zoom, 22);
  pair("screen", m.wide, m.high, 20);
  if (m.min_zoom > m.max_zoom || m.wide == 0 || m.high == 0) s.refuse("zoom and screen: from small to large");
  m.held = s.whole<std::size_t>("held", m.held, 0, 100'000);
  m.zipf = s.number("zipf", m.zipf, 0, 5);
  m.hot_places = s.whole<std::size_t>("hot_places", m.hot_places, 1, 100'000);
}

void read_places(scenario& out, const section& s) {
  s.allow({"layers", "most", "spread_m", "area"});
  out.layers = s.texts("layers");
  out.most_places = s.whole<std::size_t>("most", out.most_places, 1, 1e6);
  out.spread_m = s.number("spread_m", out.spread_m, 0, 1e6);
  if (!s.has("area")) return;
  const auto edges = s.list("area");
  double e[4] = {};
  bool right = edges.size() == 4;
  for (std::size_t i = 0; right && i < 4; ++i)
    right = YAML::convert<double>::decode(edges[i].node(), e[i]);
  if (!right || !(e[0] <= e[2] && e[1] <= e[3]))
    s.refuse(s.shown("area") + " must be [min_lon, min_lat, max_lon, max_lat]", s.at("area"));
  out.area = geo::bbox{e[0], e[1], e[2], e[3]};
}

}  // namespace

bool scenario::wants_places() const {
  for (const request_kind& k : kinds)
    if (k.path.wants_point() || k.path.wants_tile()) return true;
  return false;
}

scenario read_scenario(const std::string& text, const std::string& file) {
  YAML::Node root;
  try {
    root = YAML::Load(text);
  } catch (const YAML::Exception& e) {
    throw usage_error{fmt::format("{}:{}: {}", file, e.mark.is_null() ? 1 : e.mark.line + 1, e.msg)};
  }
  if (!root.IsMap())
    throw usage_error{file + ":1: a scenario is a mapping with the keys about, mix, polls, maps"};
  const section s{root, "", file};
  s.allow({"about", "connections", "rate", "warm_up", "duration", "ramp", "timeout", "places", "mix", "polls",
           "maps", "bursts"});
  scenario out;
  out.about = s.text("about");
  out.connections = s.whole<std::size_t>("connections", out.connections, 1, 10'000);
  out.rate = s.number("rate", 0, 0, 1e6);
  out.warm_up_s = s.seconds("warm_up", out.warm_up_s);
  out.duration_s = s.seconds("duration", out.duration_s);
  out.ramp_s = s.seconds("ramp", out.ramp_s);
  out.timeout_s = s.seconds("timeout", out.timeout_s, 600);
  if (s.has("places")) read_places(out, s.sub("places"));
  for (const section& each : s.list("mix")) {
    each.allow(request_keys({"weight"}));
    const double weight = each.number("weight", 1, 0.001, 1e6);
    out.mix.push_back({add_kind(out, each), weight});
    if (out.kinds.back().path.wants_tile()) each.refuse("{z}/{x}/{y} belong to maps.tiles; here {tile:ZOOM}");
  }
  for (const section& each : s.list("polls")) {
    each.allow(request_keys({"users", "every"}));
    poll_part p;
    p.users = each.whole<std::size_t>("users", 1, 1, 100'000);
    p.every_s = each.seconds("every", p.every_s);
    if (p.every_s <= 0) each.refuse("every must be above 0");
    p.kind = add_kind(out, each);
    out.polls.push_back(p);
  }
  if (s.has("maps")) read_maps(out, s.sub("maps"));
  if (s.has("bursts")) {
    const section b = s.sub("bursts");
    b.allow({"every", "for", "times"});
    out.bursts = {b.seconds("every", 20), b.seconds("for", 2), b.number("times", 10, 1, 1000)};
    if (out.bursts.every_s <= out.bursts.for_s) b.refuse("a burst must be over before the next begins");
  }
  if (out.kinds.empty()) throw usage_error{file + ": nothing is asked: mix, polls and maps are empty"};
  if (out.rate == 0 && (!out.polls.empty() || out.maps.users > 0) && !out.mix.empty())
    throw usage_error{file + ": with polls or maps the mix needs a rate"};
  if (out.wants_places() && out.layers.empty() && !out.area)
    throw usage_error{file + ": requests with random points need places: {layers: […]} or {area: […]}"};
  return out;
}

scenario scenario_of_path(const std::string& path) {
  scenario out;
  out.name = "path";
  out.kinds.push_back({path, path_template{path}});
  if (out.kinds.back().path.wants_tile())
    throw usage_error{"{z}, {x} and {y} need a scenario; use {tile:ZOOM}"};
  out.mix.push_back({0, 1});
  return out;
}

}  // namespace gridlight::bench
