#include <algorithm>
#include <cmath>

#include "sync/demo/world.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { building_draws = 32 };

using kind = building::kind;

// What is built depends on how far the core is and on whether the lot is large.
kind choose(random& r, double core_km, double lot_width) {
  const int draw = r.between(0, 999);
  if (draw < 4) return kind::school;
  if (draw < 12) return kind::church;
  if (core_km < 2)
    return draw < 450   ? kind::office
           : draw < 650 ? kind::retail
           : draw < 900 ? kind::apartments
                        : kind::house;
  if (core_km < 6)
    return draw < 60    ? kind::office
           : draw < 140 ? kind::retail
           : draw < 300 ? kind::apartments
           : draw < 880 ? kind::house
                        : kind::garage;
  if (lot_width > 35 && draw < 70) return kind::industrial;
  return draw < 30    ? kind::office
         : draw < 80  ? kind::retail
         : draw < 130 ? kind::apartments
         : draw < 880 ? kind::house
                      : kind::garage;
}

int floors_of(random& r, kind k, double core_km) {
  switch (k) {
    case kind::office:
      return core_km < 2 ? r.between(4, 60) : r.between(1, 8);
    case kind::apartments:
      return core_km < 6 ? r.between(3, 22) : r.between(2, 4);
    case kind::school:
      return r.between(1, 3);
    case kind::house:
      return r.between(1, 2);
    default:
      return 1;
  }
}

struct size {
  double width, depth;
};
size size_of(random& r, kind k, double lot_width, double lot_depth) {
  const bool small = k == kind::house || k == kind::garage;
  const double w = lot_width * r.between(small ? 0.45 : 0.6, small ? 0.74 : 0.86);
  const double d = lot_depth * r.between(small ? 0.32 : 0.5, small ? 0.55 : 0.82);
  const double most = k == kind::garage ? 9 : small ? 22 : 70;
  return {std::clamp(w, 3.0, most), std::clamp(d, 3.0, most)};
}

}  // namespace

building world::building_at(const circuit& c, int index) const {
  random r = stream(building_draws, static_cast<std::uint64_t>(c.buildings.first + index));
  const circuit_layout::lot lot = c.layout.lot_at(c.layout.lot_of_building(index));
  const double core_km = length(lot.centre) / 1000;
  building b{};
  b.type = choose(r, core_km, lot.width);
  b.floors = floors_of(r, b.type, core_km);
  b.height = std::floor((b.floors * r.between(2.9, 3.6) + (b.type == kind::church ? 9 : 1)) * 10) / 10;

  const size s = size_of(r, b.type, lot.width, lot.depth);
  const position centre = to_ground(lot.centre);
  const vec to_street = unit(offset(centre, to_ground(lot.centre + lot.to_street * 10)));
  // Turned to its street, and moved towards it in what the lot leaves.
  const vec front = to_street, side = left_of(front) * -1;
  const double spare = std::max(0.0, (lot.depth - s.depth) / 2);
  const position middle = moved(centre, front * (spare * r.between(0.1, 0.9)));
  const double w = s.width / 2, d = s.depth / 2;
  const auto corner = [&](double along, double out) { return moved(middle, side * along + front * out); };
  b.front = corner(r.between(-0.6, 0.6) * w, d);
  if (r.chance(18) && s.width > 8 && s.depth > 8) {
    const double cut_w = w * r.between(0.1, 0.7), cut_d = d * r.between(-0.5, 0.5);
    b.corners = {corner(-w, -d),       corner(w, -d),    corner(w, cut_d),
                 corner(cut_w, cut_d), corner(cut_w, d), corner(-w, d)};
    b.corner_count = 6;
    b.front = corner(-w * 0.5, d);
  } else {
    b.corners = {corner(-w, -d), corner(w, -d), corner(w, d), corner(-w, d)};
    b.corner_count = 4;
  }
  return b;
}

}  // namespace gridlight::sync::demo
