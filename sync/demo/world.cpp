#include "sync/demo/world.hpp"

#include <algorithm>
#include <limits>

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { circuit_weights = 1, moods, circuit_figures, outage_draws };

std::vector<range> ranges(std::int64_t total, const std::vector<int>& weights) {
  std::vector<range> out;
  int first = 0;
  for (const int count : apportioned(total, weights)) {
    out.push_back({first, count});
    first += count;
  }
  return out;
}

}  // namespace

world::world(double scale, std::int64_t number)
    : seed(random{static_cast<std::uint64_t>(number)}.next()), counts(scale), land(lay_out(counts)) {
  flood();
  found_substations();
  found_circuits();
  string_lines();
  link_substations();
  for (circuit& c : circuits) {
    set_poles(c);
    hang_transformers(c);
    place_meters(c);
    plant_trees(c);
  }
  tie_circuits();
  decide_moods();
  break_things();
}

// Each takes the name of the nearest place; a second one there is numbered.
void world::found_substations() {
  std::vector<int> used(places().size(), 0);
  for (const rect& district : land.districts) {
    const position middle = to_ground(district.centre());
    std::size_t best = 0;
    double least = std::numeric_limits<double>::max();
    for (std::size_t i = 0; i < places().size(); ++i) {
      const double d = distance(middle, places()[i].at()) + 700.0 * used[i];
      if (d < least) best = i, least = d;
    }
    std::string name{places()[best].name};
    if (++used[best] > 1) name += " " + std::to_string(used[best]);
    substations.push_back({std::move(name), &places()[best], middle, mood::good, {}});
  }
}

void world::found_circuits() {
  random r = stream(circuit_weights, 0);
  std::vector<int> weights;
  for (int i = 0; i < counts.circuits; ++i)
    weights.push_back(r.between(700, 1300));
  const int transmission = counts.substations - 1;
  const auto lines_of = ranges(std::max(counts.circuits, counts.power_lines - transmission), weights);
  const auto poles_of = ranges(counts.poles(), weights),
             transformers_of = ranges(counts.transformers, weights),
             buildings_of = ranges(counts.buildings, weights), meters_of = ranges(counts.meters, weights),
             trees_of = ranges(counts.vegetation, weights);
  const auto ponds_of = ranges(counts.water - static_cast<int>(waters.size()), weights);

  const auto circuits_of = ranges(counts.circuits, std::vector<int>(substations.size(), 1));
  for (std::size_t s = 0; s < substations.size(); ++s) {
    const range own = substations[s].circuits = circuits_of[s];
    if (own.count == 0) continue;
    vec place;
    const auto lands =
        share_out(land.districts[s], {weights.begin() + own.first, weights.begin() + own.end()}, place);
    substations[s].at = to_ground(place);
    for (int i = own.first; i < own.end(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const circuit_counts size{lines_of[k].count, poles_of[k].count, transformers_of[k].count,
                                buildings_of[k].count, ponds_of[k].count};
      circuits.push_back({static_cast<int>(s), i - own.first + 1,
                          circuit_layout{lands[static_cast<std::size_t>(i - own.first)], size}, lines_of[k],
                          poles_of[k], transformers_of[k], buildings_of[k], ponds_of[k], meters_of[k],
                          trees_of[k], mood::good});
    }
  }
}

void world::string_lines() {
  for (std::size_t i = 0; i < circuits.size(); ++i) {
    const circuit& c = circuits[i];
    for (const circuit_layout::line& planned : c.layout.lines()) {
      power_line line{static_cast<int>(i),
                      c.substation,
                      lines.size() == static_cast<std::size_t>(c.lines.first) ? voltage_class::medium
                                                                              : voltage_class::low,
                      {}};
      for (const vec p : planned.path)
        line.path.push_back(to_ground(p));
      lines.push_back(std::move(line));
    }
  }
}

// A tree of transmission lines: each substation to the nearest of those closer to the core.
void world::link_substations() {
  for (std::size_t i = 1;
       i < substations.size() && lines.size() < static_cast<std::size_t>(counts.power_lines); ++i) {
    std::size_t best = 0;
    for (std::size_t k = 1; k < i; ++k)
      if (distance(substations[i].at, substations[k].at) < distance(substations[i].at, substations[best].at))
        best = k;
    const position from = substations[i].at, to = substations[best].at;
    // Straight in degrees is not straight on the ground: short pieces keep the difference under a centimetre
    // or two.
    const int pieces = 1 + static_cast<int>(distance(from, to) / 1000);
    power_line line{-1, static_cast<int>(i), voltage_class::high, {}};
    for (int k = 0; k <= pieces; ++k)
      line.path.push_back(between(from, to, static_cast<double>(k) / pieces));
    lines.push_back(std::move(line));
  }
}

void world::decide_moods() {
  random r = stream(moods, 0);
  const int n = counts.substations;
  const auto quota = [&](int percent) { return std::max(n >= 4 ? 1 : 0, n * percent / 100); };
  std::vector<mood> all(static_cast<std::size_t>(n), mood::good);
  auto at = all.begin();
  at = std::fill_n(at, quota(8), mood::critical);
  at = std::fill_n(at, quota(18), mood::warning);
  std::fill_n(at, quota(3), mood::unknown);
  for (std::size_t i = all.size(); i > 1; --i)
    std::swap(all[i - 1], all[r.below(static_cast<std::uint32_t>(i))]);

  for (std::size_t s = 0; s < substations.size(); ++s) {
    const mood state = substations[s].state = all[s];
    const range own = substations[s].circuits;
    const int worst = own.count == 0 ? -1 : own.first + r.between(0, own.count - 1);
    for (int i = own.first; i < own.end(); ++i) {
      circuit& c = circuits[static_cast<std::size_t>(i)];
      const int draw = r.between(0, 99);
      c.state = i == worst || state == mood::unknown   ? state
                : draw < 3                             ? mood::unknown
                : state == mood::critical && draw < 12 ? mood::critical
                : state != mood::good && draw < 35     ? mood::warning
                                                       : mood::good;
      const bool by_load = r.chance(60);
      c.load = r.between(24.0, 69.0);
      c.health = r.between(71.0, 98.5);
      if (c.state == mood::warning)
        (by_load ? c.load : c.health) = by_load ? r.between(70.5, 84.9) : r.between(51.0, 69.5);
      if (c.state == mood::critical)
        (by_load ? c.load : c.health) = by_load ? r.between(85.5, 112.0) : r.between(28.0, 49.5);
    }
  }
}

void world::break_things() {
  random r = stream(outage_draws, 0);
  using state = outage::state;
  for (int i = 0; i < counts.outages; ++i) {
    const int c = r.between(0, static_cast<int>(circuits.size()) - 1);
    const range own = circuits[static_cast<std::size_t>(c)].transformers;
    const int at = own.count > 0 ? r.between(own.first, own.end() - 1) : 0;
    // Every status first, then most of them closed.
    const auto status = i < 5          ? static_cast<state>(i)
                        : r.chance(65) ? state::restored
                                       : static_cast<state>(r.between(0, 3));
    const bool open = status != state::restored;
    const std::int64_t age =
        open ? r.between(5, 11 * 60) * minute : r.between(12 * 60, 7 * 24 * 60 - 1) * minute;
    outages.push_back({c, transformers[static_cast<std::size_t>(at)].at, status, reference_time - age});
    if (open) ++circuits[static_cast<std::size_t>(c)].open_outages;
  }
}

}  // namespace gridlight::sync::demo
