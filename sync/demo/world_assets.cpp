// What stands along the lines of a circuit.
#include <algorithm>
#include <cmath>

#include "sync/demo/world.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { transformer_draws = 16, tree_draws };

constexpr double tau = 6.283185307179586;

// The place `along` metres down a path, and the direction of the path there.
struct spot {
  position at;
  vec direction;
};
spot walk(const std::vector<position>& path, double along, std::size_t& piece, double& before) {
  double here = distance(path[piece], path[piece + 1]);
  while (before + here < along && piece + 2 < path.size()) {
    before += here;
    ++piece;
    here = distance(path[piece], path[piece + 1]);
  }
  const double t = here > 0 ? std::min(1.0, (along - before) / here) : 0;
  return {between(path[piece], path[piece + 1], t), offset(path[piece], path[piece + 1])};
}

double to_segment(position p, position a, position b) {
  const vec way = offset(a, b), to_p = offset(a, p);
  const double squared = dot(way, way);
  const double t = squared > 0 ? std::clamp(dot(to_p, way) / squared, 0.0, 1.0) : 0;
  return length(to_p - way * t);
}

}  // namespace

// Evenly along all lines of the circuit, one after the other.
void world::set_poles(circuit& c) {
  double all = 0;
  for (int l = c.lines.first; l < c.lines.end(); ++l)
    all += path_length(lines[static_cast<std::size_t>(l)].path);
  const double gap = all / std::max(1, c.poles.count);
  double line_start = 0;
  int l = c.lines.first;
  std::size_t piece = 0;
  double before = 0;
  double line_length = path_length(lines[static_cast<std::size_t>(l)].path);
  for (int i = 0; i < c.poles.count; ++i) {
    const double s = (i + 0.5) * gap;
    while (s > line_start + line_length && l + 1 < c.lines.end()) {
      line_start += line_length;
      ++l;
      piece = 0;
      before = 0;
      line_length = path_length(lines[static_cast<std::size_t>(l)].path);
    }
    const spot here = walk(lines[static_cast<std::size_t>(l)].path, s - line_start, piece, before);
    const double angle = std::floor(std::atan2(here.direction.y, here.direction.x) * 1000 + 0.5) / 1000;
    poles.push_back({here.at, l, angle < 0 ? angle + std::floor(tau * 1000) / 1000 : angle});
  }
}

// On poles of the laterals, evenly, each fed by the one before it on its line.
void world::hang_transformers(circuit& c) {
  std::vector<int> candidates;
  for (int p = c.poles.first; p < c.poles.end(); ++p)
    if (poles[static_cast<std::size_t>(p)].line > c.lines.first || c.lines.count == 1)
      candidates.push_back(p);
  const auto available = static_cast<std::int64_t>(candidates.size());
  int last = -1, last_line = -1;
  for (std::int64_t k = 0; k < c.transformers.count; ++k) {
    const int p = candidates[static_cast<std::size_t>((2 * k + 1) * available / (2 * c.transformers.count))];
    const pole& on = poles[static_cast<std::size_t>(p)];
    const int number = static_cast<int>(transformers.size());
    random r = stream(transformer_draws, static_cast<std::uint64_t>(number));
    const vec aside{r.between(-0.9, 0.9), r.between(0.4, 0.9)};
    transformers.push_back(
        {static_cast<int>(&c - circuits.data()), p, moved(on.at, aside), on.line == last_line ? last : -1});
    lines[static_cast<std::size_t>(on.line)].transformers++;
    last = number;
    last_line = on.line;
  }
}

// At buildings, evenly; each is served by the nearest transformer of its circuit.
void world::place_meters(circuit& c) {
  for (std::int64_t k = 0; k < c.meters.count; ++k) {
    const int building_index =
        static_cast<int>((2 * k + 1) * std::max(1, c.buildings.count) / (2 * std::max(1, c.meters.count)));
    const position at = building_at(c, building_index).front;
    int best = c.transformers.first;
    double least = 1e9;
    for (int t = c.transformers.first; t < c.transformers.end(); ++t) {
      const double d = distance(at, transformers[static_cast<std::size_t>(t)].at);
      if (d < least) best = t, least = d;
    }
    meters.push_back({static_cast<int>(&c - circuits.data()), best, building_index, at});
    transformer& serving = transformers[static_cast<std::size_t>(best)];
    ++serving.meters;
    ++lines[static_cast<std::size_t>(poles[static_cast<std::size_t>(serving.pole)].line)].meters;
  }
}

bool world::near_transmission(position p, double metres) const {
  const auto degrees = static_cast<std::int32_t>(metres / 90000 * 1e7);
  for (auto line = lines.rbegin(); line != lines.rend() && line->voltage == voltage_class::high; ++line) {
    const position a = line->path.front(), b = line->path.back();
    if (p.lon_e7 < std::min(a.lon_e7, b.lon_e7) - degrees ||
        p.lon_e7 > std::max(a.lon_e7, b.lon_e7) + degrees ||
        p.lat_e7 < std::min(a.lat_e7, b.lat_e7) - degrees ||
        p.lat_e7 > std::max(a.lat_e7, b.lat_e7) + degrees)
      continue;
    for (std::size_t i = 1; i < line->path.size(); ++i)
      if (to_segment(p, line->path[i - 1], line->path[i]) < metres) return true;
  }
  return false;
}

// Beside the middle of a street's line, on the side where the houses are and at the edge of a lot, so that
// the line is the nearest and the distance to it is what was drawn.
void world::plant_trees(circuit& c) {
  const auto& planned = c.layout.lines();
  for (int i = 0; i < c.trees.count; ++i) {
    random r = stream(tree_draws, trees.size());
    tree made{};
    for (int attempt = 0; attempt < 20; ++attempt) {
      const std::size_t l =
          planned.size() == 1 ? 0 : 1 + r.below(static_cast<std::uint32_t>(planned.size() - 1));
      const auto& street = r.pick<circuit_layout::line::run>(planned[l].streets);
      const std::size_t pieces = street.last - street.first;
      const std::size_t piece =
          street.first + (pieces > 2 ? 1 + r.below(static_cast<std::uint32_t>(pieces - 2)) : 0);
      const vec from = planned[l].path[piece], way = planned[l].path[piece + 1] - from;
      // The nearest edge of a lot within the piece.
      const double u = c.layout.along(from + way * r.between(0.25, 0.75)), w = c.layout.lot_width();
      const double edge = c.layout.first_lot_u() + std::floor((u - c.layout.first_lot_u()) / w + 0.5) * w;
      const double u0 = c.layout.along(from), u1 = c.layout.along(from + way);
      const double t = (edge - u0) / (u1 - u0);
      const bool at_edge = t > 0.1 && t < 0.9;
      const double widest = at_edge ? std::min(25.0, (c.layout.lot_at(0).depth + 5) * 0.45) : 5;
      const int draw = r.between(0, 99);
      // A few touch the line, some come near it.
      const double low = draw < 5 ? 0.4 : draw < 17 ? 2.5 : 5.0;
      const double high = draw < 5 ? 2.5 : draw < 17 ? 5.0 : std::max(5.5, widest);
      made.distance = std::floor(r.between(low, high) * 100) / 100;
      const int line = c.lines.first + static_cast<int>(l);
      const auto& path = lines[static_cast<std::size_t>(line)].path;
      const position foot = between(path[piece], path[piece + 1], at_edge ? t : 0.5);
      const vec houses = offset(to_ground(from), to_ground(from + c.layout.across() * 20));
      vec normal = left_of(unit(offset(path[piece], path[piece + 1])));
      if (dot(normal, houses) < 0) normal = normal * -1;
      made.at = moved(foot, normal * made.distance);
      made.line = line;
      made.canopy = std::floor(r.between(0.8, std::min(6.5, 1.5 + made.distance * 0.45)) * 10) / 10;
      made.height = std::floor((made.canopy * r.between(1.8, 3.2) + r.between(2.0, 5.0)) * 10) / 10;
      if (!near_transmission(made.at, 40)) break;
    }
    trees.push_back(made);
  }
}

// Normally open connections between neighbours of one substation, where their lines come closest. What is
// then left of the topology's rows connects meters.
void world::tie_circuits() {
  const int wanted = counts.topology / 300;
  int made = 0;
  for (std::size_t i = 0; i + 1 < circuits.size() && made < wanted; i += 2) {
    circuit &a = circuits[i], &b = circuits[i + 1];
    if (a.substation != b.substation || a.transformers.count == 0 || b.transformers.count == 0) continue;
    double least = 1e9;
    for (int t = a.transformers.first; t < a.transformers.end(); ++t)
      for (int k = b.transformers.first; k < b.transformers.end(); ++k) {
        const double d = distance(transformers[static_cast<std::size_t>(t)].at,
                                  transformers[static_cast<std::size_t>(k)].at);
        if (d < least) a.tie_from = t, a.tie_to = k, least = d;
      }
    ++made;
  }
  const int others = counts.circuits + counts.transformers + made;
  service_connections = std::clamp(counts.topology - others, 0, counts.meters);
}

}  // namespace gridlight::sync::demo
