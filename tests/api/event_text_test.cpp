// What listeners are told, and what those who come again have missed.
#include "api/event_text.hpp"

#include <doctest/doctest.h>

using namespace gridlight;
using namespace gridlight::api;

namespace {

std::string joined(const std::vector<http::chunk_pointer>& pieces) {
  std::string out;
  for (const auto& piece : pieces)
    out += piece->plain();
  return out;
}

layer_change change(std::int64_t version, std::vector<geo::bbox> envelopes) {
  return {version, envelopes.empty(), std::move(envelopes)};
}

std::shared_ptr<const grid_state> grid(const std::string& load, bool with_outage) {
  auto out = std::make_shared<grid_state>();
  out->substations["\"S1\""] = "{\"substation_id\":\"S1\",\"avg_load\":" + load + "}";
  out->substations["\"S2\""] = "{\"substation_id\":\"S2\"}";
  out->substations_member = http::make_chunk(",\"substations\":[s]");
  out->outages_member = http::make_chunk(",\"outages\":[o]");
  if (with_outage) out->outages["\"O1\""] = {"{\"id\":\"O1\"}", geo::bbox{10, 10, 10, 10}};
  return out;
}

struct world {
  std::map<std::string, layer_knowledge> layers;
  std::shared_ptr<const grid_state> rows = grid("1", false);

  event_state_pointer state() const {
    auto out = std::make_shared<event_state>();
    auto known = std::make_shared<version_store::knowledge>();
    for (const auto& [layer, k] : layers) {
      (*known)[layer] = std::make_shared<const layer_knowledge>(k);
      out->told[layer] = {k.version, k.tiles ? k.tiles->version : 0};
    }
    out->known = std::move(known);
    out->grid = rows;
    return out;
  }
};

world start() {
  world w;
  w.layers["circuits"].version = 5;
  w.layers["outages"].version = 3;
  w.layers["topology"].version = 10;
  w.layers["topology"].tiles = {9, 14};
  return w;
}

const event_filter everything{{"circuits", "outages", "topology"}, {}, {}};

std::string step(const event_state_pointer& before, const world& after, const event_filter& f = everything) {
  const auto text = event_step{before, after.state()}.text(f);
  return text ? *text : "SNAPSHOT";
}

}  // namespace

TEST_CASE("an id names the versions, and is read back; what is none of ours is none") {
  const told_versions told{{"circuits", {97, 0}}, {"customers", {4, 3, 8}}, {"topology", {812, 810}}};
  CHECK(event_id(told) == "circuits=97,customers=4/3/8,topology=812/810");
  CHECK(read_event_id(event_id(told)) == told);
  told_versions marked = told;
  marked.mark = 0x1f0c29d07a6b35;
  CHECK(event_id(marked) == "@001f0c29d07a6b35,circuits=97,customers=4/3/8,topology=812/810");
  CHECK(read_event_id(event_id(marked)) == told);
  CHECK(read_event_id(event_id(marked))->mark == marked.mark);
  for (const char* junk :
       {"@", "@,a=1", "@0,a=1", "@xyz,a=1", "@1f", "@1f,", "@11111111111111111,a=1", "@1 ,a=1"})
    CHECK_FALSE(read_event_id(junk).has_value());
  for (const char* junk :
       {"", ",", "a", "a=", "=1", "a=-1", "a=1/", "a=1/x", "a=1,a=2", "a=1,,b=2", "a=99999999999999999999",
        "812.97", "a=1 ", "a=1/2/3/4", "a=1/2/", "a=1/2/-3", "a= 1"})
    CHECK_FALSE(read_event_id(junk).has_value());
  CHECK(read_event_id("a=1,")->size() == 1);
}

TEST_CASE("a layer's change is told with its envelopes, to those whom they touch") {
  world w = start();
  const auto before = w.state();
  w.layers["topology"].version = 12;
  w.layers["topology"].changes = {change(10, {{0, 0, 90, 80}}), change(11, {{1, 2, 3, 4}, {179, 0, 180, 1}}),
                                  change(12, {{1, 2, 3, 4}})};
  const std::string id = "\nid: circuits=5,outages=3,topology=12/9\n\n";
  const std::string head = "event: layer\ndata: {\"layer\":\"topology\",\"version\":12,\"envelopes\":[";
  CHECK(step(before, w) == head + "[1,2,3,4],[179,0,180,1]]}" + id);
  event_filter f = everything;
  f.box = {3, 4, 5, 6};
  CHECK(step(before, w, f) == head + "[1,2,3,4]]}" + id);
  f.box = {170, 0, -170, 1};  // over the antimeridian
  CHECK(step(before, w, f) == head + "[179,0,180,1]]}" + id);
  f.box = {4, 4, 5, 6};
  CHECK(step(before, w, f).empty());
  f = {{"outages"}, {}, {}};
  CHECK(step(before, w, f).empty());
  f = {{"topology"}, {"topology"}, std::array<double, 4>{4, 4, 5, 6}};
  CHECK(step(before, w, f).find("\"everything\":true}") != std::string::npos);
  CHECK(step(before, w, f).find("179") == std::string::npos);

  w.layers["topology"].changes.clear();
  w.layers["topology"].floor = 11;
  CHECK(step(before, w).find("\"version\":12,\"everything\":true}") != std::string::npos);
}

TEST_CASE("many envelopes become the one that holds them") {
  world w = start();
  const auto before = w.state();
  w.layers["topology"].version = 11;
  std::vector<geo::bbox> many;
  for (int i = 0; i <= static_cast<int>(most_envelopes); ++i)
    many.push_back({i * 0.1, 0, i * 0.1 + 0.05, 1});
  w.layers["topology"].changes = {change(11, many)};
  CHECK(step(before, w).find("\"envelopes\":[[0,0,6.45,1]]") != std::string::npos);
}

TEST_CASE("tiles made anew are told with what changed between their versions") {
  world w = start();
  w.layers["topology"].changes = {change(10, {{1, 1, 2, 2}})};
  const auto before = w.state();
  w.layers["topology"].tiles = {10, 14};
  CHECK(step(before, w) ==
        "event: layer\ndata: {\"layer\":\"topology\",\"version\":10,\"tiles_version\":10,\"detail_zoom\":14,"
        "\"envelopes\":[[1,1,2,2]]}\nid: circuits=5,outages=3,topology=10/10\n\n");
  w.layers["topology"].tiles.reset();
  CHECK(step(before, w).find("\"tiles_version\":null,\"everything\":true") != std::string::npos);
}

TEST_CASE("rows of substations and outages are told when they differ") {
  world w = start();
  const auto before = w.state();
  w.layers["circuits"].version = 6;
  w.layers["circuits"].changes = {change(6, {})};
  w.rows = grid("2", true);
  const std::string id = "\nid: circuits=6,outages=3,topology=10/9\n\n";
  CHECK(step(before, w) ==
        "event: layer\ndata: {\"layer\":\"circuits\",\"version\":6,\"everything\":true}\n\n"
        "event: status\ndata: {\"substation_id\":\"S1\",\"avg_load\":2}\n\n"
        "event: outage\ndata: {\"id\":\"O1\"}" +
            id);
  event_filter far{{"outages"}, {}, std::array<double, 4>{0, 0, 9, 9}};
  CHECK(step(before, w, far) == "event: status\ndata: {\"substation_id\":\"S1\",\"avg_load\":2}" + id);
  CHECK(step(before, w, {{"topology"}, {}, {}}).empty());

  const auto open = w.state();
  w.rows = grid("2", false);
  CHECK(step(open, w) == "event: outage\ndata: {\"outage_id\":\"O1\",\"gone\":true}" + id);
  CHECK(step(open, w, far).empty());
}

TEST_CASE("a snapshot has versions and rows of what was asked for; another history begins with one") {
  world w = start();
  w.rows = grid("1", true);
  const std::string head = "event: snapshot\nid: circuits=5,outages=3,topology=10/9\ndata: ";
  CHECK(joined(snapshot_text(*w.state(), everything)) ==
        head +
            "{\"versions\":{\"circuits\":5,\"outages\":3,\"topology\":10},\"tiles_versions\":{\"topology\":9}"
            ",\"substations\":[s],\"outages\":[o]}\n\n");
  CHECK(joined(snapshot_text(*w.state(), {{"topology"}, {}, {}})) ==
        head + "{\"versions\":{\"topology\":10},\"tiles_versions\":{\"topology\":9}}\n\n");
  const event_filter near{{"outages"}, {}, std::array<double, 4>{9, 9, 11, 11}},
      far{{"outages"}, {}, std::array<double, 4>{0, 0, 9, 9}};
  CHECK(joined(snapshot_text(*w.state(), near)).find("\"outages\":[{\"id\":\"O1\"}]") != std::string::npos);
  CHECK(joined(snapshot_text(*w.state(), far)).find("\"outages\":[]") != std::string::npos);
  CHECK(step(nullptr, w) == "SNAPSHOT");
}

TEST_CASE("who comes again is told what he missed; a snapshot when that is not known any more") {
  world w = start();
  w.layers["topology"].version = 12;
  w.layers["topology"].floor = 10;
  w.layers["topology"].changes = {change(11, {{1, 2, 3, 4}}), change(12, {{5, 5, 6, 6}})};
  const auto now = w.state();
  const auto resumed = [&](const char* id, const event_filter& f = everything) {
    const auto told = read_event_id(id);
    REQUIRE(told.has_value());
    const auto out = resumed_text(*told, *now, f);
    return out ? joined(*out) : "SNAPSHOT";
  };
  CHECK(resumed("circuits=5,outages=3,topology=12/9").empty());
  CHECK(resumed("circuits=5,outages=3,topology=11/9") ==
        "event: layer\ndata: {\"layer\":\"topology\",\"version\":12,\"envelopes\":[[5,5,6,6]]}\n"
        "id: circuits=5,outages=3,topology=12/9\n\n");
  CHECK(resumed("circuits=5,outages=3,topology=10/9").find("[[1,2,3,4],[5,5,6,6]]") != std::string::npos);
  CHECK(resumed("circuits=5,outages=3,topology=9/9") == "SNAPSHOT");
  CHECK(resumed("circuits=5,outages=3,topology=9/9", {{"outages"}, {}, {}}).empty());
  CHECK(resumed("circuits=5,outages=3,topology=13/9") == "SNAPSHOT");
  CHECK(resumed("circuits=5,topology=12/9") == "SNAPSHOT");
  CHECK(resumed("circuits=5,outages=2,topology=12/9", {{"topology"}, {}, {}}).empty());

  // Versions that are the same say nothing of tables that have none.
  auto silent = *now;
  silent.silent_grid = true;
  const auto same = read_event_id("circuits=5,outages=3,topology=12/9");
  CHECK(joined(*resumed_text(*same, silent, everything)).starts_with("event: snapshot\n"));
  CHECK(joined(*resumed_text(*same, silent, {{"topology"}, {}, {}})).empty());

  w.layers["outages"].changes = {change(3, {{1, 1, 1, 1}})};
  const auto moved = w.state();
  const auto text =
      joined(*resumed_text(*read_event_id("circuits=5,outages=2,topology=12/9"), *moved, everything));
  CHECK(text.starts_with(
      "event: layer\ndata: {\"layer\":\"outages\",\"version\":3,\"envelopes\":[[1,1,1,1]]}\n\n"
      "event: snapshot\nid: circuits=5,outages=3,topology=12/9\n"));
}
