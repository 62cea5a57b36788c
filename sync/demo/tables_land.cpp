#include <algorithm>
#include <array>
#include <cmath>

#include "sync/demo/tables.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { building_names = 80, tree_kinds };

std::size_t circuit_pieces(const world& w) {
  return w.circuits.size();
}

struct kind_text {
  std::string_view type, name;
};
kind_text describe(building::kind k) {
  using kind = building::kind;
  switch (k) {
    case kind::house:
      return {"residential", {}};
    case kind::apartments:
      return {"apartments", "Apartments"};
    case kind::retail:
      return {"retail", "Market"};
    case kind::office:
      return {"office", "Tower"};
    case kind::industrial:
      return {"industrial", "Works"};
    case kind::school:
      return {"school", "Elementary School"};
    case kind::church:
      return {"church", "Church"};
    case kind::garage:
      break;
  }
  return {"garage", {}};
}

void write_buildings(const world& w, std::size_t piece, copy_rows& out) {
  const circuit& c = w.circuits[piece];
  for (int i = 0; i < c.buildings.count; ++i) {
    const building b = w.building_at(c, i);
    const int number = c.buildings.first + i;
    const kind_text text = describe(b.type);
    out.row(6).text(id("BLD-", number + 1, 7));
    random r = w.stream(building_names, static_cast<std::uint64_t>(number));
    const bool always = b.type == building::kind::school || b.type == building::kind::church;
    if (!text.name.empty() && (always || r.chance(10)))
      out.text(business_name(r, text.name));
    else
      out.null();
    out.text(text.type).number(b.height).integer(b.floors);
    out.polygon({b.corners.data(), static_cast<std::size_t>(b.corner_count)});
  }
}

void water_row(int number, const water_body& body, copy_rows& out) {
  out.row(6).bigint(number + 1).bigint(900000000 + 7 * static_cast<std::int64_t>(number));
  if (body.name.empty())
    out.null();
  else
    out.text(body.name);
  // Hundredths of an acre of 4,046.856 m².
  out.text(body.type).numeric2(std::llround(area_m2(body.ring) / 40.46856)).polygon(body.ring);
}

// Lakes and bayous first, then a piece a circuit with its ponds.
void write_water(const world& w, std::size_t piece, copy_rows& out) {
  if (piece == 0) {
    for (std::size_t i = 0; i < w.waters.size(); ++i)
      water_row(static_cast<int>(i), w.waters[i], out);
    return;
  }
  const circuit& c = w.circuits[piece - 1];
  int number = static_cast<int>(w.waters.size()) + c.ponds.first;
  for (int lot = 0; lot < c.layout.lots(); ++lot)
    if (c.layout.is_pond(lot)) water_row(number++, {"water", {}, w.pond_at(c, lot)}, out);
}

struct line_rules {
  double kv, clearance;  // kilovolts; metres to keep free
};
line_rules rules_of(voltage_class v) {
  switch (v) {
    case voltage_class::high:
      return {138, 5.2};
    case voltage_class::medium:
      return {34.5, 3.7};
    case voltage_class::low:
      break;
  }
  return {12.47, 3.0};
}

void write_trees(const world& w, std::size_t piece, copy_rows& out) {
  constexpr auto kinds =
      std::to_array<std::string_view>({"live oak", "water oak", "loblolly pine", "pecan", "crape myrtle",
                                       "Chinese tallow", "sweetgum", "bald cypress"});
  constexpr auto sources = std::to_array<std::string_view>({"LIDAR", "SATELLITE", "FIELD_SURVEY"});
  const circuit& c = w.circuits[piece];
  for (int i = c.trees.first; i < c.trees.end(); ++i) {
    const tree& t = w.trees[static_cast<std::size_t>(i)];
    const line_rules rules = rules_of(w.lines[static_cast<std::size_t>(t.line)].voltage);
    random r = w.stream(tree_kinds, static_cast<std::uint64_t>(i));
    // Air between the canopy and the line decides; it shrinks as the tree grows.
    const double gap = t.distance - t.canopy;
    const double growth = r.between(0.25, 0.9);
    const std::string_view level = gap <= 0                    ? "critical"
                                   : gap < rules.clearance     ? "warning"
                                   : gap < rules.clearance * 2 ? "monitor"
                                                               : "safe";
    const double relative = std::max(0.0, gap) / rules.clearance;
    const double score =
        std::clamp(0.96 / (1 + relative * relative) + (t.height > t.distance ? 0.04 : 0), 0.0, 1.0);
    out.row(15).text(id("VEG-", i + 1, 6)).text("tree").text(r.pick<std::string_view>(kinds));
    out.longitude(t.at).latitude(t.at).number(t.height).number(t.canopy);
    out.number(rounded(score, 3)).text(level).number(t.distance).text(line_id(t.line)).number(rules.kv);
    out.number(rounded(std::max(0.0, rules.clearance - gap), 2))
        .number(rounded(std::max(0.0, gap) / growth, 1));
    out.text(r.pick<std::string_view>(sources));
  }
}

}  // namespace

const demo_table buildings_table{"buildings",
                                 "building_footprints",
                                 "building_id, building_name, building_type, height_meters, num_floors, geom",
                                 [](const world& w) { return w.counts.buildings; },
                                 circuit_pieces,
                                 write_buildings};

const demo_table water_table{"water",
                             "osm_water",
                             "id, osm_id, name, water_type, acres, geom",
                             [](const world& w) { return w.counts.water; },
                             [](const world& w) { return w.circuits.size() + 1; },
                             write_water};

const demo_table vegetation_table{
    "vegetation",
    "vegetation_risk",
    "tree_id, class, subtype, longitude, latitude, height_m, canopy_radius_m, risk_score, risk_level, "
    "distance_to_line_m, nearest_line_id, nearest_line_voltage_kv, clearance_deficit_m, "
    "years_to_encroachment, "
    "data_source",
    [](const world& w) { return w.counts.vegetation; },
    circuit_pieces,
    write_trees};

}  // namespace gridlight::sync::demo
