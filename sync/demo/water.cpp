#include <algorithm>
#include <cmath>

#include "sync/demo/world.hpp"

namespace gridlight::sync::demo {
namespace {

enum stream_kind : std::uint64_t { lake_draws = 48, bayou_draws, pond_draws };

// Places round a centre, counter-clockwise; the outline swings between 1 - roughness and 1 of the radii.
std::vector<vec> round_shape(random& r, vec radii, int per_quarter, double roughness) {
  std::vector<vec> out;
  const int n = 4 * per_quarter, bumps = r.between(3, 5);
  const double deep = r.between(0.3, 1.0) * roughness;
  for (int i = 0; i < n; ++i) {
    // A circle without sines: the rational parametrisation, a quarter at a time.
    const double t = static_cast<double>(i % per_quarter) / per_quarter, d = 1 + t * t;
    vec p{(1 - t * t) / d, 2 * t / d};
    for (int q = 0; q < i / per_quarter; ++q)
      p = left_of(p);
    const double phase = static_cast<double>(i * bumps % n) / n;
    const double k = 1 - deep * (1 - std::abs(2 * phase - 1)) - r.between(0.0, 0.06);
    out.push_back({p.x * radii.x * k, p.y * radii.y * k});
  }
  return out;
}

// A ribbon of water winding along the middle of a corridor, from one cross-section to another.
std::vector<position> ribbon(const corridor& c, int first, int last, double start, double swing) {
  const vec way = unit(c.to - c.from), aside = left_of(way);
  const auto bank = [&](int i, double side) {
    const double s = i * 50.0, t = s / 620 + start;
    const double phase = t - std::floor(t);
    const double wave = phase < 0.5 ? 16 * phase * (0.5 - phase) : -16 * (phase - 0.5) * (1 - phase);
    const double half = 8 + 6 * (1 + wave * 0.5);
    return to_ground(c.from + way * s + aside * (wave * swing + side * half));
  };
  std::vector<position> ring;
  for (int i = first; i <= last; ++i)
    ring.push_back(bank(i, -1));
  for (int i = last; i >= first; --i)
    ring.push_back(bank(i, 1));
  return ring;
}

}  // namespace

// Lakes fill districts of their own; bayous wind through the wide corridors, in pieces of about 800 m.
void world::flood() {
  random r = stream(lake_draws, 0);
  for (std::size_t i = 0; i < land.lakes.size(); ++i) {
    const rect& area = land.lakes[i];
    water_body lake{"water", lakes()[i % lakes().size()], {}};
    for (const vec p : round_shape(r, {area.width() * 0.46, area.height() * 0.46}, 16, 0.4))
      lake.ring.push_back(to_ground(area.centre() + p));
    waters.push_back(std::move(lake));
  }
  const std::size_t most = static_cast<std::size_t>(counts.water) / 4;
  for (std::size_t k = 0; k < land.corridors.size(); ++k) {
    const corridor& c = land.corridors[k];
    if (c.half_width < 50) break;
    random own = stream(bayou_draws, k);
    const double start = own.unit(), swing = own.between(8.0, 25.0);
    const std::string_view name = bayous()[k % bayous().size()];
    const std::string_view type = name.find("River") != std::string_view::npos   ? "river"
                                  : name.find("Creek") != std::string_view::npos ? "stream"
                                  : k % 7 == 3                                   ? "canal"
                                                                                 : "river";
    const int sections = static_cast<int>(length(c.to - c.from) / 50);
    for (int at = 0; at < sections && waters.size() < most; at += 16)
      waters.push_back({type, name, ribbon(c, at, std::min(at + 16, sections), start, swing)});
  }
}

std::vector<position> world::pond_at(const circuit& c, int lot) const {
  random r = stream(pond_draws,
                    static_cast<std::uint64_t>(c.buildings.first) * 64 + static_cast<std::uint64_t>(lot));
  const circuit_layout::lot where = c.layout.lot_at(lot);
  const position centre = to_ground(where.centre);
  const vec front = unit(offset(centre, to_ground(where.centre + where.to_street * 10)));
  const vec side = left_of(front) * -1;
  const vec radii{where.width * r.between(0.3, 0.45), where.depth * r.between(0.25, 0.42)};
  std::vector<position> ring;
  for (const vec p : round_shape(r, radii, 4, 0.3))
    ring.push_back(moved(centre, side * p.x + front * p.y));
  return ring;
}

}  // namespace gridlight::sync::demo
